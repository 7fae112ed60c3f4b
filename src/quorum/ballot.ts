/** How a node has voted; `pending` has not yet, or not in time. */
export type Ballot = 'granted' | 'denied' | 'quarantined' | 'unusable' | 'unreachable' | 'pending';

/** Why a vote failed. */
export type Failure = 'held' | 'quarantined' | 'misconfigured' | 'unreachable';

/** How many nodes are a majority of n: floor(n/2) + 1. Any two majorities share a node. */
export function quorumOf(n: number): number {
  return Math.floor(n / 2) + 1;
}

/**
 * The result of a vote, as early as it is certain: `won` at a quorum of grants; a failure as soon as grants can
 * no longer reach the quorum and no pending vote could change the reason; `undefined` before that.
 */
export function judge(ballots: readonly Ballot[]): 'won' | Failure | undefined {
  const quorum = quorumOf(ballots.length);
  const counts = count(ballots);
  if (counts.granted >= quorum) return 'won';
  if (counts.granted + counts.pending >= quorum) return undefined;
  // A denial makes for the mildest reason, silence for the severest: if they agree, so does all in between.
  const ifDenied = reasonOf({ ...counts, denied: counts.denied + counts.pending, pending: 0 }, quorum);
  const ifSilent = reasonOf(counts, quorum);
  return ifDenied === ifSilent ? ifSilent : undefined;
}

/** The result of a vote that is over: pending nodes count as unreachable. */
export function conclude(ballots: readonly Ballot[]): 'won' | Failure {
  const quorum = quorumOf(ballots.length);
  const counts = count(ballots);
  return counts.granted >= quorum ? 'won' : reasonOf(counts, quorum);
}

type Counts = Record<Ballot, number>;

function count(ballots: readonly Ballot[]): Counts {
  const counts = { granted: 0, denied: 0, quarantined: 0, unusable: 0, unreachable: 0, pending: 0 };
  for (const ballot of ballots) counts[ballot]++;
  return counts;
}

/**
 * The mildest explanation that the answers allow. Denials on more than n − quorum nodes fail the vote whatever
 * the others say; otherwise a kind of node is to blame when the quorum is reached with it, and not without it.
 */
function reasonOf(counts: Counts, quorum: number): Failure {
  const n =
    counts.granted +
    counts.denied +
    counts.quarantined +
    counts.unusable +
    counts.unreachable +
    counts.pending;
  if (counts.denied > n - quorum) return 'held';
  let reached = counts.granted + counts.denied;
  if (reached >= quorum) return 'held';
  reached += counts.quarantined;
  if (reached >= quorum) return 'quarantined';
  reached += counts.unusable;
  return reached >= quorum ? 'misconfigured' : 'unreachable';
}
