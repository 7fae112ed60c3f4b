import leven from 'leven';
import { type Clock, systemClock } from './clock.ts';
import { driftOf } from './quorum/validity.ts';
import { type Random, systemRandom } from './random.ts';

/** When to try again, in the names of p-retry. See {@link RedlockOptions.retry}. */
export interface RetryOptions {
  /** How many further attempts follow the first. @default Infinity */
  retries?: number;
  /** By how much each pause is longer than the last; ≥ 1. @default 1.5 */
  factor?: number;
  /** The first pause, in ms. Never less than 5 ms in effect. @default 50 */
  minTimeout?: number;
  /** The longest pause, in ms. @default 1000 */
  maxTimeout?: number;
  /** Whether a pause is drawn between half of its length and all of it. @default true */
  randomize?: boolean;
}

/** What may differ from call to call; given to the constructor, it is the default for every call. */
export interface LockOptions {
  /** For how long nodes keep the lock unless it is extended, in whole ms from 1 to `maxTtl`. @default 10000, or maxTtl if less */
  ttl?: number;
  /** How much faster one clock may run than another, as a fraction of the ttl, from 0 to below 1. @default 0.01 */
  driftFactor?: number;
  /** How long a round waits for votes that are still undecided, in ms, at least 1. @default ttl / 10, between 50 and 500 */
  nodeTimeout?: number;
  /** How long `acquire` and `using` keep trying, in ms; 0 for one attempt, Infinity for ever. @default 10000 */
  acquireTimeout?: number;
  /** Pauses between attempts. */
  retry?: RetryOptions;
  /** Whether the lock extends itself until it is released. @default true in `using`, false in `acquire` and `tryAcquire` */
  autoExtend?: boolean;
  /** For how long a lock may be held in all, in ms, however often it is extended. @default Infinity */
  maxHoldTime?: number;
}

/** Options of one call. */
export interface AcquireOptions extends LockOptions {
  /** Ends the waiting: the call rejects with the signal's own reason. It has no effect on a lock that was acquired. */
  signal?: AbortSignal;
}

/** Options of the constructor. */
export interface RedlockOptions extends LockOptions {
  /** How long to wait for the first connection to a node, and for each later one, in ms, at least 1. @default 2000 */
  connectTimeout?: number;
  /** The largest ttl that any process may use on these nodes, in whole ms up to 2^31 − 1. All processes need the same. @default 60000 */
  maxTtl?: number;
  /** What to do about nodes that come back without memory. `'off'`: nothing, they vote at once. @default 'off' */
  restartGuard?: 'off';
  /** Put before each resource to make its key. All processes need the same. @default '' */
  keyPrefix?: string;
  /** The source of time, for tests. @default the machine's monotonic clock */
  clock?: Clock;
  /** The source of randomness, for tests. @default the system's generator */
  random?: Random;
}

/** {@link LockOptions}, complete and checked. */
export interface CallOptions {
  readonly ttl: number;
  readonly driftFactor: number;
  readonly nodeTimeout: number;
  readonly acquireTimeout: number;
  readonly retry: Required<RetryOptions>;
  /** undefined: as the method decides. */
  readonly autoExtend: boolean | undefined;
  readonly maxHoldTime: number;
  readonly maxTtl: number;
}

/** {@link RedlockOptions}, complete and checked. */
export interface Settings {
  readonly call: CallOptions;
  /** What was given to the constructor: defaults that depend on the ttl are computed anew for each call that has its own. */
  readonly given: LockOptions;
  readonly connectTimeout: number;
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly random: Random;
}

const RETRY_DEFAULTS: Required<RetryOptions> = {
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
];
const CONSTRUCTOR_NAMES = [
  ...LOCK_NAMES,
  'connectTimeout',
  'maxTtl',
  'restartGuard',
  'keyPrefix',
  'clock',
  'random',
];
const CALL_NAMES = [...LOCK_NAMES, 'signal'];

/** Ends the keys that quorlock keeps beside a lock's. */
const RESERVED = ':quorlock:fence';

/** The largest ttl that can be configured: 2^31 − 1 ms, almost 25 days. */
const LONGEST_TTL = 2 ** 31 - 1;

/**
 * Checks and completes the constructor's options.
 *
 * @throws {TypeError} for a value of the wrong type and for an unknown name; {@link RangeError} for a value out of range.
 */
export function resolveSettings(options: RedlockOptions = {}): Settings {
  checkNames('options', options, CONSTRUCTOR_NAMES);
  const maxTtl = number('maxTtl', options.maxTtl, 60_000, { min: 1, max: LONGEST_TTL, whole: true });
  const { restartGuard = 'off', keyPrefix = '' } = options;
  if (restartGuard !== 'off') throw wrong(RangeError, 'restartGuard', restartGuard, "'off'");
  if (typeof keyPrefix !== 'string') throw wrong(TypeError, 'keyPrefix', keyPrefix, 'a string');
  return {
    call: complete(options, maxTtl),
    given: options,
    connectTimeout: number('connectTimeout', options.connectTimeout, 2_000, { min: 1, max: LONGEST_TTL }),
    keyPrefix,
    clock: port('clock', options.clock, systemClock, ['now', 'after']),
    random: port('random', options.random, systemRandom, ['token', 'fraction']),
  };
}

/** Checks and completes the options of one call. */
export function resolveCall(settings: Settings, options: AcquireOptions | undefined): CallOptions {
  if (options === undefined) return settings.call;
  checkNames('options', options, CALL_NAMES);
  const { signal } = options;
  if (signal !== undefined && !(isObject(signal) && 'aborted' in signal && 'addEventListener' in signal)) {
    throw wrong(TypeError, 'signal', signal, 'an AbortSignal');
  }
  const retry = { ...settings.given.retry, ...options.retry };
  return complete({ ...settings.given, ...withoutUndefined(options), retry }, settings.call.maxTtl);
}

/** Checks the ttl of an extension by the same rules as that of a lock. */
export function checkTtl(ttl: number, options: CallOptions): void {
  number('ttl', ttl, ttl, { min: 1, max: options.maxTtl, whole: true });
  checkValidity(ttl, options.driftFactor, options.nodeTimeout);
}

/**
 * Checks what is to be locked, and removes duplicates.
 *
 * @throws {TypeError} for anything but a non-empty string or a non-empty array of those; {@link RangeError} for more than 1,000.
 */
export function resolveResources(resources: string | readonly string[]): readonly string[] {
  if (Array.isArray(resources) && resources.length === 0)
    throw wrong(TypeError, 'resources', [], 'at least one resource');
  const unique: string[] =
    typeof resources === 'string' ? [resources] : Array.isArray(resources) ? [...new Set(resources)] : [];
  if (unique.length === 0)
    throw wrong(TypeError, 'resource', resources, 'a non-empty string, or an array of those');
  for (const resource of unique) {
    if (typeof resource !== 'string' || resource === '')
      throw wrong(TypeError, 'resource', resource, 'a non-empty string');
    if (resource.endsWith(RESERVED))
      throw wrong(RangeError, 'resource', resource, `a string that does not end in ${RESERVED}`);
  }
  if (unique.length > 1_000) throw wrong(RangeError, 'resources', unique.length, 'at most 1000 in one lock');
  return unique;
}

function complete(options: LockOptions, maxTtl: number): CallOptions {
  const ttl = number('ttl', options.ttl, Math.min(10_000, maxTtl), { min: 1, max: maxTtl, whole: true });
  const driftFactor = number('driftFactor', options.driftFactor, 0.01, { min: 0, max: 0.999 });
  const nodeTimeout = number('nodeTimeout', options.nodeTimeout, Math.min(Math.max(ttl / 10, 50), 500), {
    min: 1,
    max: LONGEST_TTL,
  });
  checkValidity(ttl, driftFactor, nodeTimeout);
  const { autoExtend } = options;
  if (autoExtend !== undefined && typeof autoExtend !== 'boolean')
    throw wrong(TypeError, 'autoExtend', autoExtend, 'a boolean');
  return {
    ttl,
    driftFactor,
    nodeTimeout,
    acquireTimeout: number('acquireTimeout', options.acquireTimeout, 10_000, {
      min: 0,
      max: Number.POSITIVE_INFINITY,
    }),
    retry: completeRetry(options.retry),
    autoExtend,
    maxHoldTime: number('maxHoldTime', options.maxHoldTime, Number.POSITIVE_INFINITY, {
      min: 1,
      max: Number.POSITIVE_INFINITY,
    }),
    maxTtl,
  };
}

function completeRetry(retry: RetryOptions | undefined): Required<RetryOptions> {
  if (retry === undefined) return RETRY_DEFAULTS;
  if (!isObject(retry)) throw wrong(TypeError, 'retry', retry, 'an object');
  checkNames('retry', retry, Object.keys(RETRY_DEFAULTS));
  const from = (
    name: keyof Omit<RetryOptions, 'randomize'>,
    min: number,
    max: number,
    whole = false,
  ): number => number(`retry.${name}`, retry[name], RETRY_DEFAULTS[name], { min, max, whole });
  const minTimeout = from('minTimeout', 0, LONGEST_TTL);
  const { randomize = true } = retry;
  if (typeof randomize !== 'boolean') throw wrong(TypeError, 'retry.randomize', randomize, 'a boolean');
  return {
    retries: from('retries', 0, Number.POSITIVE_INFINITY, true),
    factor: from('factor', 1, 1_000),
    minTimeout,
    maxTimeout: number(
      'retry.maxTimeout',
      retry.maxTimeout,
      Math.max(RETRY_DEFAULTS.maxTimeout, minTimeout),
      {
        min: minTimeout,
        max: LONGEST_TTL,
      },
    ),
    randomize,
  };
}

function checkValidity(ttl: number, driftFactor: number, nodeTimeout: number): void {
  const left = ttl - driftOf(ttl, driftFactor) - nodeTimeout;
  if (left >= 1) return;
  throw new RangeError(
    `ttl ${ttl} ms is too short: less the drift of ${driftOf(ttl, driftFactor)} ms (driftFactor ${driftFactor}) and ` +
      `nodeTimeout ${nodeTimeout} ms it leaves ${Math.floor(left)} ms of validity; at least 1 ms is needed`,
  );
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

function number(name: string, value: unknown, fallback: number, { min, max, whole = false }: Range): number {
  if (value === undefined) return fallback;
  const upTo = max === Number.POSITIVE_INFINITY ? 'or more, Infinity included' : `to ${max}`;
  const allowed = `${whole ? 'a whole number' : 'a number'} from ${min} ${upTo}`;
  if (typeof value !== 'number') throw wrong(TypeError, name, value, allowed);
  const isWhole = Number.isInteger(value) || value === Number.POSITIVE_INFINITY;
  if (!(value >= min && value <= max) || (whole && !isWhole)) throw wrong(RangeError, name, value, allowed);
  return value;
}

function port<T extends object>(
  name: string,
  value: T | undefined,
  fallback: T,
  methods: readonly (keyof T)[],
): T {
  if (value === undefined) return fallback;
  if (isObject(value) && methods.every((method) => typeof value[method] === 'function')) return value;
  throw wrong(
    TypeError,
    name,
    value,
    `an object with ${methods.map((method) => `${String(method)}()`).join(' and ')}`,
  );
}

function checkNames(what: string, options: object, known: readonly string[]): void {
  if (!isObject(options)) throw wrong(TypeError, what, options, 'an object');
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = [...known].sort((a, b) => leven(name, a) - leven(name, b))[0] ?? '';
    const hint = leven(name, nearest) <= 3 ? `; did you mean ${nearest}?` : '';
    throw new TypeError(`unknown option ${JSON.stringify(name)}${hint} (known: ${known.join(', ')})`);
  }
}

function withoutUndefined(options: AcquireOptions): LockOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The one shape of message for bad input: which option, what it was, what is allowed. */
export function wrong(
  Type: typeof TypeError | typeof RangeError,
  name: string,
  value: unknown,
  allowed: string,
): TypeError | RangeError {
  return new Type(`${name} must be ${allowed}, not ${show(value)}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'function') return 'a function';
  return isObject(value) ? 'an object' : String(value);
}
