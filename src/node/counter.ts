import { tagged } from './hash-tag.ts';

/** Ends the keys that quorlock keeps beside a lock's own. */
export const COUNTER_SUFFIX = ':quorlock:fence';

/** The key of the counter that fencing tokens of a key come from, in the same hash slot. */
export function counterOf(key: string): string {
  return tagged(key) + COUNTER_SUFFIX;
}
