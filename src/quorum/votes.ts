import type { Vote } from '../errors.ts';
import type {
  ConfirmReply,
  ExtendReply,
  GrantReply,
  LockNode,
  NoAnswer,
  ReleaseReply,
  RepairReply,
  RevokeReply,
} from '../node/lock-node.ts';
import { isTombstoneOwner } from '../node/owner.ts';
import { cut, enumerate } from '../quote.ts';
import { type Ballot, quorumOf } from './ballot.ts';
import type { Replies } from './round.ts';

type Reply = GrantReply | ConfirmReply | ExtendReply | RepairReply | ReleaseReply | RevokeReply;

/** What each reply counts as. A node that had to set keys again counts as a denial: it did not hold the lock without a break. */
const BALLOTS: Record<Reply['kind'], Ballot> = {
  granted: 'granted',
  confirmed: 'granted',
  extended: 'granted',
  released: 'granted',
  revoked: 'granted',
  denied: 'denied',
  refused: 'denied',
  taken: 'denied',
  missing: 'denied',
  repaired: 'denied',
  absent: 'denied',
  unreachable: 'unreachable',
  unusable: 'unusable',
  quarantined: 'quarantined',
};

export function ballotOf(reply: Reply | undefined): Ballot {
  return reply === undefined ? 'pending' : BALLOTS[reply.kind];
}

/** Whether a node that answered so has certainly executed nothing. */
export function executedNothing(reply: Reply): reply is NoAnswer {
  if (reply.kind === 'unreachable' || reply.kind === 'unusable') return !reply.maybeExecuted;
  return reply.kind === 'quarantined';
}

const NOTHING_SET: ReadonlySet<Reply['kind']> = new Set<Reply['kind']>(['denied', 'missing', 'taken']);

/** Whether a node that answered so has set no key. */
export function setNothing(reply: Reply): boolean {
  return executedNothing(reply) || NOTHING_SET.has(reply.kind);
}

export function votesOf(nodes: readonly LockNode[], replies: Replies<Reply>): Vote[] {
  return nodes.map(({ name }, index) => voteOf(name, replies[index]));
}

function voteOf(node: string, reply: Reply | undefined): Vote {
  switch (reply?.kind) {
    case undefined:
      return { node, kind: 'late' };
    case 'granted':
    case 'confirmed':
    case 'extended':
    case 'released':
    case 'revoked':
      return { node, kind: 'granted' };
    case 'denied':
      return {
        node,
        kind: 'denied',
        remaining: reply.remaining,
        ...(reply.foreign ? { foreign: reply.foreign } : {}),
        ...(reply.isReserved ? { isReserved: true } : {}),
        ...revokedFrom(reply.owner),
      };
    case 'taken':
      return { node, kind: 'denied', remaining: reply.remaining, ...revokedFrom(reply.owner) };
    case 'refused':
      return {
        node,
        kind: 'denied',
        remaining: reply.remaining,
        ...(reply.foreign ? { foreign: reply.foreign } : {}),
      };
    case 'missing':
    case 'repaired':
    case 'absent':
      return { node, kind: 'denied', remaining: 0 };
    case 'unreachable':
      return { node, kind: 'unreachable', cause: reply.cause };
    case 'quarantined':
      return {
        node,
        kind: 'quarantined',
        remaining: reply.remaining,
        ...(reply.awaiting ? { awaiting: reply.awaiting } : {}),
      };
    case 'unusable':
      return { node, kind: 'unusable', why: reply.why, ...(reply.isPermanent ? { isPermanent: true } : {}) };
  }
}

/** `owner`: as {@link ownerOf} names it. */
function revokedFrom(owner: string | undefined): { isRevoked?: true } {
  return owner !== undefined && isTombstoneOwner(owner) ? { isRevoked: true } : {};
}

/** How many nodes a message tells about one by one. */
const MOST_NODES = 9;

/** What denied a lock, if it is not just a lock of quorlock's that expires. */
export function obstacleOf(vote: Vote): string | undefined {
  if (vote.kind !== 'denied') return undefined;
  if (vote.isReserved) return 'a key reserved for a waiter';
  if (vote.isRevoked) return 'a revoked lock';
  const expiry = vote.remaining === Number.POSITIVE_INFINITY ? ' without expiry' : '';
  if (vote.foreign === 'type') return `a key of another type${expiry}`;
  if (vote.foreign === 'value') return `a value${expiry} that quorlock did not set`;
  return expiry && `a key${expiry}`;
}

/** Whether there is no quorum without the nodes that are permanently unfit. */
export function isHopeless(votes: readonly Vote[]): boolean {
  const lost = votes.filter((vote) => vote.kind === 'unusable' && vote.isPermanent === true).length;
  return lost > votes.length - quorumOf(votes.length);
}

/** What keeps nodes from voting that may be new; undefined if none may be. */
export function describeStart(votes: readonly Vote[]): string | undefined {
  const awaited = new Set(votes.flatMap(awaitedBy));
  if (awaited.size === 0) return undefined;
  const missing = votes.filter((vote) => awaited.has(vote.node) && awaitedBy(vote).length === 0);
  // A late answer is no sign of trouble, where there is another reason.
  const faulty = missing.filter(({ kind }) => kind !== 'late');
  const why = enumerate(
    (faulty.length > 0 ? faulty : missing).map((vote) => cut(`${vote.node} ${stateOf(vote)}`)),
    MOST_NODES,
  );
  return `${why && `${why}, and `}new nodes are admitted only when all ${votes.length} answer`;
}

function awaitedBy(vote: Vote): readonly string[] {
  return (vote.kind === 'quarantined' && vote.awaiting) || [];
}

function stateOf({ kind }: Vote): string {
  if (kind === 'unreachable') return 'is unreachable';
  if (kind === 'unusable') return 'must not hold locks';
  return kind === 'late' ? 'had not answered' : 'is not known as new';
}

/** The votes in a sentence's tail, such as `1 of 3 granted, 1 denied, c:6379 unreachable (connect ECONNREFUSED)`. */
export function describeVotes(votes: readonly Vote[], verb = 'granted'): string {
  const granted = votes.filter(({ kind }) => kind === 'granted').length;
  const denied = votes.filter(({ kind }) => kind === 'denied').length;
  const others = votes.flatMap((vote) => {
    switch (vote.kind) {
      case 'denied': {
        const obstacle = obstacleOf(vote);
        return obstacle ? `${vote.node} has ${obstacle}` : [];
      }
      case 'unreachable':
        return `${vote.node} unreachable (${vote.cause.message})`;
      case 'unusable':
        return `${vote.node} unusable (${vote.why})`;
      case 'quarantined':
        return `${vote.node} quarantined for ${Math.ceil(vote.remaining)} ms`;
      case 'late':
        return `${vote.node} had not answered`;
      default:
        return [];
    }
  });
  return [
    `${granted} of ${votes.length} ${verb}`,
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(others.length > 0
      ? [
          enumerate(
            others.map((each) => cut(each)),
            MOST_NODES,
          ),
        ]
      : []),
  ].join(', ');
}

/**
 * In how many ms a quorum could be reached, if those that refuse for a time (`remaining`) stop doing so one
 * after the other and nothing else changes.
 */
export function untilQuorum(votes: readonly Vote[], quorum: number): number {
  const granted = votes.filter(({ kind }) => kind === 'granted').length;
  const waits = votes.flatMap((vote) => ('remaining' in vote ? [vote.remaining] : [])).sort((a, b) => a - b);
  return waits[Math.min(quorum - granted, waits.length) - 1] ?? Number.POSITIVE_INFINITY;
}
