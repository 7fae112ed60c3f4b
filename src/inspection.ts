import { afterReading, type Clock } from './clock.ts';
import type { InspectReply, LockNode } from './node/lock-node.ts';
import { quorumOf } from './quorum/ballot.ts';
import { type Replies, Round } from './quorum/round.ts';

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

/** Whether one owner has the key on a quorum of nodes, as far as they answer within `patience` ms. */
export async function isHeldByOne(
  key: string,
  nodes: readonly LockNode[],
  clock: Clock,
  patience: number,
): Promise<boolean> {
  const { state } = await new Round<InspectReply, Inspection>({
    nodes,
    clock,
    patience,
    ask: (node, _index, _wanted, deliver) => node.inspect(key, deliver),
    decide: (replies, over) => judgeInspection(nodes, replies, over),
  }).start().outcome;
  return state === 'held';
}

/**
 * Asks every node about a key. A quorum may answer early, but the others are waited for too, for `nodeTimeout` ms from the start:
 * their answers tell in which state the nodes are. First contacts are waited for only while the state is open.
 */
export async function inspectKey(
  key: string,
  nodes: readonly LockNode[],
  clock: Clock,
  nodeTimeout: number,
): Promise<Inspection> {
  const end = clock.now() + nodeTimeout;
  const answers = new Array<InspectReply | undefined>(nodes.length).fill(undefined);
  let missing = nodes.length;
  let answered: (() => void) | undefined;
  const decided = await new Round<InspectReply, Inspection>({
    nodes,
    clock,
    patience: nodeTimeout,
    contactDeadline: Number.POSITIVE_INFINITY,
    ask: (node, _index, _wanted, deliver) => node.inspect(key, deliver),
    heard: (index, reply) => {
      if (answers[index] === undefined) missing--;
      answers[index] = reply;
      if (missing === 0) answered?.();
    },
    decide: (replies, over) => judgeInspection(nodes, replies, over),
  }).start().outcome;
  const left = end - clock.now();
  if (missing > 0 && left > 0)
    await new Promise<void>((resolve) => {
      const cancel = afterReading(clock, left, resolve);
      answered = () => {
        cancel();
        resolve();
      };
    });
  return judgeInspection(nodes, answers, true) ?? decided;
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
