import { LAST_NUMBER } from './counter.ts';
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

/** How many waiters without a listener are dropped, at most, to find one that can be told that it is the next. */
export const MOST_PASSED_OVER = 3;

/** How long a line is kept after its last request to stand in it, in ms. Waiters repeat that request long before. */
export const LINE_KEPT = 60_000;

/**
 * A score in a line says two things: since when the waiter has been waiting, in steps of this many µs, and, by the remainder, for how long it
 * needs a key reserved. The remainder b stands for {@link SHORTEST_RESERVATION} × 2^b ms, but at most for {@link LONGEST_RESERVATION}.
 */
export const SCORE_STEP = 8;

/** For how long a key is reserved for the first in line, in ms: at least, and at most. */
export const SHORTEST_RESERVATION = 30;
export const LONGEST_RESERVATION = 1_000;

/** The remainder for {@link LONGEST_RESERVATION}. */
export const LARGEST_REMAINDER = 6;

/** The score of a waiter. `since`: in µs since 1970, or its score so far. `reservation`: in ms. */
export function scoreOf(since: number, reservation: number): number {
  let remainder = 0;
  while (remainder < LARGEST_REMAINDER && SHORTEST_RESERVATION * 2 ** remainder < reservation) remainder++;
  return Math.floor(since / SCORE_STEP) * SCORE_STEP + remainder;
}

/** For how long the waiter with this score needs a key reserved, in ms. A score that is no time was forged. */
export function reservationAt(score: number): number {
  const isTime = Number.isInteger(score) && score >= 0 && score <= LAST_NUMBER;
  return Math.min(LONGEST_RESERVATION, SHORTEST_RESERVATION * 2 ** (isTime ? score % SCORE_STEP : 0));
}
