import {
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  type RedlockError,
  ResourceHeldError,
  type Vote,
} from '../errors.ts';
import { list } from '../resources.ts';
import { type Failure, quorumOf } from './ballot.ts';
import { describeStart, describeVotes, obstacleOf, untilQuorum } from './votes.ts';

const EXPLANATIONS: Record<Failure, string> = {
  held: 'held by another owner',
  quarantined: 'too many nodes may have forgotten locks in a restart',
  misconfigured: 'too many nodes are not fit to hold locks',
  unreachable: 'too few nodes answered',
};

/** Why a vote failed, in words. */
export function explain(verdict: Failure, votes: readonly Vote[]): string {
  if (verdict === 'quarantined') return describeStart(votes) ?? EXPLANATIONS.quarantined;
  if (verdict !== 'held') return EXPLANATIONS[verdict];
  const [obstacle, another] = new Set(votes.filter(({ kind }) => kind === 'denied').map(obstacleOf));
  return obstacle && !another ? `${obstacle} is in the way` : EXPLANATIONS.held;
}

/** The error for a vote that failed. */
export function failure(
  verb: 'lock' | 'extend',
  resources: readonly string[],
  verdict: Failure,
  votes: readonly Vote[],
): RedlockError {
  const why =
    verb === 'extend' && verdict === 'held'
      ? 'too few nodes have held it all along'
      : explain(verdict, votes);
  return errorFor(`cannot ${verb} ${list(resources)}: ${why} (${describeVotes(votes)})`, verdict, votes);
}

/** The error of the class that a verdict stands for. */
export function errorFor(message: string, verdict: Failure, votes: readonly Vote[]): RedlockError {
  const quorum = quorumOf(votes.length);
  switch (verdict) {
    case 'held':
      return new ResourceHeldError(message, votes, untilQuorum(votes, quorum));
    case 'quarantined':
      return new NodesQuarantinedError(message, votes, untilQuorum(votes, quorum));
    case 'misconfigured':
      return new NodeMisconfiguredError(message, votes);
    case 'unreachable':
      return new QuorumUnreachableError(message, votes);
  }
}
