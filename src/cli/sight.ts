import type { Inspection } from '../inspection.ts';
import { quote } from '../quote.ts';
import type { NodeStatus } from '../readiness.ts';
import { formatDuration } from './duration.ts';
import { STATE_TONES } from './inspection-view.ts';
import { nodeJson, ownerJson } from './json.ts';
import { moment, timeOfDay } from './moment.ts';
import { nameOwner, nodesTable, quorumSentence } from './node-view.ts';
import type { Cell, Paint } from './paint.ts';
import { table } from './table.ts';

/** What `watch` sees at one moment. */
export interface Sight {
  readonly at: Date;
  readonly quorum: number;
  readonly nodes: readonly NodeStatus[];
  readonly resources: readonly { readonly resource: string; readonly inspection: Inspection }[];
}

/** Something that has changed between two moments. */
export type Change =
  | { readonly kind: 'node'; readonly node: NodeStatus }
  | { readonly kind: 'resource'; readonly resource: string; readonly inspection: Inspection };

/** What is different from before; everything, if there was nothing before. */
export function changesSince(before: Sight | undefined, now: Sight): Change[] {
  const nodes = now.nodes.flatMap((node, index): Change[] => {
    const old = before?.nodes[index];
    return old && nodeKey(old) === nodeKey(node) ? [] : [{ kind: 'node', node }];
  });
  const resources = now.resources.flatMap(({ resource, inspection }, index): Change[] => {
    const old = before?.resources[index]?.inspection;
    return old && resourceKey(old) === resourceKey(inspection)
      ? []
      : [{ kind: 'resource', resource, inspection }];
  });
  return [...nodes, ...resources];
}

/** Not why a node is down: the reasons alternate while it is. */
function nodeKey(node: NodeStatus): string {
  return `${node.state} ${node.state === 'unusable' ? node.why : ''}`;
}

function resourceKey({ state, owner, revokedBy }: Inspection): string {
  return `${state} ${owner?.token} ${revokedBy}`;
}

/** A change as a line: `10:42:07  node a:6379 is down: connect ECONNREFUSED`. */
export function changeLine(change: Change, at: Date): string {
  return `${timeOfDay(at, at)}  ${change.kind === 'node' ? nodeSentence(change.node, at) : resourceSentence(change.resource, change.inspection, at)}`;
}

function nodeSentence(node: NodeStatus, now: Date): string {
  const { why, until } = 'why' in node || 'until' in node ? node : {};
  return `node ${node.name} is ${node.state}${until ? ` until ${moment(until, now)}` : ''}${why ? `: ${why}` : ''}`;
}

function resourceSentence(resource: string, inspection: Inspection, now: Date): string {
  const { state, owner, fencingToken } = inspection;
  const name = partyIn(inspection);
  const details = [
    name && `by ${name}`,
    owner?.since ? `since ${moment(owner.since, now)}` : '',
    fencingToken === undefined ? '' : `with fencing token ${fencingToken}`,
  ].filter((detail) => detail !== '');
  return [`resource ${quote(resource)} is ${state}`, ...details].join(' ');
}

/** Who holds a resource, or who has revoked it. */
function partyIn({ owner, revokedBy = '' }: Inspection): string {
  return owner ? nameOwner(owner.token) : revokedBy;
}

export function changeJson(change: Change, at: Date): object {
  if (change.kind === 'node') {
    return { at, kind: 'node', ...nodeJson(change.node) };
  }
  const { resource, inspection } = change;
  const { state, owner, revokedBy, fencingToken } = inspection;
  return { at, kind: 'resource', resource, state, owner: owner && ownerJson(owner), revokedBy, fencingToken };
}

/** The picture that a terminal shows. */
export function sightLines({ at, quorum, nodes, resources }: Sight, paint: Paint): string[] {
  const rows = resources.map(({ resource, inspection }): Cell[] => {
    const { state, owner, remaining, fencingToken } = inspection;
    return [
      resource,
      { text: state, tone: STATE_TONES[state] },
      partyIn(inspection),
      owner?.since ? moment(owner.since, at) : '',
      remaining === 0 ? '' : remaining === Number.POSITIVE_INFINITY ? 'no expiry' : formatDuration(remaining),
      fencingToken === undefined ? '' : String(fencingToken),
    ];
  });
  const header = ['RESOURCE', 'STATE', 'HOLDER', 'SINCE', 'REMAINING', 'FENCING TOKEN'];
  return [
    `${timeOfDay(at, at)}  ${quorumSentence(nodes, quorum)}. Ctrl-C ends this.`,
    '',
    ...nodesTable(nodes, at, paint),
    ...(rows.length === 0 ? [] : ['', ...table(header, rows, paint)]),
  ];
}
