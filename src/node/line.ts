import { tagged } from './hash-tag.ts';

/** Ends the key of a line. */
export const LINE_SUFFIX = ':quorlock:line';

/** The key of the line in which processes wait for a key, in the same hash slot: a sorted set of inboxes. */
export function lineOf(key: string): string {
  return tagged(key) + LINE_SUFFIX;
}

/** How many waiters a line holds. Waiters beyond that poll. */
export const LONGEST_LINE = 10_000;

/** How many waiters without a listener one request drops from a line at most, so that the server is never blocked for long. */
export const MOST_DROPPED = 1_000;

/** How long a line is kept after its last request to stand in it, in ms. Waiters repeat that request long before. */
export const LINE_KEPT = 60_000;
