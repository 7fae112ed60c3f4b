import { NodesQuarantinedError, type RedlockError, ResourceHeldError } from '../errors.ts';
import type { Retry } from '../options.ts';
import { quorumOf } from '../quorum/ballot.ts';
import { backoff, SHORTEST_PAUSE } from './backoff.ts';

/**
 * After how long a waiter asks again if nothing happens, in ms: the first in line, any other one at most, and any waiter at most that
 * finds again and again that nothing has changed. This is what a lost notification costs, and how long an arbiter that hangs goes unnoticed.
 */
const FALLBACK = { first: 150, later: 1_000, longest: 5_000 } as const;

/**
 * The longest pause behind a key that is not a lock of quorlock, in ms, unless `minTimeout` is longer: nobody serves the line
 * when it is deleted, so the waiter has to poll.
 */
export const LONGEST_FOREIGN_PAUSE = 200;

/** The pauses after turns that were given back, in ms, unless the options want shorter ones. */
const AFTER_YIELD = { first: 10, longest: 250 } as const;

/** How many round trips such a pause is at most, however often it comes again. */
const MOST_ROUND_TRIPS = 4;

/** How much longer than a reservation the next in line waits for the one before it, in ms. */
const WATCH_MARGIN = 5;

/** What failed attempts have left a waiter with. */
export interface Setback {
  /** That of the last one. */
  readonly error: Error;
  /** How many turns in a row were given back; 0 if the last attempt was none. */
  readonly yields: number;
  /** In how many ms what denied the lock expires; undefined if nothing did. */
  readonly expiry: number | undefined;
  /** Whether what denied it is no lock of quorlock's. */
  readonly isForeign: boolean;
  /** The waiter's position in a line whose notifications arrive; undefined if it is in none. */
  readonly position: number | undefined;
  /** How many attempts in a row have found the same owner and the same position. */
  readonly unchanged: number;
  /** How many in a row found that the expiry was already due. */
  readonly overdue: number;
}

export interface Situation extends Setback {
  /** How many attempts have failed that nothing had called for, the last one included. */
  readonly failures: number;
  /** How long nodes take to answer, in ms. */
  readonly roundTrip: number;
  /** For how long a key is reserved for the first in line, in ms. */
  readonly reservation: number;
  readonly retry: Retry;
  /** Uniform in [0, 1). */
  readonly fraction: number;
}

/** How long to wait after an attempt that failed, unless something happens before, in ms. */
export function pauseAfter(situation: Situation): number {
  const { error, failures, yields, position, unchanged, isForeign, retry, fraction } = situation;
  const isCounted = retry.retries !== Number.POSITIVE_INFINITY;
  const longest =
    isForeign && !isCounted ? Math.max(retry.minTimeout, LONGEST_FOREIGN_PAUSE) : Number.POSITIVE_INFINITY;
  const usual = Math.min(backoff(failures, retry, fraction), longest);
  if (error instanceof NodesQuarantinedError) return Math.max(usual, untilQuarantineMayMatter(error));
  if (!(error instanceof ResourceHeldError)) return usual;
  const free = freePause(situation, usual);
  if (yields > 0) return Math.min(free, yieldPause(situation, usual));
  // Retries that are counted are expected to be made, each after its pause; and nobody serves the line when a foreign key is deleted.
  if (position === undefined || isForeign || isCounted) return Math.min(usual, free);
  return Math.min(free, fallback(position, unchanged));
}

/** How long the next in line waits for the one before it to use its turn, in ms. */
export function watchPause(reservation: number): number {
  return reservation + WATCH_MARGIN;
}

/** Whether what is in the way should have expired by now, or is about to. */
export function isOverdue(expiry: number | undefined): boolean {
  return expiry !== undefined && expiry + 1 <= SHORTEST_PAUSE;
}

/** Until what is in the way has expired, and those before in the line have had their turns. A server keeps a key to the end of its last ms. */
function freePause({ expiry, position = 0, reservation, overdue }: Situation, usual: number): number {
  if (expiry === undefined) return Number.POSITIVE_INFINITY;
  const pause = Math.max(SHORTEST_PAUSE, expiry + 1 + position * watchPause(reservation));
  // A node may always say that its key is about to expire: it must not be asked in a loop.
  return Math.max(pause, Math.min(usual, SHORTEST_PAUSE * 2 ** (overdue - 1)));
}

/** Whoever comes back before the others' requests have arrived meets them again, in the same way. */
function yieldPause({ yields, roundTrip, retry, fraction }: Situation, usual: number): number {
  const { first, longest } = AFTER_YIELD;
  const options = { ...retry, minTimeout: Math.min(retry.minTimeout, first), factor: 2, maxTimeout: longest };
  const pause = Math.min(usual, backoff(yields, options, fraction));
  return Math.max(pause, roundTrip * (0.5 + fraction * Math.min(yields, MOST_ROUND_TRIPS)));
}

/** For how long notifications are relied on: twice as long each time that nothing has changed. */
function fallback(position: number, unchanged: number): number {
  const pause = Math.min(FALLBACK.later, (1 + position) * FALLBACK.first);
  return Math.min(FALLBACK.longest, pause * 2 ** unchanged);
}

/** In how many ms the first of the nodes that may have forgotten locks can vote again; 0 if the others are enough. */
function untilQuarantineMayMatter({ votes }: RedlockError): number {
  const waits = votes.flatMap((vote) => (vote.kind === 'quarantined' ? [vote.remaining] : []));
  return votes.length - waits.length >= quorumOf(votes.length) ? 0 : Math.min(...waits);
}
