import { AcquireContext } from './acquire/acquire-context.ts';
import type { Won } from './acquire/attempt.ts';
import { LocalQueue } from './acquire/local-queue.ts';
import { PendingAcquire, type WaitingRoom } from './acquire/pending-acquire.ts';
import { Signals } from './acquire/signals.ts';
import { Agenda } from './agenda.ts';
import { checkNames, number, wrong } from './bad-input.ts';
import { inNeutralContext } from './context.ts';
import { diagnose } from './diagnosis/diagnose.ts';
import type { Diagnosis } from './diagnosis/finding.ts';
import { RedlockClosedError, ResourceHeldError, withStackOfCaller } from './errors.ts';
import { HeldLocks } from './held-locks.ts';
import { type Inspection, inspectKey } from './inspection.ts';
import { isAboutLoss, type Keeper, Lock, repeatLoss } from './lock.ts';
import type { LockNode } from './node/lock-node.ts';
import { guardFor } from './node/redis/quarantine.ts';
import { createNodes, type NodeSpec } from './nodes.ts';
import {
  type AcquireOptions,
  type CallKind,
  type CallOptions,
  checkSignal,
  LONGEST,
  type RedlockOptions,
  resolveCall,
  resolveSettings,
  type Settings,
  type TryAcquireOptions,
} from './options.ts';
import { printAs } from './printing.ts';
import { awaitQuorum, type NodeStatus, statusOf } from './readiness.ts';
import { list, resolveResources } from './resources.ts';
import { type Revocation, revokeKey } from './revocation.ts';
import { CallTrace, tracesCalls, traceUsing, type UsingEvent } from './tracing.ts';

/** By which a lock is taken. */
type Method = 'acquire' | 'tryAcquire' | 'using';

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
  readonly #closeListeners = new Set<() => void>();
  /** How many routines of `using` run. */
  #running = 0;
  #endDrain: (() => void) | undefined;

  /**
   * Connects at once, in the background. An open Redlock keeps the process alive by its connections; `close` it.
   *
   * @param nodes the independent nodes, the same for all processes: URLs, ioredis options, clients of
   * ioredis, iovalkey or node-redis (of which only the settings are read), or `LockNode`s. An odd number, 3 or 5, is best.
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
        this.#noteIdle();
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
    return this.#take('acquire', resources, options);
  }

  /**
   * Does not wait for a holder: the lock, or null when somebody else holds it. If simultaneous calls have split the votes, so that nobody
   * holds it, they go on for at most `nodeTimeout` until one of them does.
   *
   * @throws {AcquireTimeoutError} when the votes are still split then, such as by locks of processes that have died; {@link QuorumUnreachableError} or what else kept the nodes from answering; {@link RedlockClosedError}; the signal's reason.
   */
  tryAcquire(resources: string | readonly string[], options?: TryAcquireOptions): Promise<Lock | null> {
    return this.#take('tryAcquire', resources, options);
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
  using<T>(
    resources: string | readonly string[],
    ...rest: [Routine<T>] | [AcquireOptions | undefined, Routine<T>]
  ): Promise<T> {
    const [options, routine] = rest.length === 1 ? [undefined, rest[0]] : rest;
    return traceUsing(resources, (event) => this.#using(resources, options, routine, event));
  }

  async #using<T>(
    resources: string | readonly string[],
    options: AcquireOptions | undefined,
    routine: Routine<T>,
    event: UsingEvent | undefined,
  ): Promise<T> {
    if (typeof routine !== 'function') throw wrong(TypeError, 'routine', routine, 'a function');
    const lock = await this.#take('using', resources, options);
    if (event) event.lock = lock;
    this.#running++;
    const outcome = await settle(routine, lock);
    this.#running--;
    const { loss } = lock;
    await lock.release();
    this.#noteIdle();
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
    const key = this.#keyOf(resource);
    const { nodes, clock } = this.#context;
    const inspection = await inspectKey(key, nodes, clock, this.#settings.call.nodeTimeout);
    this.#locks.notice();
    return inspection;
  }

  /**
   * Takes a lock away from its current owner. The owner's signal aborts at its next extension, with the reason `taken`: within a third of
   * its ttl, unless `extend` was called with a longer one. An owner that does not extend its lock any more keeps it until it ends. Nobody else gets
   * the lock before the old one would have expired.
   * Also possible while nodes are quarantined.
   */
  async revoke(resource: string): Promise<Revocation> {
    const key = this.#keyOf(resource);
    const { nodes, clock } = this.#context;
    const { nodeTimeout: patience, label } = this.#settings.call;
    const revocation = await revokeKey(key, { nodes, clock, patience, label });
    this.#locks.notice();
    return revocation;
  }

  /** The state of each node, as far as it is known without asking: for people, dashboards and health checks. */
  get nodes(): readonly NodeStatus[] {
    return this.#context.nodes.map(statusOf);
  }

  /**
   * Resolves when a quorum of nodes votes, so that locks can be had: for start-up, and for readiness probes.
   *
   * @param options.signal ends the waiting, such as `AbortSignal.timeout(1_000)`; without, it ends after `acquireTimeout`.
   * @throws {QuorumUnreachableError}, {@link NodesQuarantinedError} or {@link NodeMisconfiguredError} with a vote for each node, when the waiting
   * ends, or at once if no waiting helps; {@link RedlockClosedError}.
   */
  async ready(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#assertOpen();
    checkNames('options', options, ['signal']);
    const { signal } = options;
    if (signal !== undefined) checkSignal(signal);
    const { nodes, clock, random } = this.#context;
    const { nodeTimeout, acquireTimeout } = this.#settings.call;
    const key = this.#settings.keyPrefix + random.token();
    const deadline = signal ? Number.POSITIVE_INFINITY : clock.now() + acquireTimeout;
    const isOpen = (): boolean => this.#isOpen;
    const onClose = (listener: () => void): (() => void) => this.#onClose(listener);
    try {
      await awaitQuorum({ nodes, clock, nodeTimeout, key, isOpen, onClose }, deadline, signal);
    } catch (error) {
      throw withStackOfCaller(error);
    }
    this.#assertOpen();
  }

  /**
   * Examines all nodes: their settings, memory, permissions, round trips and clocks. Takes some 2 s, as the rate of a clock shows only after a while.
   * A node that is down is a finding, not an error.
   *
   * @param options.signal ends the examination early; what was found by then is returned, with a note `INTERRUPTED`.
   * @throws {RedlockClosedError}
   */
  async diagnose(options: { signal?: AbortSignal | undefined } = {}): Promise<Diagnosis> {
    this.#assertOpen();
    checkNames('options', options, ['signal']);
    const { signal } = options;
    if (signal !== undefined) checkSignal(signal);
    const { nodes, clock, random } = this.#context;
    const { call, restartGuard, keyPrefix } = this.#settings;
    const { nodeTimeout, driftFactor, fencing } = call;
    const isGuarded = guardFor(nodes.length, restartGuard) !== 'off';
    const settings = { nodeTimeout, driftFactor, fencing, isGuarded };
    const ended = new AbortController();
    const end = (): void => ended.abort();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end);
    const ignoreClose = this.#onClose(end);
    const plan = { nodes, clock, settings, key: keyPrefix + random.token() };
    try {
      const diagnosis = await diagnose(plan, ended.signal);
      this.#assertOpen();
      return diagnosis;
    } finally {
      ignoreClose();
      signal?.removeEventListener('abort', end);
    }
  }

  /**
   * Ends everything within `nodeTimeout`: waiting calls reject with {@link RedlockClosedError}, held locks are
   * lost with `reason: 'closed'` and released (with a `lockDelay` they expire instead), what is owed to the nodes is sent, and connections go. Idempotent.
   *
   * @param options.drain for how many ms the functions of `using` may go on, and held locks stay held, extending themselves if they did before. Calls that wait are rejected at
   * once, and so are new ones. It ends as soon as none of them runs and no lock is held, or when `close` is called again without it. @default 0
   */
  close(options: { drain?: number | undefined } = {}): Promise<void> {
    let drain: number;
    try {
      checkNames('options', options, ['drain']);
      drain = number('drain', options.drain, 0, { min: 0, max: LONGEST });
    } catch (error) {
      // As the other methods do. Not `async`: every call returns the same closing.
      return Promise.reject(error);
    }
    if (this.#isOpen) {
      // Closed before anybody hears of it: a listener that takes a lock again must not get one.
      this.#isOpen = false;
      for (const listener of this.#closeListeners) listener();
      this.#resolveClosed(this.#close(drain));
    } else if (drain === 0) {
      this.#endDrain?.();
    }
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What `JSON.stringify` and `console.log` show. */
  toJSON(): object {
    return {
      state: this.#isOpen ? 'open' : 'closed',
      nodes: this.nodes,
      held: this.#locks.size,
      waiting: this.#waiting.size,
    };
  }

  static {
    printAs('Redlock', this);
  }

  /** Takes a lock, and tells subscribers, if there are any. */
  #take(
    method: 'acquire' | 'using',
    resources: string | readonly string[],
    options?: AcquireOptions,
  ): Promise<Lock>;
  #take(
    method: Method,
    resources: string | readonly string[],
    options?: AcquireOptions,
  ): Promise<Lock | null>;
  #take(
    method: Method,
    resources: string | readonly string[],
    options?: AcquireOptions,
  ): Promise<Lock | null> {
    if (!tracesCalls()) return this.#takeBy(method, resources, options, undefined);
    const trace = new CallTrace(method, resources, options?.label ?? this.#settings.call.label);
    return trace.run(
      () => this.#takeBy(method, resources, options, trace),
      () => this.#context.clock.now(),
      options?.signal,
    );
  }

  #takeBy(
    method: Method,
    resources: string | readonly string[],
    options: AcquireOptions | undefined,
    trace: CallTrace | undefined,
  ): Promise<Lock | null> {
    return method === 'tryAcquire'
      ? this.#acquire(resources, options, 'tries once', false, trace).catch(nullIfHeld)
      : this.#acquire(resources, options, 'waits', method === 'using', trace);
  }

  /** `autoExtend`: unless the options say otherwise. */
  async #acquire(
    resources: string | readonly string[],
    options: AcquireOptions | undefined,
    kind: CallKind,
    autoExtend: boolean,
    trace: CallTrace | undefined,
  ): Promise<Lock> {
    this.#assertOpen();
    const unique = resolveResources(resources);
    const call = resolveCall(this.#settings, options, kind);
    const keys = this.#keys(unique);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const acquireTimeout = kind === 'tries once' ? 0 : call.acquireTimeout;
    // Written out: an object that is spread costs ten times as much to make.
    const { ttl, driftFactor, lockDelay, nodeTimeout, maxHoldTime, fencing, label, retry } = call;
    const waiting = new PendingAcquire(this.#context, this.#room, {
      resources: unique,
      keys,
      acquireTimeout,
      deadline: acquireTimeout === 0 ? Number.POSITIVE_INFINITY : this.#context.clock.now() + acquireTimeout,
      ttl,
      driftFactor,
      lockDelay,
      nodeTimeout,
      maxHoldTime,
      fencing,
      label,
      retry,
      trace,
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
    lock.publishTaken();
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

  /** The key of one resource. */
  #keyOf(resource: string): string {
    this.#assertOpen();
    if (typeof resource !== 'string') throw wrong(TypeError, 'resource', resource, 'a non-empty string');
    const [key = ''] = this.#keys(resolveResources(resource));
    return key;
  }

  /** Calls `listener` when this is closed, until the function returned is called. */
  #onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new RedlockClosedError();
  }

  /** Waits until nothing is held and no routine runs, but for so many ms at most. */
  #drain(atMost: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#settings.clock.after(atMost, () => this.#endDrain?.());
      this.#endDrain = () => {
        this.#endDrain = undefined;
        cancel();
        resolve();
      };
      this.#noteIdle();
    });
  }

  #noteIdle(): void {
    if (this.#endDrain && this.#running === 0 && this.#locks.size === 0) this.#endDrain();
  }

  async #close(drain: number): Promise<void> {
    const waiting = this.#waiting.all;
    for (const each of waiting) each.cancel(new RedlockClosedError());
    if (drain > 0) await this.#drain(drain);
    for (const end of this.#endListening) end?.();
    this.#locks.close(new RedlockClosedError());
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

function nullIfHeld(error: unknown): null {
  if (error instanceof ResourceHeldError) return null;
  throw error;
}
