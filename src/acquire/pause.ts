import { NodesQuarantinedError, ResourceHeldError } from '../errors.ts';
import type { Retry } from '../options.ts';
import { quorumOf } from '../quorum/ballot.ts';
import { backoff, SHORTEST_PAUSE } from './backoff.ts';
import type { Rivals } from './rivals.ts';

/** For how long a waiter that is told of releases relies on it, in ms: so much time a lost message costs at most. */
export const LONGEST_SLEEP = 5_000;

/**
 * The longest pause behind a key that is not a lock of quorlock, in ms, unless `minTimeout` is longer: nobody announces its
 * release, so the waiter has to poll.
 */
export const LONGEST_FOREIGN_PAUSE = 200;

/** The first pause after votes were split, in ms, unless the options want a shorter one. */
const SPLIT_PAUSE = 10;

/** How many round trips such a pause is at most, however often it comes again. */
const MOST_ROUND_TRIPS = 4;

export interface Situation {
  readonly error: Error;
  /** How many attempts have failed that nobody had called for, this one included. */
  readonly failures: number;
  /** How many in a row have split the votes, this one included. */
  readonly splits: number;
  /** How many in a row found that the expiry was already due, this one included. */
  readonly overdue: number;
  /** How long nodes take to answer, in ms. */
  readonly roundTrip: number;
  readonly retry: Retry;
  readonly rivals: Rivals;
  /** Whether a quorum of nodes tells of releases. */
  readonly isTold: boolean;
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly fraction: number;
}

/** How long to wait after an attempt that failed, unless something happens before, in ms. */
export function pauseAfter(situation: Situation): number {
  const { error, failures, splits, overdue, roundTrip, retry, rivals, isTold, now, fraction } = situation;
  // Retries that are counted are expected to be made, each after its pause.
  const isCounted = retry.retries !== Number.POSITIVE_INFINITY;
  const isForeign = rivals.isForeign && error instanceof ResourceHeldError;
  const longest =
    isForeign && !isCounted ? Math.max(retry.minTimeout, LONGEST_FOREIGN_PAUSE) : Number.POSITIVE_INFINITY;
  const usual = Math.min(backoff(failures, retry, fraction), longest);
  if (error instanceof NodesQuarantinedError) return Math.max(usual, untilQuarantineMayMatter(error));
  if (!rivals.isContested) return usual;
  // A server keeps a key to the end of its last ms.
  const expiry = rivals.mayWin ? Number.POSITIVE_INFINITY : Math.max(SHORTEST_PAUSE, rivals.freeAt + 1 - now);
  // A node may always say that its key is about to expire: it must not be asked in a loop.
  const free = Math.max(expiry, Math.min(usual, SHORTEST_PAUSE * 2 ** (overdue - 1)));
  if (rivals.isHeld) {
    const mayRely = isTold && !isCounted && !isForeign;
    return Math.min(free, mayRely ? Math.max(usual, LONGEST_SLEEP) : usual);
  }
  const afterSplit = { ...retry, minTimeout: Math.min(retry.minTimeout, SPLIT_PAUSE) };
  const short = Math.min(usual, backoff(splits, afterSplit, fraction));
  // Whoever comes back before the others' requests have arrived splits the votes again, in the same way.
  return Math.min(free, Math.max(short, roundTrip * (0.5 + fraction * Math.min(splits, MOST_ROUND_TRIPS))));
}

/** Whether the keys in the way should have expired by now, or are about to. */
export function isOverdue(rivals: Rivals, now: number): boolean {
  return !rivals.mayWin && rivals.freeAt + 1 - now <= SHORTEST_PAUSE;
}

/** In how many ms the first of the nodes that may have forgotten locks can vote again; 0 if the others are enough. */
function untilQuarantineMayMatter({ votes }: NodesQuarantinedError): number {
  const waits = votes.flatMap((vote) => (vote.kind === 'quarantined' ? [vote.remaining] : []));
  return votes.length - waits.length >= quorumOf(votes.length) ? 0 : Math.min(...waits);
}
