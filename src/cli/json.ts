import type { Vote } from '../errors.ts';
import type { Inspection, NodeInspection, Owner } from '../inspection.ts';
import { ownerOf } from '../node/owner.ts';
import type { NodeStatus } from '../readiness.ts';
import type { Revocation } from '../revocation.ts';

/** What `--json` prints: one object a line. Without owner tokens, by which anybody could release a lock. */
export function jsonLine(value: object): string {
  return JSON.stringify(value);
}

/** An owner without its token. What another program has set is not shown. */
export function ownerJson({ id, label, since }: Owner): object {
  return id === undefined ? { foreign: 'value' } : { id, label, since };
}

export function inspectionJson(resource: string, inspection: Inspection): object {
  const { state, remaining, owner, revokedBy, fencingToken, nodes } = inspection;
  return {
    resource,
    state,
    remaining: msJson(remaining),
    owner: owner && ownerJson(owner),
    revokedBy,
    fencingToken,
    nodes: nodes.map(nodeInspectionJson),
  };
}

function nodeInspectionJson(inspection: NodeInspection): object {
  if (inspection.kind !== 'held') return withCauses(inspection);
  const { node, kind, ownerToken, remaining, foreign, counter } = inspection;
  return {
    node,
    kind,
    remaining: msJson(remaining),
    owner: foreign === undefined && ownerToken !== undefined ? ownerOf(ownerToken) : undefined,
    foreign,
    counter,
  };
}

export function revocationJson(resource: string, { outcome, remaining, owner, votes }: Revocation): object {
  return {
    resource,
    outcome,
    remaining: msJson(remaining),
    owner: owner && ownerJson(owner),
    nodes: votes.map(withCauses),
  };
}

export function nodesJson(nodes: readonly NodeStatus[], quorum: number): object {
  return { quorum, up: nodes.filter(({ state }) => state === 'up').length, nodes: nodes.map(nodeJson) };
}

/** A node, whose round trip is in ms with three digits after the point. */
export function nodeJson(node: NodeStatus): object {
  if (node.state === 'unknown' || node.roundTrip === undefined) return node;
  return { ...node, roundTrip: Number(node.roundTrip.toFixed(3)) };
}

/** Errors as their messages, and whole ms. */
function withCauses(vote: Vote | NodeInspection): object {
  const { maybeExecuted: _, ...rest } = vote as Vote & { maybeExecuted?: boolean };
  return {
    ...rest,
    ...('cause' in vote ? { cause: vote.cause.message } : {}),
    ...('remaining' in vote ? { remaining: msJson(vote.remaining) } : {}),
  };
}

/** Whole ms; null for ever, which JSON cannot say otherwise. */
function msJson(ms: number): number | null {
  return ms === Number.POSITIVE_INFINITY ? null : Math.ceil(ms);
}
