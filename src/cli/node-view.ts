import type { Vote } from '../errors.ts';
import type { NodeInspection } from '../inspection.ts';
import { isOwnerToken, isTombstone, labelOf, ownerOf } from '../node/owner.ts';
import type { NodeStatus } from '../readiness.ts';
import { formatDuration } from './duration.ts';
import { moment } from './moment.ts';
import type { Cell, Paint, Tone } from './paint.ts';
import { table } from './table.ts';

const TONES: Readonly<Record<NodeStatus['state'], Tone>> = {
  up: 'good',
  connecting: 'warning',
  quarantined: 'warning',
  unusable: 'bad',
  down: 'bad',
  hung: 'bad',
  closed: 'faint',
  unknown: 'faint',
};

/** A table of the nodes and their states. */
export function nodesTable(nodes: readonly NodeStatus[], now: Date, paint: Paint): string[] {
  const rows = nodes.map((node): Cell[] => {
    const state = { text: node.state, tone: TONES[node.state] };
    if (node.state === 'unknown') return [node.name, state];
    const { name, since, roundTrip, until, why } = node;
    return [
      name,
      state,
      since ? moment(since, now) : '',
      roundTrip === undefined ? '' : `${roundTrip.toFixed(1)} ms`,
      until ? moment(until, now) : '',
      why ?? '',
    ];
  });
  return table(['NODE', 'STATE', 'SINCE', 'ROUND TRIP', 'UNTIL', 'WHY'], rows, paint);
}

/** Such as `2 of 3 nodes up, 2 needed`. */
export function quorumSentence(nodes: readonly NodeStatus[], quorum: number): string {
  const up = nodes.filter(({ state }) => state === 'up').length;
  return `${up} of ${nodes.length} nodes up, ${quorum} needed`;
}

/** What each node says of a resource. */
export function inspectionTable(nodes: readonly NodeInspection[], paint: Paint): string[] {
  const rows = nodes.map((answer): Cell[] => {
    if (answer.kind === 'held') {
      const { node, ownerToken, remaining, counter } = answer;
      return [
        node,
        { text: isRevoked(answer) ? 'revoked' : 'held', tone: 'warning' },
        ownerToken === undefined ? FOREIGN.type : nameOwner(ownerToken),
        remaining === Number.POSITIVE_INFINITY ? 'no expiry' : formatDuration(remaining),
        counter === undefined ? '' : String(counter),
        '',
      ];
    }
    return [
      answer.node,
      { text: answer.kind, tone: answer.kind === 'free' ? 'good' : 'bad' },
      '',
      '',
      '',
      reasonOf(answer),
    ];
  });
  return table(['NODE', 'SAYS', 'OWNER', 'REMAINING', 'COUNTER', 'WHY'], rows, paint);
}

const FOREIGN = {
  value: 'a value that quorlock did not set',
  type: 'a key of another type',
} as const;

function isRevoked({ ownerToken = '' }: { ownerToken?: string }): boolean {
  return isTombstone(ownerToken);
}

/** The label of an owner, or the part of its token that is no secret. What another program has set may be a secret as a whole. */
export function nameOwner(token: string): string {
  if (!isOwnerToken(token)) return FOREIGN.value;
  return labelOf(token) ?? (isTombstone(token) ? '' : ownerOf(token));
}

/** How each node has voted, one line each, indented. */
export function voteLines(votes: readonly Vote[], paint: Paint): string[] {
  const rows = votes.map((vote): Cell[] => [
    `  ${vote.node}`,
    { text: VERBS[vote.kind], tone: vote.kind === 'granted' ? 'good' : 'bad' },
    // A vote is also late if the others have decided before.
    vote.kind === 'late' ? 'it had not answered yet' : reasonOf(vote),
  ]);
  return table(['', '', ''], rows, paint).slice(1);
}

const VERBS: Readonly<Record<Vote['kind'], string>> = {
  granted: 'ok',
  denied: 'denied',
  unreachable: 'unreachable',
  unusable: 'unusable',
  quarantined: 'quarantined',
  late: 'no answer',
};

/** Why a node did not do what it was asked to. */
function reasonOf(vote: Vote | NodeInspection): string {
  switch (vote.kind) {
    case 'unreachable':
      return vote.cause.message;
    case 'unusable':
      return vote.why;
    case 'quarantined':
      return `it may have lost locks in a restart, and votes again in ${formatDuration(vote.remaining)}`;
    case 'late':
      return 'it did not answer in time';
    default:
      return '';
  }
}
