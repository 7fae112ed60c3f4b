import { AcquireContext } from './acquire/acquire-context.ts';
import { list, type Won } from './acquire/attempt.ts';
import { LocalQueue } from './acquire/local-queue.ts';
import { PendingAcquire, type WaitingRoom } from './acquire/pending-acquire.ts';
import { Signals } from './acquire/signals.ts';
import { Agenda } from './agenda.ts';
import { wrong } from './bad-input.ts';
import { inNeutralContext } from './context.ts';
import { RedlockClosedError, ResourceHeldError, withStackOfCaller } from './errors.ts';
import { HeldLocks } from './held-locks.ts';
import { type Inspection, inspectKey } from './inspection.ts';
import { isAboutLoss, type Keeper, Lock, repeatLoss } from './lock.ts';
import type { LockNode } from './node/lock-node.ts';
import { createNodes, type NodeSpec } from './nodes.ts';
import {
  type AcquireOptions,
  type CallKind,
  type CallOptions,
  type RedlockOptions,
  resolveCall,
  resolveSettings,
  type Settings,
  type TryAcquireOptions,
} from './options.ts';
import { printAs } from './printing.ts';
import { resolveResources } from './resources.ts';

/** What runs under a lock. It should stop when `lock.signal` aborts. */
export type Routine<T> = (lock: Lock) => T | PromiseLike<T>;

/**
 * Locks held on a majority of independent Redis nodes, by the Redlock algorithm.
 *
 * @see https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
 */
export class Redlock {
  readonly #context: AcquireContext;
  readonly #settings: Settings;
  /** The nodes that were made here, and go with `close`; a `LockNode` that was handed in is its owner's to close. */
  readonly #ownNodes: readonly LockNode[];
  readonly #endListening: readonly ((() => void) | undefined)[];
  readonly #room: WaitingRoom;
  /** By when they give up. No `Set`: it is copied now and then as calls come and go, and old copies keep alive all that was in them. */
  readonly #waiting = new Agenda<PendingAcquire>();
  readonly #signals = new Signals();
  readonly #locks: HeldLocks;
  readonly #keeper: Keeper;
  readonly #closed: Promise<void>;
  #resolveClosed!: (closing: Promise<void>) => void;
  #isOpen = true;

  /**
   * Connects at once, in the background. An open Redlock keeps the process alive by its connections; `close` it.
   *
   * @param nodes the independent nodes, the same for all processes: URLs, ioredis options, ioredis `Redis` or
   * `Cluster` instances (duplicated, never touched), or `LockNode`s. An odd number, 3 or 5, is best.
   * @throws {TypeError} or {@link RangeError} naming the option, the value and what is allowed.
   */
  constructor(nodes: readonly NodeSpec[], options?: RedlockOptions) {
    this.#settings = resolveSettings(options);
    const { all, own } = createNodes(nodes, this.#settings);
    this.#ownNodes = own;
    this.#endListening = all.map((node, index) => node.onVoting?.(() => this.#nodeVotes(index)));
    const { clock, random } = this.#settings;
    this.#context = new AcquireContext(all, clock, random);
    const { contention } = this.#context;
    const locks = new HeldLocks(clock);
    const queue = new LocalQueue((keys) => contention.has(keys));
    this.#room = { queue, heldFor: (key) => (queue.isHeld(key) ? locks.heldFor(key) : 0) };
    this.#locks = locks;
    this.#keeper = {
      nodes: all,
      clock,
      resourcesOf: (keys) => keys.map((key) => key.slice(this.#settings.keyPrefix.length)),
      nodeVotedAt: Number.NEGATIVE_INFINITY,
      returning: () => locks.notice(),
      handsOn: (keys) => queue.handsOn(keys),
      moved: (lock) => locks.moved(lock),
      ended: (lock, isHandedOn) => {
        locks.delete(lock);
        queue.free(lock.keys, isHandedOn);
      },
    };
    // Node.js 20 and 22 keep the context that a promise is made in.
    this.#closed = inNeutralContext(
      () =>
        new Promise((resolve) => {
          this.#resolveClosed = resolve;
        }),
    );
  }

  /**
   * Locks all resources or none, waiting up to `acquireTimeout` for another holder to let go.
   *
   * With an `acquireTimeout` of 0, or no retries, it does not wait for a holder: see {@link tryAcquire}.
   *
   * @throws {AcquireTimeoutError} whose `cause` says why the last attempt failed; that error itself when
   * `acquireTimeout` is 0 or the retries are used up; {@link RedlockClosedError}; the signal's reason.
   */
  acquire(resources: string | readonly string[], options?: AcquireOptions): Promise<Lock> {
    return this.#acquire(resources, options, 'waits', false);
  }

  /**
   * Does not wait for a holder: the lock, or null when somebody else holds it. If simultaneous calls have split the votes, so that nobody
   * holds it, they go on for at most `nodeTimeout` until one of them does.
   *
   * @throws {AcquireTimeoutError} when the votes are still split then, such as by locks of processes that have died; {@link QuorumUnreachableError} or what else kept the nodes from answering; {@link RedlockClosedError}; the signal's reason.
   */
  async tryAcquire(resources: string | readonly string[], options?: TryAcquireOptions): Promise<Lock | null> {
    try {
      return await this.#acquire(resources, options, 'tries once', false);
    } catch (error) {
      if (error instanceof ResourceHeldError) return null;
      throw error;
    }
  }

  /**
   * Runs `routine` under a lock that extends itself, and releases it afterwards. Resolves and rejects with what
   * the routine did.
   *
   * @throws {LockLostError} when the lock was lost by the time the routine settled; its `outcome` carries what the
   * routine did. What `acquire` throws, before the routine has run.
   */
  using<T>(resources: string | readonly string[], routine: Routine<T>): Promise<T>;
  using<T>(
    resources: string | readonly string[],
    options: AcquireOptions | undefined,
    routine: Routine<T>,
  ): Promise<T>;
  async using<T>(
    resources: string | readonly string[],
    ...rest: [Routine<T>] | [AcquireOptions | undefined, Routine<T>]
  ): Promise<T> {
    const [options, routine] = rest.length === 1 ? [undefined, rest[0]] : rest;
    if (typeof routine !== 'function') throw wrong(TypeError, 'routine', routine, 'a function');
    const lock = await this.#acquire(resources, options, 'waits', true);
    const outcome = await settle(routine, lock);
    const { loss } = lock;
    await lock.release();
    if (loss && !(outcome.status === 'rejected' && isAboutLoss(outcome.reason, loss)))
      throw repeatLoss(loss, outcome);
    // The loss itself was made where a timer or an answer was handled: its stack does not lead to the caller.
    if (outcome.status === 'rejected')
      throw outcome.reason === loss ? withStackOfCaller(loss) : outcome.reason;
    return outcome.value;
  }

  /**
   * Asks all nodes who holds a resource, without taking it, and waits for each answer for at most `nodeTimeout`. Fails closed: what is
   * not certain is `indeterminate`.
   */
  async inspect(resource: string): Promise<Inspection> {
    this.#assertOpen();
    if (typeof resource !== 'string') throw wrong(TypeError, 'resource', resource, 'a non-empty string');
    const [key = ''] = this.#keys(resolveResources(resource));
    const { nodes, clock } = this.#context;
    const inspection = await inspectKey(key, nodes, clock, this.#settings.call.nodeTimeout);
    this.#locks.notice();
    return inspection;
  }

  /**
   * Ends everything within `nodeTimeout`: waiting calls reject with {@link RedlockClosedError}, held locks are
   * lost with `reason: 'closed'` and released, what is owed to the nodes is sent, and connections go. Idempotent.
   */
  close(): Promise<void> {
    if (this.#isOpen) {
      // Closed before anybody hears of it: a listener that takes a lock again must not get one.
      this.#isOpen = false;
      this.#resolveClosed(this.#close());
    }
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What `JSON.stringify` and `console.log` show. Nodes that users implement have no state. */
  toJSON(): object {
    return {
      state: this.#isOpen ? 'open' : 'closed',
      nodes: this.#context.nodes.map(({ name, condition }) => ({ name, ...condition })),
      held: this.#locks.size,
      waiting: this.#waiting.size,
    };
  }

  static {
    printAs('Redlock', this);
  }

  /** `autoExtend`: unless the options say otherwise. */
  async #acquire(
    resources: string | readonly string[],
    options: AcquireOptions | undefined,
    kind: CallKind,
    autoExtend: boolean,
  ): Promise<Lock> {
    this.#assertOpen();
    const unique = resolveResources(resources);
    const call = resolveCall(this.#settings, options, kind);
    const keys = this.#keys(unique);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const acquireTimeout = kind === 'tries once' ? 0 : call.acquireTimeout;
    // Written out: an object that is spread costs ten times as much to make.
    const { ttl, driftFactor, nodeTimeout, maxHoldTime, fencing, retry } = call;
    const waiting = new PendingAcquire(this.#context, this.#room, {
      resources: unique,
      keys,
      acquireTimeout,
      deadline: acquireTimeout === 0 ? Number.POSITIVE_INFINITY : this.#context.clock.now() + acquireTimeout,
      ttl,
      driftFactor,
      nodeTimeout,
      maxHoldTime,
      fencing,
      retry,
    });
    this.#waiting.add(waiting);
    if (signal) this.#signals.add(signal, waiting);
    let won: Won;
    try {
      waiting.start();
      won = await waiting.result;
    } catch (error) {
      // The reason of an abort is the user's, even if it is an error of ours.
      throw signal?.aborted && error === signal.reason ? error : withStackOfCaller(error);
    } finally {
      this.#locks.notice();
      this.#waiting.delete(waiting);
      if (signal) this.#signals.delete(signal, waiting);
    }
    if (!this.#isOpen) {
      won.lease.undo();
      this.#room.queue.free(won.lease.keys, false);
      throw new RedlockClosedError();
    }
    return this.#hold(call, call.autoExtend ?? autoExtend, won);
  }

  #nodeVotes(node: number): void {
    this.#context.arbiters.votes(node);
    this.#keeper.nodeVotedAt = this.#settings.clock.now();
    for (const waiting of this.#waiting.all) waiting.nodeVotes();
    this.#locks.nodeVotes();
  }

  #hold(options: CallOptions, autoExtend: boolean, won: Won): Lock {
    const lock = new Lock(this.#keeper, options, autoExtend, won);
    this.#locks.add(lock);
    return lock;
  }

  /** The keys of resources, which every node must be able to take together. */
  #keys(resources: readonly string[]): readonly string[] {
    const { keyPrefix } = this.#settings;
    const keys = keyPrefix === '' ? resources : resources.map((resource) => keyPrefix + resource);
    for (const node of this.#context.nodes) {
      const objection = node.objection(keys);
      if (objection) throw new RangeError(`${node.name} cannot lock ${list(resources)}: ${objection}`);
    }
    return keys;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new RedlockClosedError();
  }

  async #close(): Promise<void> {
    const reason = new RedlockClosedError();
    for (const end of this.#endListening) end?.();
    const waiting = this.#waiting.all;
    for (const each of waiting) each.cancel(new RedlockClosedError());
    this.#locks.close(reason);
    // A call that has just won its lock releases it now, before the nodes close: they would find nothing to send and close too early.
    await Promise.allSettled(waiting.map(({ result }) => result));
    this.#context.lines.close();
    await Promise.all(this.#ownNodes.map((node) => node.close(this.#settings.call.nodeTimeout)));
  }
}

async function settle<T>(routine: Routine<T>, lock: Lock): Promise<PromiseSettledResult<T>> {
  try {
    return { status: 'fulfilled', value: await routine(lock) };
  } catch (reason) {
    return { status: 'rejected', reason };
  }
}
