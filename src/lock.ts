import type { Won } from './acquire/attempt.ts';
import { type Clock, TIMER_LATENESS } from './clock.ts';
import { type Context, currentContext } from './context.ts';
import {
  LockLostError,
  LockReleasedError,
  type LossReason,
  RedlockError,
  type Vote,
  withStackOfCaller,
} from './errors.ts';
import type { LockNode } from './node/lock-node.ts';
import type { CallOptions } from './options.ts';
import { checkTtl } from './options.ts';
import { printAs } from './printing.ts';
import { failure } from './quorum/failure.ts';
import type { Lease } from './quorum/lease.ts';
import {
  extensionInterval,
  extensionReserve,
  SHORTEST_EXTENSION_INTERVAL,
  validUntil,
} from './quorum/validity.ts';
import { describeVotes, votesOf } from './quorum/votes.ts';
import { list } from './resources.ts';
import {
  type ExtendFailedEvent,
  LOCK,
  type LockEvent,
  type LockLostEvent,
  type LockReleasedEvent,
  noteTaken,
  publishLock,
  since,
  tracesLocks,
} from './tracing.ts';

export interface Release {
  /**
   * `released`: a quorum of nodes confirmed that the keys were there and are gone. `expired`: the lock was
   * lost before, or too few nodes still had it. `unconfirmed`: too few nodes answered in time; they go on owing the deletion, and the keys expire.
   */
  readonly outcome: 'released' | 'expired' | 'unconfirmed';
  /** `granted`: deleted there; `denied`: it was not there any more. Empty when nothing was asked. */
  readonly votes: readonly Vote[];
}

/** What the locks of one Redlock share. */
export interface Keeper {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** What keys stand for. */
  resourcesOf(keys: readonly string[]): readonly string[];
  /** When a node last began to vote, in ms of the clock. */
  nodeVotedAt: number;
  /** Called before a call returns. */
  returning(): void;
  /** Whether keys are handed on within this process if their lock is released now, so that no line is served. */
  handsOn(keys: readonly string[]): boolean;
  /** Called when {@link Lock.due} has changed. */
  moved(lock: Lock): void;
  /**
   * Called once, when the lock is released or lost, and the nodes have been asked to delete it. `isHandedOn`: without serving a line, see
   * {@link handsOn}.
   */
  ended(lock: Lock, isHandedOn: boolean): void;
}

/** What a lock keeps of its extensions. */
interface Extensions {
  /** When it is extended automatically, in ms of the clock. */
  dueAt: number;
  /** When the last one began, in ms of the clock. */
  last: number;
  /** Why the last one failed, if none has succeeded since. */
  failure: RedlockError | undefined;
  /** The one that is under way. */
  running: Promise<void> | undefined;
}

/** Of locks that were never extended, and will not be: most locks need no more. */
const NO_EXTENSIONS: Readonly<Extensions> = {
  dueAt: Number.POSITIVE_INFINITY,
  last: Number.NEGATIVE_INFINITY,
  failure: undefined,
  running: undefined,
};

/** A held lock. Everything it says is read off the clock first: it never claims to be held after its validity. */
export class Lock {
  #place = -1;
  readonly #keeper: Keeper;
  readonly #options: CallOptions;
  readonly #lease: Lease;
  /** No validity beyond this instant, however often the lock is extended. */
  readonly #heldAtMostUntil: number;
  #validUntil: number;
  #extensions: Readonly<Extensions> = NO_EXTENSIONS;
  #state: 'held' | 'released' | 'lost' = 'held';
  #loss: LockLostError | undefined;
  /** The context in which the lock was taken, and in which its signal aborts. Kept only while the lock is held. */
  #context: Context | undefined = currentContext();
  #controller: AbortController | undefined;
  #release: Promise<Release> | undefined;

  /** @internal Made by `Redlock.acquire`, `tryAcquire` and `using`. */
  constructor(keeper: Keeper, options: CallOptions, autoExtend: boolean, won: Won) {
    this.#keeper = keeper;
    this.#options = options;
    this.#lease = won.lease;
    this.#heldAtMostUntil = won.t0 + options.maxHoldTime;
    this.#validUntil = won.validUntil;
    if (autoExtend) this.#scheduleExtension();
  }

  /** Its place among the locks that are held. Not a field, because a field would be printed with the lock. @internal */
  get place(): number {
    return this.#place;
  }

  /** @internal */
  set place(place: number) {
    this.#place = place;
  }

  /** What is locked; without duplicates, in the order given. A copy. */
  get resources(): readonly string[] {
    return this.#keeper.resourcesOf(this.keys);
  }

  /** Where it stands on the nodes. @internal */
  get keys(): readonly string[] {
    return this.#lease.keys;
  }

  /** The random value stored under each resource's key while the lock is held. */
  get ownerToken(): string {
    return this.#lease.ownerToken;
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

  /**
   * How long the holder may still act, in ms; 0 when not held. A quorum of nodes keeps the lock for longer. A node that did
   * not take part in the last extension may have less left.
   */
  remaining(): number {
    return this.state === 'held' ? this.#validUntil - this.#keeper.clock.now() : 0;
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
  async extend(ttl: number = this.#options.ttl): Promise<void> {
    const options = this.#options;
    try {
      if (ttl !== options.ttl) checkTtl(ttl, options);
      while (this.#extensions.running) await this.#extensions.running.catch(() => {});
      await this.#extendNow(ttl, options.nodeTimeout);
    } catch (error) {
      // Every caller gets an error of its own: the loss is the reason of the signal.
      throw withStackOfCaller(this.#loss && error === this.#loss ? repeatLoss(this.#loss) : error);
    } finally {
      this.#keeper.returning();
    }
  }

  /**
   * Gives the lock back. Idempotent; never rejects. Resolves at a quorum of answers, or after `nodeTimeout`;
   * at once when the lock was lost.
   */
  release(): Promise<Release> {
    if (this.#release) this.#keeper.returning();
    this.#release ??= new Promise((resolve) => this.#releaseNow(resolve));
    return this.#release;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** What `JSON.stringify` and `console.log` show: without the owner token, with which anybody could release it. */
  toJSON(): object {
    const { fencingToken } = this.#lease;
    return {
      resources: this.resources,
      state: this.state,
      remaining: Math.floor(this.remaining()),
      ...(fencingToken === undefined ? {} : { fencingToken }),
      ...(this.#loss ? { reason: this.#loss.reason } : {}),
    };
  }

  static {
    printAs('Lock', this);
  }

  /** Gives the lock up because its Redlock is closed. @internal */
  close(cause: unknown): void {
    this.#lose('closed', cause);
  }

  /** Tells subscribers that it was taken. @internal */
  publishTaken(): void {
    if (!tracesLocks()) return;
    const now = this.#keeper.clock.now();
    noteTaken(this, now);
    publishLock(LOCK.acquired, this.#context, () => this.#event(now));
  }

  /** When validity ends, in ms of the clock; asking changes nothing. @internal */
  get validUntil(): number {
    return this.#validUntil;
  }

  /** When it has to be extended or its end told, in ms of the clock: early enough for a timer that comes late. @internal */
  get due(): number {
    return Math.min(this.#extensions.dueAt, this.#validUntil - TIMER_LATENESS);
  }

  /** A node has begun to vote: an extension that is overdue, because it has failed, is tried again soon. @internal */
  nodeVotes(): void {
    const isOverdue = this.#extensionDue <= this.#keeper.clock.now();
    if (isOverdue && this.#extensions.dueAt < Number.POSITIVE_INFINITY) this.#scheduleExtension();
  }

  /** Does what is due. @internal */
  dueNow(): void {
    if (this.#keeper.clock.now() >= this.#validUntil - TIMER_LATENESS) this.#expire();
    else void this.#extendAutomatically();
  }

  /** The error that says why the lock was lost, if it was. @internal */
  get loss(): LockLostError | undefined {
    this.#notice();
    return this.#loss;
  }

  #releaseNow(done: (release: Release) => void): void {
    const keeper = this.#keeper;
    if (this.state === 'lost') {
      keeper.returning();
      done({ outcome: 'expired', votes: [] });
      return;
    }
    const context = this.#context;
    this.#state = 'released';
    this.#context = undefined;
    const isHandedOn = keeper.handsOn(this.keys);
    const releasedAt = tracesLocks() ? keeper.clock.now() : undefined;
    let released: ReturnType<Lease['release']>;
    try {
      released = this.#lease.release(this.#options.nodeTimeout, isHandedOn);
    } finally {
      keeper.ended(this, isHandedOn);
    }
    released.whenDecided(({ verdict, replies }) => {
      keeper.returning();
      const release = { outcome: verdict, votes: votesOf(keeper.nodes, replies) };
      if (releasedAt !== undefined)
        publishLock(
          LOCK.released,
          context,
          (): LockReleasedEvent => ({ ...this.#event(releasedAt), ...release }),
        );
      done(release);
    });
  }

  #extendNow(ttl: number, patience: number): Promise<void> {
    const round = this.#extendOnce(ttl, patience).finally(() => {
      this.#extended.running = undefined;
    });
    this.#extended.running = round;
    return round;
  }

  async #extendOnce(ttl: number, patience: number): Promise<void> {
    const { resources } = this;
    const { clock, nodes } = this.#keeper;
    const t0 = clock.now();
    const remaining = this.remaining();
    // The last look at the clock: once the keys are being released, nothing must be sent that sets them again.
    this.#assertHeld();
    this.#extended.last = t0;
    // It gives up before validity ends, so that the loss can say why.
    const most = Math.max(0, remaining - 2 * TIMER_LATENESS);
    const { verdict, replies } = await this.#lease.extend(ttl, Math.min(patience, most)).outcome;
    const failed =
      verdict === 'won'
        ? undefined
        : failure('extend', resources, verdict === 'taken' ? 'held' : verdict, votesOf(nodes, replies));
    // Before the clock is read, which may find that the lock is lost.
    if (failed && this.#state === 'held') this.#extended.failure = failed;
    if (verdict === 'taken' && this.state === 'held') this.#lose('taken', failed);
    // A success that comes after the release or the loss changes nothing: the keys are being deleted.
    this.#assertHeld();
    if (failed) {
      this.#publishFailure(failed);
      throw failed;
    }
    const { driftFactor, lockDelay } = this.#options;
    const until = Math.min(validUntil(t0, ttl, driftFactor, lockDelay), this.#heldAtMostUntil);
    this.#validUntil = Math.max(this.#validUntil, until);
    this.#extended.failure = undefined;
    this.#keeper.moved(this);
    publishLock(LOCK.extended, this.#context, () => this.#event());
  }

  /** What subscribers learn. */
  #event(now: number = this.#keeper.clock.now()): LockEvent {
    const { fencingToken } = this.#lease;
    const { label } = this.#options;
    const takenAt = since(this);
    return {
      lock: this,
      resources: this.resources,
      ...(label === undefined ? {} : { label }),
      ...(fencingToken === undefined ? {} : { fencingToken }),
      ...(takenAt === undefined ? {} : { heldFor: now - takenAt }),
      remaining: this.#state === 'held' ? Math.max(0, this.#validUntil - now) : 0,
    };
  }

  #assertHeld(): void {
    if (this.state === 'released')
      throw new LockReleasedError(`cannot extend ${list(this.resources)}: the lock was released`);
    if (this.#loss) throw this.#loss;
  }

  get #extended(): Extensions {
    if (this.#extensions === NO_EXTENSIONS) this.#extensions = { ...NO_EXTENSIONS };
    return this.#extensions;
  }

  /** Automatic extension: from a third of the validity on, again and again with a floor on the interval. */
  #scheduleExtension(): void {
    if (this.#validUntil >= this.#heldAtMostUntil) return;
    const { nodeVotedAt } = this.#keeper;
    const { ttl, lockDelay } = this.#options;
    // A node has come back since the last extension: the next one may succeed with it.
    const { last } = this.#extensions;
    const mayDoBetter = nodeVotedAt >= last;
    const interval = mayDoBetter ? SHORTEST_EXTENSION_INTERVAL : extensionInterval(ttl, lockDelay);
    this.#extended.dueAt = Math.max(this.#extensionDue, last + interval);
    this.#keeper.moved(this);
  }

  get #extensionDue(): number {
    const { ttl, driftFactor, lockDelay } = this.#options;
    return this.#validUntil - extensionReserve(ttl, driftFactor, lockDelay);
  }

  async #extendAutomatically(): Promise<void> {
    const { ttl, nodeTimeout } = this.#options;
    this.#extended.dueAt = Number.POSITIVE_INFINITY;
    this.#keeper.moved(this);
    try {
      // A manual extension may have moved what is due.
      if (this.#extensionDue > this.#keeper.clock.now() + TIMER_LATENESS) return;
      const patience = Math.min(nodeTimeout, this.remaining() / 3);
      await (this.#extensions.running ?? this.#extendNow(ttl, patience));
    } catch {
      // A failed round leaves the validity as it was; if none succeeds in time, the signal tells.
    } finally {
      if (this.state === 'held') this.#scheduleExtension();
    }
  }

  /** Learns of the end of validity from the clock, which an event loop that was blocked tells first. */
  #notice(): void {
    if (this.#state === 'held' && this.#keeper.clock.now() >= this.#validUntil) this.#expire();
  }

  #expire(): void {
    if (this.#validUntil >= this.#heldAtMostUntil) this.#lose('maxHoldTime');
    else this.#lose('expired', this.#extensions.failure);
  }

  #lose(reason: LossReason, cause?: unknown): void {
    if (this.#state !== 'held') return;
    const context = this.#context;
    const votes = reason !== 'closed' && cause instanceof RedlockError ? cause.votes : [];
    this.#loss = new LockLostError(
      `lost the lock on ${list(this.resources)}: ${EXPLANATIONS[reason]}${this.#details(reason, cause)}`,
      reason,
      votes,
      cause === undefined ? {} : { cause },
    );
    this.#state = 'lost';
    this.#context = undefined;
    try {
      // With a lockDelay, the keys keep others out for longer than the validity: a holder that stops late overlaps nobody.
      if (this.#options.lockDelay > 0) this.#lease.leave();
      else this.#lease.undo();
    } finally {
      this.#keeper.ended(this, false);
      this.#publishLoss(this.#loss, context);
      if (this.#controller) context?.runInAsyncScope(() => this.#controller?.abort(this.#loss));
    }
  }

  #publishFailure(error: RedlockError): void {
    const { votes } = error;
    publishLock(
      LOCK.extendFailed,
      this.#context,
      (): ExtendFailedEvent => ({ ...this.#event(), error, votes }),
    );
  }

  #publishLoss(error: LockLostError, context: Context | undefined): void {
    const { reason, votes } = error;
    publishLock(LOCK.lost, context, (): LockLostEvent => ({ ...this.#event(), reason, error, votes }));
  }

  /** What the last failed extension adds to the message of a loss. */
  #details(reason: LossReason, cause: unknown): string {
    if (!(cause instanceof RedlockError)) return '';
    if (reason === 'taken') return ` (${describeVotes(cause.votes)})`;
    if (reason !== 'expired') return '';
    const resources = `cannot extend ${list(this.resources)}: `;
    return `; the last extension failed: ${cause.message.replace(resources, () => '')}`;
  }
}

/** For each error that repeats a loss to one caller, that loss. */
const repetitions = new WeakMap<object, LockLostError>();

/** An error of its own for a caller who learns of a loss: the loss itself is the reason of the signal, and shared. @internal */
export function repeatLoss(loss: LockLostError, outcome?: PromiseSettledResult<unknown>): LockLostError {
  const error = new LockLostError(loss.message, loss.reason, loss.votes, {
    ...('cause' in loss ? { cause: loss.cause } : {}),
    ...(outcome ? { outcome } : {}),
  });
  repetitions.set(error, loss);
  return error;
}

/** Whether somebody rejects with that loss, or with what `extend` has made of it. @internal */
export function isAboutLoss(error: unknown, loss: LockLostError): boolean {
  return error === loss || (error instanceof LockLostError && repetitions.get(error) === loss);
}

const EXPLANATIONS: Record<LossReason, string> = {
  expired: 'it was not extended in time',
  taken: 'too many nodes name another owner',
  maxHoldTime: 'it was held for as long as maxHoldTime allows',
  closed: 'its Redlock was closed',
};
