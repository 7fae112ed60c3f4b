import { tagged } from './hash-tag.ts';

/** Ends the keys that quorlock keeps beside a lock's own. */
export const COUNTER_SUFFIX = ':quorlock:fence';

/** The last number that a counter gives: the µs since 1970 reach it as the year 2200 begins. No real clock is beyond it. */
export const LAST_NUMBER = 7_258_118_400_000_000;

/** Why a server gives no number: neither what it has counted so far nor its clock is near what a client has seen. */
export const CLOCK_BEHIND =
  'ERR the clock of this server is more than an hour behind that of the client, and its fencing counter is lost or older still: set the clocks';

/** The key of the counter that fencing tokens of a key come from, in the same hash slot. */
export function counterOf(key: string): string {
  return tagged(key) + COUNTER_SUFFIX;
}
