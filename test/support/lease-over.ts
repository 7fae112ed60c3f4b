import type { ExtendReply, GrantReply, ReleaseReply } from '../../src/node/lock-node.ts';
import { type Extended, Lease, type Taken } from '../../src/quorum/lease.ts';
import { ManualClock } from './manual-clock.ts';
import { type ScriptedNode, scriptedNodes } from './scripted-node.ts';

type Verb = 'grant' | 'extend' | 'release';

export interface LeaseOver {
  readonly lease: Lease;
  readonly nodes: readonly ScriptedNode[];
  readonly clock: ManualClock;
  readonly take: () => Promise<Taken>;
  /** Takes the lease with the grants of the first `grants` nodes (all by default); the others stay silent. */
  readonly win: () => void;
  readonly extend: () => Promise<Extended>;
  /** The nodes' answers to the last request of that kind, in the order of the nodes; undefined for silence. */
  readonly answerGrants: (...replies: (GrantReply | undefined)[]) => void;
  readonly answerExtensions: (...replies: (ExtendReply | undefined)[]) => void;
  readonly answerReleases: (...replies: (ReleaseReply | undefined)[]) => void;
}

/** A lease on two keys over `n` scripted nodes. */
export function leaseOver(n: number, grants: number = n): LeaseOver {
  const nodes = scriptedNodes(n);
  const clock = new ManualClock();
  const lease = new Lease(nodes, clock, { keys: ['k', 'l'], ownerToken: 'token' });
  const answer = (
    verb: Verb,
    replies: readonly (GrantReply | ExtendReply | ReleaseReply | undefined)[],
  ): void =>
    replies.forEach((reply, index) => {
      if (reply) nodes[index]?.of(verb).at(-1)?.deliver(reply);
    });
  const take = (): Promise<Taken> => lease.take(1_000, 100, Number.POSITIVE_INFINITY);
  return {
    lease,
    nodes,
    clock,
    take,
    win: () => {
      void take();
      for (const node of nodes.slice(0, grants)) node.answer({ kind: 'granted' });
    },
    extend: () => lease.extend(1_000, 100),
    answerGrants: (...replies) => answer('grant', replies),
    answerExtensions: (...replies) => answer('extend', replies),
    answerReleases: (...replies) => answer('release', replies),
  };
}

/** The owner tokens that a node was asked about. */
export function tokensOf(node: ScriptedNode | undefined, verb: Verb): string[] {
  return (node?.of(verb) ?? []).map(({ ownerToken }) => ownerToken);
}
