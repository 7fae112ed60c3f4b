import type { InspectReply, LockNode } from './node/lock-node.ts';
import { quorumOf } from './quorum/ballot.ts';
import type { Replies } from './quorum/round.ts';

/** What one node says of a resource. */
export type NodeInspection = { readonly node: string } & (InspectReply | { readonly kind: 'late' });

/** What the nodes together say of a resource. It may have changed by the time it is read. */
export interface Inspection {
  /**
   * `free`: a quorum of nodes has no owner. `held`: one owner token stands on a quorum. `indeterminate`: neither
   * is certain, because nodes cannot be asked or the votes are split.
   */
  readonly state: 'free' | 'held' | 'indeterminate';
  /**
   * In how many ms a quorum will not have this owner any more (held), or no node that answered any owner
   * (indeterminate), unless it is extended; 0 when free, Infinity for a key without expiry.
   */
  readonly remaining: number;
  readonly nodes: readonly NodeInspection[];
}

/** Counts the answers to an inspection; undefined while the answers that are missing may still decide (unless `over`). */
export function judgeInspection(
  nodes: readonly LockNode[],
  replies: Replies<InspectReply>,
  over: boolean,
): Inspection | undefined {
  const quorum = quorumOf(nodes.length);
  const answers = nodes.map(
    ({ name }, index): NodeInspection => ({ node: name, ...(replies[index] ?? { kind: 'late' }) }),
  );
  if (answers.filter(({ kind }) => kind === 'free').length >= quorum)
    return { state: 'free', remaining: 0, nodes: answers };

  const owners = new Map<string, number[]>();
  let longest = 0;
  for (const answer of answers) {
    if (answer.kind !== 'held') continue;
    longest = Math.max(longest, answer.remaining);
    if (answer.ownerToken === undefined) continue;
    owners.set(answer.ownerToken, [...(owners.get(answer.ownerToken) ?? []), answer.remaining]);
  }
  for (const remainings of owners.values()) {
    if (remainings.length < quorum) continue;
    const lastOfQuorum = remainings.sort((a, b) => b - a)[quorum - 1] ?? 0;
    return { state: 'held', remaining: lastOfQuorum, nodes: answers };
  }
  const pending = replies.filter((reply) => reply === undefined).length;
  return over || pending === 0 ? { state: 'indeterminate', remaining: longest, nodes: answers } : undefined;
}
