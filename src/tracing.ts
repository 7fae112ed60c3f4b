import { type Channel, channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { type Context, currentContext, inNeutralContext } from './context.ts';
import { type LockLostError, type LossReason, RedlockError, type Vote } from './errors.ts';
import type { Lock, Release } from './lock.ts';

/*
 * Everything that quorlock publishes by node:diagnostics_channel. No event is made unless its channel has subscribers. An error that a subscriber
 * throws becomes an `uncaughtException` of the process, and does not reach quorlock.
 */

/**
 * How a call has ended. `held`: `tryAcquire` has returned null. `aborted`: by the call's signal, with the signal's reason. `invalid`: for bad input.
 * Otherwise the code of the error.
 */
export type AcquireOutcome = 'acquired' | 'held' | 'aborted' | 'invalid' | RedlockError['code'];

/**
 * The context object of the TracingChannel `quorlock:acquire`: one for each `acquire`, `tryAcquire` and `using`, filled in as the call goes on.
 * `using` ends here when it has the lock. `result` and `error` are set as for every TracingChannel.
 */
export interface AcquireEvent {
  readonly method: 'acquire' | 'tryAcquire' | 'using';
  readonly resources: readonly string[];
  readonly label?: string;
  /** How many times nodes were asked for the lock so far. */
  attempts: number;
  /** Whether somebody else held a resource, or wanted it at the same time: another process, or another call of this one. */
  contended: boolean;
  /** For how long the call has taken, in ms; set when it settles. */
  waited?: number;
  /** Set when it settles. */
  outcome?: AcquireOutcome;
  /** Of the last attempt that has ended, one per node; empty if none has. Of an error that has votes, its own. */
  votes: readonly Vote[];
  readonly result?: Lock | null;
  readonly error?: unknown;
}

/** The context object of the TracingChannel `quorlock:using`: from the call of `using` until it settles. */
export interface UsingEvent {
  readonly resources: readonly string[];
  /** Once the lock was acquired. */
  lock?: Lock;
  readonly error?: unknown;
}

/** What `quorlock:lock:*` publishes. */
export interface LockEvent {
  readonly lock: Lock;
  readonly resources: readonly string[];
  readonly label?: string;
  readonly fencingToken?: number;
  /** For how long the lock has been held, in ms; absent if nobody had subscribed to any of `quorlock:lock:*` when it was taken. */
  readonly heldFor?: number;
  /** For how long the lock is still valid, in ms; 0 if it is not held any more. */
  readonly remaining: number;
}

/** What `quorlock:lock:extendFailed` publishes. The lock stays held for `remaining` ms. */
export interface ExtendFailedEvent extends LockEvent {
  readonly error: RedlockError;
  readonly votes: readonly Vote[];
}

/** What `quorlock:lock:lost` publishes. */
export interface LockLostEvent extends LockEvent {
  readonly reason: LossReason;
  readonly error: LockLostError;
  readonly votes: readonly Vote[];
}

/** What `quorlock:lock:released` publishes, when the nodes have answered. */
export interface LockReleasedEvent extends LockEvent, Release {}

/** What `quorlock:waiting:*` publishes. With `local`, the call waits behind locks or calls of its own `Redlock`, and asks no node. */
export interface WaitingEvent {
  /** The call that waits: the context object of its `quorlock:acquire`. */
  readonly call: AcquireEvent;
  /** All that the call wants. */
  readonly resources: readonly string[];
  /** The node that keeps the queue in which the call waits, if it is in one. */
  readonly node?: string;
}

/** What `quorlock:waiting:queued` publishes, and again when the position has changed. */
export interface QueuedEvent extends WaitingEvent {
  readonly node: string;
  /** How many processes wait before this one. */
  readonly position: number;
}

/** What `quorlock:waiting:polling` publishes: the call retries after pauses, as it cannot rely on notifications. */
export interface PollingEvent extends WaitingEvent {
  readonly why: string;
}

/** What `quorlock:node:*` publishes when the state of a node has changed. */
export interface NodeEvent {
  readonly node: string;
  /** `closed`: the `Redlock` that uses it was closed. */
  readonly state: 'up' | 'down' | 'quarantined' | 'unusable' | 'closed';
  /** The state before. Two `Redlock`s of one process may use nodes of the same name: it tells how many are in each state. */
  readonly previous: NodeEvent['state'] | 'connecting';
  /** Why it is down or unusable. */
  readonly why?: string;
  /** Until when it is quarantined. */
  readonly until?: Date;
}

/** What `quorlock:node:clockJumped` publishes: the wall clock of a server was set, by which Redis expires keys. */
export interface ClockJumpEvent {
  readonly node: string;
  /** Which of its masters, if the node is a Redis Cluster. */
  readonly server?: string;
  /** A jump forward ends locks early on this node; after a jump backward they stay longer. */
  readonly direction: 'forward' | 'backward';
  /** By how many ms at least. */
  readonly by: number;
}

/** What is published, by the name of its channel. A tracing channel has five: see `TracingChannel` of Node.js. */
export interface PublishedEvents {
  readonly 'tracing:quorlock:acquire:start': AcquireEvent;
  readonly 'tracing:quorlock:acquire:end': AcquireEvent;
  readonly 'tracing:quorlock:acquire:asyncStart': AcquireEvent;
  readonly 'tracing:quorlock:acquire:asyncEnd': AcquireEvent;
  readonly 'tracing:quorlock:acquire:error': AcquireEvent;
  readonly 'tracing:quorlock:using:start': UsingEvent;
  readonly 'tracing:quorlock:using:end': UsingEvent;
  readonly 'tracing:quorlock:using:asyncStart': UsingEvent;
  readonly 'tracing:quorlock:using:asyncEnd': UsingEvent;
  readonly 'tracing:quorlock:using:error': UsingEvent;
  readonly 'quorlock:lock:acquired': LockEvent;
  readonly 'quorlock:lock:extended': LockEvent;
  readonly 'quorlock:lock:extendFailed': ExtendFailedEvent;
  readonly 'quorlock:lock:lost': LockLostEvent;
  readonly 'quorlock:lock:released': LockReleasedEvent;
  readonly 'quorlock:waiting:local': WaitingEvent;
  readonly 'quorlock:waiting:queued': QueuedEvent;
  readonly 'quorlock:waiting:notified': WaitingEvent;
  readonly 'quorlock:waiting:polling': PollingEvent;
  readonly 'quorlock:node:up': NodeEvent;
  readonly 'quorlock:node:down': NodeEvent;
  readonly 'quorlock:node:quarantined': NodeEvent;
  readonly 'quorlock:node:unusable': NodeEvent;
  readonly 'quorlock:node:closed': NodeEvent;
  readonly 'quorlock:node:clockJumped': ClockJumpEvent;
}

/** Of a Node.js without `hasSubscribers` on tracing channels. */
function hasSubscribers(traced: TracingChannel<object>): boolean {
  const known = (traced as { hasSubscribers?: boolean }).hasSubscribers;
  if (known !== undefined) return known;
  const { start, end, asyncStart, asyncEnd, error } = traced;
  return [start, end, asyncStart, asyncEnd, error].some((each) => each.hasSubscribers);
}

const ACQUIRE = tracingChannel<object>('quorlock:acquire');
const USING = tracingChannel<object>('quorlock:using');

/** Of locks. */
export const LOCK: Readonly<Record<'acquired' | 'extended' | 'extendFailed' | 'lost' | 'released', Channel>> =
  {
    acquired: channel('quorlock:lock:acquired'),
    extended: channel('quorlock:lock:extended'),
    extendFailed: channel('quorlock:lock:extendFailed'),
    lost: channel('quorlock:lock:lost'),
    released: channel('quorlock:lock:released'),
  };

const WAITING: Readonly<Record<'local' | 'queued' | 'notified' | 'polling', Channel>> = {
  local: channel('quorlock:waiting:local'),
  queued: channel('quorlock:waiting:queued'),
  notified: channel('quorlock:waiting:notified'),
  polling: channel('quorlock:waiting:polling'),
};

const NODE: Record<NodeEvent['state'], Channel> = {
  up: channel('quorlock:node:up'),
  down: channel('quorlock:node:down'),
  quarantined: channel('quorlock:node:quarantined'),
  unusable: channel('quorlock:node:unusable'),
  closed: channel('quorlock:node:closed'),
};

const CLOCK_JUMPED = channel('quorlock:node:clockJumped');

/** Whether somebody subscribes to what calls do: only then a {@link CallTrace} is made. */
export function tracesCalls(): boolean {
  const { local, queued, notified, polling } = WAITING;
  return (
    hasSubscribers(ACQUIRE) ||
    local.hasSubscribers ||
    queued.hasSubscribers ||
    notified.hasSubscribers ||
    polling.hasSubscribers
  );
}

/** What one call that waits for a lock publishes, in its own context. */
export class CallTrace {
  readonly #event: AcquireEvent;
  #context: Context | undefined;
  #place: string | undefined;
  #polling: string | undefined;

  constructor(
    method: AcquireEvent['method'],
    resources: string | readonly string[],
    label: string | undefined,
  ) {
    this.#event = {
      method,
      resources: listed(resources),
      ...(label === undefined ? {} : { label }),
      attempts: 0,
      contended: false,
      votes: [],
    };
  }

  /** Runs the call. `now`: by the clock that everything else runs on. */
  run<T extends Lock | null>(
    call: () => Promise<T>,
    now: () => number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const event = this.#event;
    const startedAt = now();
    return ACQUIRE.tracePromise(async () => {
      // Here, so that what a subscriber has bound to `start` by `bindStore` is there when the call waits.
      this.#context = currentContext();
      try {
        const lock = await call();
        event.outcome = lock ? 'acquired' : 'held';
        return lock;
      } catch (error) {
        event.outcome = outcomeOf(error, signal);
        const votes = votesIn(error);
        if (votes.length > 0) event.votes = votes;
        throw error;
      } finally {
        event.waited = now() - startedAt;
      }
    }, event);
  }

  attempted(): void {
    this.#event.attempts++;
  }

  voted(votes: readonly Vote[]): void {
    this.#event.votes = votes;
  }

  /** Somebody else was in the way. */
  contended(): void {
    this.#event.contended = true;
  }

  /** The call waits behind others of its own process. */
  local(): void {
    this.contended();
    this.#publish(WAITING.local, {});
  }

  /** The call waits in the line of a node; published if its place has changed. */
  queued(node: string, position: number): void {
    const place = `${position} ${node}`;
    if (place === this.#place) return;
    this.#place = place;
    this.#publish(WAITING.queued, { node, position });
  }

  /** A node has reserved the key for this process. */
  notified(node: string): void {
    this.#publish(WAITING.notified, { node });
  }

  /** Why the call does not rely on notifications, if so; published if the reason is new. A call that has a place in a line may have to poll as well. */
  polling(why: string | undefined): void {
    if (why === this.#polling) return;
    this.#polling = why;
    if (why !== undefined) this.#publish(WAITING.polling, { why });
  }

  #publish(to: Channel, details: object): void {
    if (!to.hasSubscribers) return;
    const call = this.#event;
    this.#context?.runInAsyncScope(() => to.publish({ call, resources: call.resources, ...details }));
  }
}

/** Runs `using`, or traces nothing if nobody has subscribed. */
export function traceUsing<T>(
  resources: string | readonly string[],
  run: (event: UsingEvent | undefined) => Promise<T>,
): Promise<T> {
  if (!hasSubscribers(USING)) return run(undefined);
  const event: UsingEvent = { resources: listed(resources) };
  return USING.tracePromise(() => run(event), event);
}

/** Whether somebody subscribes to what becomes of locks: only then it is noted when they are taken. */
export function tracesLocks(): boolean {
  const { acquired, extended, extendFailed, lost, released } = LOCK;
  return (
    acquired.hasSubscribers ||
    extended.hasSubscribers ||
    extendFailed.hasSubscribers ||
    lost.hasSubscribers ||
    released.hasSubscribers
  );
}

/** When locks were taken, in ms of their clock: of those that somebody wanted to know of. */
const heldSince = new WeakMap<Lock, number>();

/** When the lock was taken, if that is known. */
export function since(lock: Lock): number | undefined {
  return heldSince.get(lock);
}

/** Notes when a lock is taken, for what is published of it later. */
export function noteTaken(lock: Lock, now: number): void {
  heldSince.set(lock, now);
}

/** Publishes what has become of a lock in the context of the call that took it. The event is only made for subscribers. */
export function publishLock(to: Channel, context: Context | undefined, event: () => LockEvent): void {
  if (!to.hasSubscribers) return;
  if (context) context.runInAsyncScope(() => to.publish(event()));
  else to.publish(event());
}

/** Publishes the new state of a node. */
export function publishNode(event: NodeEvent): void {
  const to = NODE[event.state];
  if (to.hasSubscribers) inNeutralContext(() => to.publish(event));
}

/** Publishes that the wall clock of a server has jumped. */
export function publishClockJump(event: ClockJumpEvent): void {
  if (CLOCK_JUMPED.hasSubscribers) inNeutralContext(() => CLOCK_JUMPED.publish(event));
}

/** The reason of a signal may be any error, also one of quorlock: the signal of a lock aborts with a loss. */
function outcomeOf(error: unknown, signal: AbortSignal | undefined): AcquireOutcome {
  if (signal?.aborted && error === signal.reason) return 'aborted';
  return error instanceof RedlockError ? error.code : 'invalid';
}

function votesIn(error: unknown): readonly Vote[] {
  return error instanceof RedlockError ? error.votes : [];
}

/** A copy, as the caller may change its array; empty if what was given is neither a string nor an array. */
function listed(resources: string | readonly string[]): readonly string[] {
  if (typeof resources === 'string') return [resources];
  return Array.isArray(resources) ? [...resources] : [];
}
