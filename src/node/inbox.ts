/** Begins the name of every inbox. */
export const TURN = 'quorlock:turn:';

/**
 * The sharded channel that a waiter hears from a server on. It is also the waiter's name in the lines there, and the value of a
 * key that is reserved for it. On a Redis Cluster it names the hash tag of the waiter's `key`, so that it is in the key's hash slot.
 */
export function inboxOf(name: string, key?: string): string {
  return key === undefined ? TURN + name : `${TURN}{${hashTagOf(key)}}:${name}`;
}

/** Whether the value of a key says that it is nobody's lock, but reserved for a waiter. */
export function isReservation(value: string): boolean {
  return value.startsWith(TURN);
}

/** What a server computes the hash slot of a key from. */
function hashTagOf(key: string): string {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}
