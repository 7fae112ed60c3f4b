import { failure, list, type Won } from './acquire/attempt.ts';
import { at, type Cancel, type Clock, TIMER_LATENESS } from './clock.ts';
import { LockLostError, LockReleasedError, type LossReason, type Vote } from './errors.ts';
import type { LockNode } from './node/lock-node.ts';
import type { CallOptions } from './options.ts';
import { checkTtl } from './options.ts';
import type { Lease } from './quorum/lease.ts';
import { extensionInterval, extensionReserve, validUntil } from './quorum/validity.ts';
import { votesOf } from './quorum/votes.ts';

export interface Release {
  /**
   * `released`: a quorum of nodes confirmed that the keys were there and are gone. `expired`: the lock had been
   * lost before. `unconfirmed`: too few nodes answered in time; they go on owing the deletion, and the keys expire.
   */
  readonly outcome: 'released' | 'expired' | 'unconfirmed';
  /** `granted`: deleted there; `denied`: it was not there any more. Empty when nothing was asked. */
  readonly votes: readonly Vote[];
}

/** What a lock needs of the Redlock that made it. */
export interface LockPlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  readonly resources: readonly string[];
  readonly options: CallOptions;
  readonly autoExtend: boolean;
  readonly won: Won;
  /** Called before a call returns. */
  readonly returning: () => void;
  /** Whether its keys are handed on within this process if it is released now, so that nobody else need be told. */
  handsOn(): boolean;
  /** Called once, when the lock is released or lost, and the nodes have been asked to delete it. */
  ended(lock: Lock): void;
}

/** A held lock. Everything it says is read off the clock first: it never claims to be held after its validity. */
export class Lock {
  /** What is locked; without duplicates, in the order given. */
  readonly resources: readonly string[];
  readonly #plan: LockPlan;
  readonly #lease: Lease;
  /** No validity beyond this instant, however often the lock is extended. */
  readonly #heldAtMostUntil: number;
  #validUntil: number;
  #state: 'held' | 'released' | 'lost' = 'held';
  #loss: LockLostError | undefined;
  #controller: AbortController | undefined;
  #extending: Promise<void> | undefined;
  #lastExtension = Number.NEGATIVE_INFINITY;
  #release: Promise<Release> | undefined;
  #cancelExpiry: Cancel;
  #cancelExtension: Cancel | undefined;

  /** Made by `Redlock.acquire`, `tryAcquire` and `using`. */
  constructor(plan: LockPlan) {
    const { options, autoExtend, resources, won } = plan;
    this.resources = resources;
    this.#plan = plan;
    this.#lease = won.lease;
    this.#heldAtMostUntil = won.t0 + options.maxHoldTime;
    this.#validUntil = won.validUntil;
    this.#cancelExpiry = this.#awaitExpiry();
    if (autoExtend) this.#scheduleExtension();
  }

  /** The random value stored under each resource's key while the lock is held. */
  get ownerToken(): string {
    return this.#lease.holding.ownerToken;
  }

  /**
   * Orders the holders of a resource: larger than the token of everyone who held any of `resources` before. Give it
   * with each write to what the lock guards, which refuses a smaller one than it has seen.
   *
   * @throws {TypeError} when the option `fencing` is false.
   */
  get fencingToken(): number {
    const { fencingToken } = this.#lease;
    if (fencingToken === undefined)
      throw new TypeError(`the lock on ${list(this.resources)} has no fencing token: fencing is false`);
    return fencingToken;
  }

  /** `held` while valid; `lost` once validity ended without a release, for ever. */
  get state(): 'held' | 'released' | 'lost' {
    this.#notice();
    return this.#state;
  }

  /** How long the holder may still act, in ms; 0 when not held. Less than what every granting node still has. */
  remaining(): number {
    return this.state === 'held' ? this.#validUntil - this.#plan.clock.now() : 0;
  }

  /** Aborts when the lock is lost, its `reason` being the {@link LockLostError}; never after a release. */
  get signal(): AbortSignal {
    this.#notice();
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#loss) this.#controller.abort(this.#loss);
    }
    return this.#controller.signal;
  }

  /**
   * Extends the validity to `ttl` ms (the lock's own by default) from now, less drift; never shortens it. One
   * round to all nodes; calls queue up.
   *
   * @throws {LockLostError} when the lock is lost; {@link LockReleasedError} after a release; otherwise the
   * round's error, and the lock is still held for as long as it was before.
   */
  async extend(ttl: number = this.#plan.options.ttl): Promise<void> {
    const { options, returning } = this.#plan;
    try {
      if (ttl !== options.ttl) checkTtl(ttl, options);
      while (this.#extending) await this.#extending.catch(() => {});
      await this.#extendNow(ttl, options.nodeTimeout);
    } finally {
      returning();
    }
  }

  /**
   * Gives the lock back. Idempotent; never rejects. Resolves at a quorum of answers, or after `nodeTimeout`;
   * at once when the lock was lost.
   */
  release(): Promise<Release> {
    const { returning } = this.#plan;
    if (this.#release) returning();
    this.#release ??= this.#releaseNow().finally(returning);
    return this.#release;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Gives the lock up because its Redlock is closed. @internal */
  close(cause: unknown): void {
    this.#lose('closed', [], cause);
  }

  /** When validity ends, in ms of the clock; asking changes nothing. @internal */
  get validUntil(): number {
    return this.#validUntil;
  }

  /** The error that says why the lock was lost, if it was. @internal */
  get loss(): LockLostError | undefined {
    this.#notice();
    return this.#loss;
  }

  async #releaseNow(): Promise<Release> {
    if (this.state === 'lost') return { outcome: 'expired', votes: [] };
    this.#end('released');
    const released = this.#lease.release(
      this.#plan.options.nodeTimeout,
      this.#plan.handsOn() ? 'late' : true,
    );
    this.#plan.ended(this);
    const { verdict, replies } = await released;
    return { outcome: verdict, votes: votesOf(this.#plan.nodes, replies) };
  }

  #extendNow(ttl: number, patience: number): Promise<void> {
    const round = this.#extendOnce(ttl, patience).finally(() => {
      this.#extending = undefined;
    });
    this.#extending = round;
    return round;
  }

  async #extendOnce(ttl: number, patience: number): Promise<void> {
    const { clock, nodes, options, resources } = this.#plan;
    const t0 = clock.now();
    const remaining = this.remaining();
    // The last look at the clock: once the keys are being released, nothing must be sent that sets them again.
    this.#assertHeld();
    this.#lastExtension = t0;
    const { verdict, replies } = await this.#lease.extend(ttl, Math.min(patience, remaining));
    if (verdict === 'taken' && this.state === 'held') this.#lose('taken', votesOf(nodes, replies));
    // A success that comes after the release or the loss changes nothing: the keys are being deleted.
    this.#assertHeld();
    if (verdict !== 'won')
      throw failure(
        'extend',
        resources,
        verdict as Exclude<typeof verdict, 'taken'>,
        votesOf(nodes, replies),
      );
    const until = Math.min(validUntil(t0, ttl, options.driftFactor), this.#heldAtMostUntil);
    this.#validUntil = Math.max(this.#validUntil, until);
  }

  #assertHeld(): void {
    if (this.state === 'released')
      throw new LockReleasedError(`cannot extend ${list(this.resources)}: the lock was released`);
    if (this.#loss) throw this.#loss;
  }

  /** Automatic extension: from a third of the validity on, again and again with a floor on the interval. */
  #scheduleExtension(): void {
    const { clock, options } = this.#plan;
    const due = this.#validUntil - extensionReserve(options.ttl, options.driftFactor);
    const earliest = this.#lastExtension + extensionInterval(options.ttl);
    if (this.#validUntil >= this.#heldAtMostUntil) return;
    this.#cancelExtension = clock.after(
      Math.max(due, earliest) - clock.now(),
      this.#onExtensionTimer,
      'background',
    );
  }

  readonly #onExtensionTimer = (): void => void this.#extendAutomatically();

  async #extendAutomatically(): Promise<void> {
    const { clock, options } = this.#plan;
    try {
      // A manual extension may have moved what is due.
      const due = this.#validUntil - extensionReserve(options.ttl, options.driftFactor);
      if (due > clock.now() + TIMER_LATENESS) return;
      const patience = Math.min(options.nodeTimeout, this.remaining() / 3);
      await (this.#extending ?? this.#extendNow(options.ttl, patience));
    } catch {
      // A failed round leaves the validity as it was; if none succeeds in time, the signal tells.
    } finally {
      if (this.state === 'held') this.#scheduleExtension();
    }
  }

  /** The end of validity is announced early enough for a timer that comes late. */
  #awaitExpiry(): Cancel {
    return at(
      this.#plan.clock,
      this.#validUntil - TIMER_LATENESS,
      () => {
        if (this.#plan.clock.now() >= this.#validUntil - TIMER_LATENESS) this.#expire();
        else this.#cancelExpiry = this.#awaitExpiry();
      },
      'background',
    );
  }

  /** Learns of the end of validity from the clock, which an event loop that was blocked tells first. */
  #notice(): void {
    if (this.#state === 'held' && this.#plan.clock.now() >= this.#validUntil) this.#expire();
  }

  #expire(): void {
    this.#lose(this.#validUntil >= this.#heldAtMostUntil ? 'maxHoldTime' : 'expired', []);
  }

  #lose(reason: LossReason, votes: readonly Vote[], cause?: unknown): void {
    if (this.#state !== 'held') return;
    this.#loss = new LockLostError(
      `lost the lock on ${list(this.resources)}: ${EXPLANATIONS[reason]}`,
      reason,
      votes,
      cause === undefined ? {} : { cause },
    );
    this.#end('lost');
    this.#lease.undo();
    this.#plan.ended(this);
    this.#controller?.abort(this.#loss);
  }

  #end(state: 'released' | 'lost'): void {
    this.#state = state;
    this.#cancelExpiry();
    this.#cancelExtension?.();
  }
}

const EXPLANATIONS: Record<LossReason, string> = {
  expired: 'it was not extended in time',
  taken: 'too many nodes name another owner',
  maxHoldTime: 'it was held for as long as maxHoldTime allows',
  closed: 'its Redlock was closed',
};
