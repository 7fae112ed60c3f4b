import leven from 'leven';
import { cut, quote } from './quote.ts';

/** What a number may be. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  /** What to do about a value above `max`. */
  readonly remedy?: (value: number) => string;
}

/** The one shape of message for bad input: which option, what is allowed, what it was. */
export function wrong(
  Type: typeof TypeError | typeof RangeError,
  name: string,
  value: unknown,
  allowed: string,
): TypeError | RangeError {
  return new Type(`${name} must be ${allowed}, not ${show(value)}`);
}

/** A number in range; `fallback` when it is undefined. */
export function number(
  name: string,
  value: unknown,
  fallback: number,
  { min, max, whole, remedy }: NumberRange,
): number {
  if (value === undefined) return fallback;
  const upTo = max === Number.POSITIVE_INFINITY ? 'up, Infinity included' : `to ${max}`;
  const allowed = `a ${whole ? 'whole ' : ''}number from ${min} ${upTo}`;
  if (typeof value !== 'number') throw wrong(TypeError, name, value, allowed);
  const isWhole = Number.isInteger(value) || value === Number.POSITIVE_INFINITY;
  // NaN is neither below nor above anything.
  if (value >= min && value <= max && (!whole || isWhole)) return value;
  const error = wrong(RangeError, name, value, allowed);
  if (remedy && value > max) error.message += `; ${remedy(value)}`;
  throw error;
}

/** A boolean; `fallback` when it is undefined. */
export function boolean<T>(name: string, value: unknown, fallback: T): boolean | T {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw wrong(TypeError, name, value, 'a boolean');
  return value;
}

/** Something with these methods; `fallback` when it is undefined. */
export function implementation<T extends object>(
  name: string,
  value: T | undefined,
  fallback: T,
  methods: readonly (keyof T & string)[],
): T {
  if (value === undefined) return fallback;
  if (isObject(value) && methods.every((method) => typeof value[method] === 'function')) return value;
  throw wrong(
    TypeError,
    name,
    value,
    `an object with ${methods.map((method) => `${method}()`).join(' and ')}`,
  );
}

/** @throws {TypeError} for a name that is not known and has a value, with the nearest one that is known. */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  if (!isObject(options) || Array.isArray(options)) throw wrong(TypeError, what, options, 'an object');
  const unknown = Object.entries(options).find(
    ([name, value]) => value !== undefined && !known.includes(name),
  )?.[0];
  if (unknown === undefined) return;
  const start = unknown.slice(0, 64);
  const [nearest = ''] = [...known].sort((a, b) => leven(start, a) - leven(start, b));
  const hint = leven(start, nearest) <= 3 ? `; did you mean ${nearest}?` : '';
  throw new TypeError(`unknown name ${quote(unknown)} in ${what}${hint} (known: ${known.join(', ')})`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'function') return 'a function';
  return isObject(value) ? 'an object' : cut(String(value));
}
