import { wrong } from '../bad-input.ts';

const MARK = ':quorlock:mark';

/**
 * The key of the largest token seen, beside the key that it guards: in the same hash slot of a Redis Cluster, and
 * different for different keys. Like `key` it is without the client's `prefix`, which decides on the slot as well.
 *
 * @throws {TypeError} for anything but a non-empty string; {@link RangeError} for the name of a mark, and for braces
 * that make no hash tag: no other key can be sure to be in the same slot.
 */
export function markKeyOf(key: unknown, prefix: string): string {
  if (typeof key !== 'string' || key === '') throw wrong(TypeError, 'key', key, 'a non-empty string');
  if (key.includes(MARK)) throw wrong(RangeError, 'key', key, `a string without ${MARK}`);
  const full = prefix + key;
  // Redis goes by the first opening brace, and the first closing one after it, if something is between them.
  if (/^[^{]*\{[^}]/.test(full) && full.includes('}', full.indexOf('{'))) return key + MARK;
  if (/[{}]/.test(full))
    throw wrong(RangeError, 'key', full, 'a string without braces, or with a hash tag such as {order:42}');
  return `${key}${MARK}:{${full}}`;
}
