/** Ends the keys that quorlock keeps beside a lock's own. */
export const COUNTER_SUFFIX = ':quorlock:fence';

/** The key of the counter that fencing tokens of a key come from. It is in the same hash slot, by a tag of its own if the key has none. */
export function counterOf(key: string): string {
  const open = key.indexOf('{');
  const isTagged = open >= 0 && key.indexOf('}', open + 1) > open + 1;
  return isTagged ? key + COUNTER_SUFFIX : `{${key}}${COUNTER_SUFFIX}`;
}
