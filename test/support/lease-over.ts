import type {
  ConfirmReply,
  ExtendReply,
  GrantReply,
  ReleaseReply,
  RepairReply,
} from '../../src/node/lock-node.ts';
import { type Confirmed, type Extended, Lease, type Taken } from '../../src/quorum/lease.ts';
import { ManualClock } from './manual-clock.ts';
import { type ScriptedNode, scriptedNodes } from './scripted-node.ts';

/** For how long a freed key is reserved for the first in its line, in ms. */
export const RESERVATION = 30;

type Verb = 'grant' | 'confirm' | 'extend' | 'repair' | 'release';

export interface LeaseOver {
  readonly lease: Lease;
  readonly nodes: readonly ScriptedNode[];
  readonly clock: ManualClock;
  /** Without fencing, unless there is a hint. */
  readonly take: (hint?: number) => Promise<Taken>;
  /** Takes the lease with the grants of the first `grants` nodes (all by default); the others stay silent. */
  readonly win: () => void;
  /** Takes the lease with these counters; undefined for silence. */
  readonly winWith: (...counters: (number | undefined)[]) => Promise<Taken>;
  readonly confirm: () => Promise<Confirmed>;
  readonly extend: () => Promise<Extended>;
  /** The nodes' answers to the last request of that kind, in the order of the nodes; undefined for silence. */
  readonly answerGrants: (...replies: (GrantReply | undefined)[]) => void;
  readonly answerConfirmations: (...replies: (ConfirmReply | undefined)[]) => void;
  readonly answerExtensions: (...replies: (ExtendReply | RepairReply | undefined)[]) => void;
  readonly answerReleases: (...replies: (ReleaseReply | undefined)[]) => void;
}

/** A lease on two keys over `n` scripted nodes. `isHandedOver`: the last holder has served no line. */
export function leaseOver(n: number, grants: number = n, isHandedOver = false): LeaseOver {
  const nodes = scriptedNodes(n);
  const clock = new ManualClock();
  const plan = { nodes, clock, roundTrip: { reservation: RESERVATION } };
  const lease = new Lease(plan, ['k', 'l'], 'token', isHandedOver);
  const answer = (
    verb: Verb,
    replies: readonly (GrantReply | ConfirmReply | ReleaseReply | undefined)[],
  ): void =>
    replies.forEach((reply, index) => {
      if (reply) nodes[index]?.of(verb).at(-1)?.deliver(reply);
    });
  const take = (hint?: number): Promise<Taken> =>
    lease.take(1_000, 100, Number.POSITIVE_INFINITY, hint).outcome;
  return {
    lease,
    nodes,
    clock,
    take,
    win: () => {
      void take();
      for (const node of nodes.slice(0, grants)) node.answer({ kind: 'granted' });
    },
    winWith: (...counters) => {
      const taken = take(0);
      const replies = counters.map((counter): GrantReply | undefined =>
        counter === undefined ? undefined : { kind: 'granted', counter },
      );
      answer('grant', replies);
      return taken;
    },
    confirm: () => lease.confirm(100).outcome,
    extend: () => lease.extend(1_000, 100).outcome,
    answerGrants: (...replies) => answer('grant', replies),
    answerConfirmations: (...replies) => answer('confirm', replies),
    answerExtensions: (...replies) =>
      replies.forEach((reply, index) => {
        if (reply) nodes[index]?.answerExtension(reply);
      }),
    answerReleases: (...replies) => answer('release', replies),
  };
}

/** The owner tokens that a node was asked about. */
export function tokensOf(node: ScriptedNode | undefined, verb: Verb): string[] {
  return (node?.of(verb) ?? []).map(({ ownerToken }) => ownerToken);
}
