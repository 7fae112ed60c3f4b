import { boolean, checkNames, implementation, type NumberRange, number, wrong } from './bad-input.ts';
import { type Clock, neutralClock, systemClock, TIMER_LATENESS } from './clock.ts';
import { LABEL } from './label.ts';
import { quarantineOf, type RestartGuard } from './node/redis/quarantine.ts';
import { driftOf } from './quorum/validity.ts';
import { type Random, systemRandom } from './random.ts';

/**
 * When to try again if nothing wakes a waiting call, in the names of p-retry. See {@link LockOptions.retry}.
 *
 * The pause after the n-th failed attempt is `minTimeout × factor^(n−1)`, at most `maxTimeout`. Attempts that a release
 * has called for are not counted.
 */
export interface RetryOptions {
  /** How many further attempts follow the first, not counting those that a release has called for; 0 for one attempt, which does not queue. @default Infinity */
  retries?: number | undefined;
  /** By how much each pause is longer than the last; ≥ 1. @default 1.5 */
  factor?: number | undefined;
  /** The first pause, in ms. Never less than 5 ms in effect. @default 50 */
  minTimeout?: number | undefined;
  /** The longest pause, in ms. @default 1000 */
  maxTimeout?: number | undefined;
  /** Whether a pause is drawn between half of its length and all of it. @default true */
  randomize?: boolean | undefined;
}

/** What may differ from call to call; given to the constructor, it is the default for every call. */
export interface LockOptions {
  /**
   * How long nodes keep the lock unless it is extended, in whole ms up to `maxTtl`. Less the drift and `nodeTimeout` it must leave 1 ms.
   * @default 10000, or maxTtl if less
   */
  ttl?: number | undefined;
  /** How much faster one clock may run than another, as a fraction of the ttl, from 0 to 0.999. @default 0.01 */
  driftFactor?: number | undefined;
  /** How long a round waits for votes that are still undecided, in ms, at least 1. @default ttl / 10, between 50 and 500 */
  nodeTimeout?: number | undefined;
  /**
   * How long `acquire` and `using` keep trying, in ms, the time in line behind other calls of the same `Redlock` included;
   * 0 for one attempt, which does not queue, Infinity for ever.
   * @default 10000
   */
  acquireTimeout?: number | undefined;
  /**
   * Pauses between attempts, for when nothing wakes the call. While somebody holds the lock, a waiter is notified of the
   * release, and relies on that for 5 s if a quorum of nodes notifies and `retries` is Infinity. After a split vote the
   * first pause is 10 ms at most.
   */
  retry?: RetryOptions | undefined;
  /** Whether the lock extends itself until it is released. @default true in `using`, false in `acquire` and `tryAcquire` */
  autoExtend?: boolean | undefined;
  /** How long a lock may be held in all, in ms, however often it is extended; at least 2. @default Infinity */
  maxHoldTime?: number | undefined;
  /** Whether the lock gets a fencing token. Without, reading it is a `TypeError`. @default true */
  fencing?: boolean | undefined;
  /**
   * After a loss, for how long nobody else gets the lock, in ms; a release frees it at once. Taken from the validity: less the drift,
   * `nodeTimeout` and this, the ttl must leave 1 ms. For holders that cannot stop at once when `lock.signal` aborts.
   * @default 0
   */
  lockDelay?: number | undefined;
  /**
   * Says who holds the lock, to people that {@link Redlock.inspect} it: 1 to 64 printable ASCII characters without spaces, such as
   * {@link defaultLabel}. Everybody who can read the nodes sees it.
   * @default none
   */
  label?: string | undefined;
}

/** Options of one call. */
export interface AcquireOptions extends LockOptions {
  /** Ends the waiting: the call rejects with the signal's own reason. It has no effect on a lock that was acquired. */
  signal?: AbortSignal | undefined;
}

/** Options of a single attempt, which does not wait. */
export type TryAcquireOptions = Omit<AcquireOptions, 'acquireTimeout' | 'retry'>;

/** Options of the constructor. */
export interface RedlockOptions extends LockOptions {
  /**
   * How long to wait for the first contact with a node, and for each later connection (a third of it for the TCP
   * handshake, at least 700 ms), in ms, at least 1. @default 2000
   */
  connectTimeout?: number | undefined;
  /** The largest ttl that any process may use on these nodes, in whole ms up to 2^31 − 1. All processes need the same. @default 30000 */
  maxTtl?: number | undefined;
  /**
   * For how long nodes keep the counter of a resource after its last lock, in whole ms, from twice `maxTtl` to a
   * year. If nobody locks it for longer, the order of fencing tokens rests on the clocks of the clients.
   * @default 3600000, or twice maxTtl if more
   */
  fenceRetention?: number | undefined;
  /**
   * What to do about nodes that come back without memory. `'strict'`: they do not vote until every lock that they may
   * have forgotten has expired, which takes `maxTtl` × (1 + `driftFactor`) + 1 s. `'auto'`: so too, but when at the
   * first contact all nodes are found to be new, they vote at once. `'off'`: they always vote at once. With a single node, and a
   * whole Redis Cluster given alone is one, `'auto'` is the same as `'off'`. All processes need the same.
   * @default 'auto'
   */
  restartGuard?: RestartGuard | undefined;
  /** Put before each resource to make its key. All processes need the same. @default '' */
  keyPrefix?: string | undefined;
  /** The source of time, for tests. @default the machine's monotonic clock */
  clock?: Clock | undefined;
  /** The source of randomness, for tests. @default the system's generator */
  random?: Random | undefined;
}

/** {@link RetryOptions}, complete and checked. */
export interface Retry {
  readonly retries: number;
  readonly factor: number;
  readonly minTimeout: number;
  readonly maxTimeout: number;
  readonly randomize: boolean;
}

/** {@link LockOptions}, complete and checked. */
export interface CallOptions {
  readonly ttl: number;
  readonly driftFactor: number;
  readonly nodeTimeout: number;
  readonly acquireTimeout: number;
  readonly retry: Retry;
  /** undefined: as the method decides. */
  readonly autoExtend: boolean | undefined;
  readonly maxHoldTime: number;
  readonly fencing: boolean;
  readonly lockDelay: number;
  readonly label: string | undefined;
  readonly maxTtl: number;
}

/** Options that were given to a call, and what they came to. */
interface RecentCall {
  readonly kind: CallKind;
  readonly given: AcquireOptions;
  readonly call: CallOptions;
}

/** Whether a call waits for a holder. */
export type CallKind = 'waits' | 'tries once';

/** {@link RedlockOptions}, complete and checked. */
export interface Settings {
  readonly call: CallOptions;
  /** The last call that gave some of its own. */
  recent: RecentCall | undefined;
  /** What was given to the constructor: defaults that depend on the ttl are computed anew for each call that has its own. */
  readonly given: LockOptions;
  readonly connectTimeout: number;
  readonly fenceRetention: number;
  readonly restartGuard: RestartGuard;
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly random: Random;
}

const RETRY_DEFAULTS: Retry = {
  retries: Number.POSITIVE_INFINITY,
  factor: 1.5,
  minTimeout: 50,
  maxTimeout: 1000,
  randomize: true,
};

const LOCK_NAMES = [
  'ttl',
  'driftFactor',
  'nodeTimeout',
  'acquireTimeout',
  'retry',
  'autoExtend',
  'maxHoldTime',
  'fencing',
  'lockDelay',
  'label',
];
const CONSTRUCTOR_NAMES = [
  ...LOCK_NAMES,
  'connectTimeout',
  'maxTtl',
  'fenceRetention',
  'restartGuard',
  'keyPrefix',
  'clock',
  'random',
];
const CALL_NAMES = [...LOCK_NAMES, 'signal'];
const TRY_NAMES = CALL_NAMES.filter((name) => name !== 'acquireTimeout' && name !== 'retry');
const USUAL_TTL = 10_000;
/** It leaves 1 ms of validity beside a drift of 2 ms and a `nodeTimeout` of 1 ms. */
const SHORTEST_TTL = 4;
/** A lock whose end is a timer's lateness away counts as over: with 1 ms, none would ever be won. */
const SHORTEST_HOLD = 2 * TIMER_LATENESS;
const GUARDS: ReadonlySet<unknown> = new Set<RestartGuard>(['auto', 'strict', 'off']);
const RETRY_NAMES = Object.keys(RETRY_DEFAULTS);

/** The longest duration that needs to be configured: almost 25 days, in ms. */
export const LONGEST: number = 2 ** 31 - 1;
/** A year of 365 days. */
const LONGEST_RETENTION = 365 * 24 * 3_600_000;
const FOREVER = Number.POSITIVE_INFINITY;

/**
 * Checks and completes the constructor's options.
 *
 * @throws {TypeError} for a value of the wrong type and for an unknown name; {@link RangeError} for a value out of range.
 */
export function resolveSettings(options: RedlockOptions = {}): Settings {
  checkNames('options', options, CONSTRUCTOR_NAMES);
  const { restartGuard = 'auto', keyPrefix = '' } = options;
  if (!GUARDS.has(restartGuard)) {
    const Type = typeof restartGuard === 'string' ? RangeError : TypeError;
    throw wrong(Type, 'restartGuard', restartGuard, "'auto', 'strict' or 'off'");
  }
  if (typeof keyPrefix !== 'string') throw wrong(TypeError, 'keyPrefix', keyPrefix, 'a string');
  const maxTtl = number('maxTtl', options.maxTtl, 30_000, { min: SHORTEST_TTL, max: LONGEST, whole: true });
  const call = complete(options, maxTtl);
  return {
    call,
    recent: undefined,
    given: { ...options, retry: { ...options.retry } },
    connectTimeout: number('connectTimeout', options.connectTimeout, 2_000, { min: 1, max: LONGEST }),
    fenceRetention: number('fenceRetention', options.fenceRetention, Math.max(3_600_000, 2 * maxTtl), {
      min: 2 * maxTtl,
      max: LONGEST_RETENTION,
      whole: true,
    }),
    restartGuard,
    keyPrefix,
    clock: clockOf(options),
    random: implementation('random', options.random, systemRandom, ['token', 'fraction']),
  };
}

function clockOf({ clock }: RedlockOptions): Clock {
  if (clock === undefined) return systemClock;
  return neutralClock(implementation('clock', clock, systemClock, ['now', 'wallTime', 'after']));
}

/** Checks and completes the options of one call. */
export function resolveCall(
  settings: Settings,
  options: AcquireOptions | undefined,
  kind: CallKind,
): CallOptions {
  if (options === undefined) return settings.call;
  const { recent } = settings;
  if (options?.signal !== undefined) checkSignal(options.signal);
  // Calls from one place in the caller's code give the same again and again. Their locks share what it came to, too.
  if (recent?.kind === kind && isSame(recent.given, options)) return recent.call;
  checkNames('options', options, kind === 'waits' ? CALL_NAMES : TRY_NAMES);
  const { retry } = options;
  if (retry !== undefined) checkNames('retry', retry, RETRY_NAMES);
  const given = { ...settings.given, ...defined(options) };
  const call = complete(
    { ...given, retry: { ...settings.given.retry, ...defined(retry ?? {}) } },
    settings.call.maxTtl,
  );
  settings.recent = {
    kind,
    given: { ...options, signal: undefined, ...(retry && { retry: { ...retry } }) },
    call,
  };
  return call;
}

/** Whether all that counts is the same: the options are compared, not the objects, which callers may change. */
function isSame(some: AcquireOptions, others: AcquireOptions): boolean {
  if (typeof others !== 'object' || others === null) return false;
  for (const name in others) if (!(name in some) && name !== 'signal') return false;
  for (const name in some) {
    if (name === 'signal' || name === 'retry') continue;
    if (some[name as keyof AcquireOptions] !== others[name as keyof AcquireOptions]) return false;
  }
  const { retry } = others;
  if (some.retry === undefined || retry === undefined) return some.retry === retry;
  for (const name of RETRY_NAMES as (keyof RetryOptions)[])
    if (some.retry[name] !== retry[name]) return false;
  for (const name in retry) if (!(name in some.retry)) return false;
  return true;
}

/** @throws {TypeError} for anything but an AbortSignal. */
export function checkSignal(signal: AbortSignal): void {
  implementation('signal', signal, signal, ['addEventListener', 'throwIfAborted']);
}

/** Checks the ttl of an extension by the same rules as that of a lock. */
export function checkTtl(ttl: number, options: CallOptions): void {
  number('ttl', ttl, ttl, ttlRange(options.maxTtl, options.driftFactor));
  checkValidity(`ttl ${ttl} ms`, { ...options, ttl });
}

function complete(options: LockOptions, maxTtl: number): CallOptions {
  const driftFactor = number('driftFactor', options.driftFactor, 0.01, { min: 0, max: 0.999 });
  const ttl = number('ttl', options.ttl, Math.min(USUAL_TTL, maxTtl), ttlRange(maxTtl, driftFactor));
  const usualTimeout = Math.min(Math.max(ttl / 10, 50), 500);
  const nodeTimeout = number('nodeTimeout', options.nodeTimeout, usualTimeout, { min: 1, max: LONGEST });
  const lockDelay = number('lockDelay', options.lockDelay, 0, { min: 0, max: LONGEST });
  checkValidity(describeTtl(options.ttl, maxTtl), { ttl, driftFactor, nodeTimeout, lockDelay });
  return {
    ttl,
    driftFactor,
    nodeTimeout,
    acquireTimeout: number('acquireTimeout', options.acquireTimeout, 10_000, { min: 0, max: FOREVER }),
    retry: completeRetry(options.retry),
    autoExtend: boolean('autoExtend', options.autoExtend, undefined),
    maxHoldTime: number('maxHoldTime', options.maxHoldTime, FOREVER, { min: SHORTEST_HOLD, max: FOREVER }),
    fencing: boolean('fencing', options.fencing, true),
    lockDelay,
    label: labelOf(options.label),
    maxTtl,
  };
}

function ttlRange(maxTtl: number, driftFactor: number): NumberRange {
  const remedy = (ttl: number): string =>
    `to use a longer ttl, raise maxTtl in all processes; a restarted node then grants no new locks for ` +
    `${quarantineOf(ttl, driftFactor) / 1_000} s instead of ${quarantineOf(maxTtl, driftFactor) / 1_000} s`;
  return { min: SHORTEST_TTL, max: maxTtl, whole: true, remedy };
}

/** Names what was given. */
function describeTtl(given: number | undefined, maxTtl: number): string {
  if (given !== undefined) return `ttl ${given} ms`;
  if (maxTtl < USUAL_TTL) return `maxTtl ${maxTtl} ms, which is also the default ttl,`;
  return `the default ttl of ${USUAL_TTL} ms`;
}

function completeRetry(retry: RetryOptions | undefined): Retry {
  if (retry === undefined) return RETRY_DEFAULTS;
  checkNames('retry', retry, RETRY_NAMES);
  const { retries, factor, minTimeout, maxTimeout, randomize } = RETRY_DEFAULTS;
  const first = number('retry.minTimeout', retry.minTimeout, minTimeout, { min: 0, max: LONGEST });
  const last = Math.max(maxTimeout, first);
  return {
    retries: number('retry.retries', retry.retries, retries, { min: 0, max: FOREVER, whole: true }),
    factor: number('retry.factor', retry.factor, factor, { min: 1, max: 1_000 }),
    minTimeout: first,
    maxTimeout: number('retry.maxTimeout', retry.maxTimeout, last, { min: first, max: LONGEST }),
    randomize: boolean('retry.randomize', retry.randomize, randomize),
  };
}

function labelOf(label: string | undefined): string | undefined {
  const allowed = '1 to 64 printable ASCII characters without spaces';
  if (label === undefined) return undefined;
  if (typeof label !== 'string') throw wrong(TypeError, 'label', label, `a string of ${allowed}`);
  if (!LABEL.test(label)) throw wrong(RangeError, 'label', label, allowed);
  return label;
}

function checkValidity(
  subject: string,
  {
    ttl,
    driftFactor,
    nodeTimeout,
    lockDelay,
  }: Pick<CallOptions, 'ttl' | 'driftFactor' | 'nodeTimeout' | 'lockDelay'>,
): void {
  const drift = driftOf(ttl, driftFactor);
  const left = ttl - drift - nodeTimeout - lockDelay;
  if (left >= 1) return;
  const delay = lockDelay === 0 ? '' : `, a lockDelay of ${lockDelay} ms`;
  throw new RangeError(
    `${subject} is too short: less a drift of ${drift} ms (driftFactor ${driftFactor})${delay} and a nodeTimeout of ` +
      `${nodeTimeout} ms it leaves ${Math.floor(left)} ms of validity; at least 1 ms is needed`,
  );
}

/** An option that is undefined is as good as absent. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
