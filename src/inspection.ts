import type { Clock } from './clock.ts';
import type { InspectReply, LockNode } from './node/lock-node.ts';
import { isOwnerToken, isTombstone, labelOf, ownerOf } from './node/owner.ts';
import { quorumOf } from './quorum/ballot.ts';
import { type Replies, Round } from './quorum/round.ts';
import { survey } from './quorum/survey.ts';

/** What one node says of a resource. */
export type NodeInspection = { readonly node: string } & (InspectReply | { readonly kind: 'late' });

/** Who holds a resource. */
export interface Owner {
  /**
   * Tells owners apart, and may be logged: the first 16 digits of the token. Absent if the key is not quorlock's, as the whole value may be a
   * secret then.
   */
  readonly id?: string;
  /**
   * What stands under the resource's key. Anybody who knows the token of a lock can release it: do not log it. Of a resource that another
   * program has locked, the first 256 bytes of its value.
   */
  readonly token: string;
  /** What the owner says of itself: see {@link LockOptions.label}. */
  readonly label?: string;
  /**
   * When the lock was taken, by the clock of its owner. Taken from the fencing token, which is the time in µs unless locks were taken faster
   * than that, or an earlier owner's clock was ahead. Absent without a fencing token.
   */
  readonly since?: Date;
}

/** What the nodes together say of a resource. It may have changed by the time it is read. */
export interface Inspection {
  /**
   * `free`: a quorum of nodes has no owner. `held`: one owner token stands on a quorum. `revoked`: the lock was taken away from its owner, and
   * nobody gets it for `remaining` ms: see {@link Redlock.revoke}. `indeterminate`: none of this is certain, because nodes cannot be asked or
   * the votes are split.
   */
  readonly state: 'free' | 'held' | 'revoked' | 'indeterminate';
  /**
   * In how many ms a quorum will not have this owner any more (held), enough tombstones will have expired (revoked), or no node that answered
   * any owner (indeterminate), unless it is extended; 0 when free, Infinity for a key without expiry.
   */
  readonly remaining: number;
  /** Who holds it, if it is held. */
  readonly owner?: Owner;
  /** The label of the one that has revoked it, if it is revoked and that one has a label. */
  readonly revokedBy?: string;
  /** The fencing token of the lock, if it is held and a quorum of nodes has the same counter. */
  readonly fencingToken?: number;
  readonly nodes: readonly NodeInspection[];
}

type Held = Extract<InspectReply, { readonly kind: 'held' }>;

/** Whether one owner, or a tombstone, has the key on a quorum of nodes, as far as they answer within `patience` ms. */
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
  return state === 'held' || state === 'revoked';
}

/** Asks every node about a key, and waits for each answer for at most `nodeTimeout` ms. */
export function inspectKey(
  key: string,
  nodes: readonly LockNode[],
  clock: Clock,
  nodeTimeout: number,
): Promise<Inspection> {
  return survey<InspectReply, Inspection>({
    nodes,
    clock,
    patience: nodeTimeout,
    ask: (node, _wanted, deliver) => node.inspect(key, deliver),
    decide: (replies, over) => judgeInspection(nodes, replies, over),
  });
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

  const held = answers.filter((answer) => answer.kind === 'held');
  const revoked = held.filter(({ ownerToken = '' }) => isTombstone(ownerToken));
  // So many keep everybody else from a quorum.
  const enough = nodes.length - quorum + 1;
  if (revoked.length >= enough)
    return {
      state: 'revoked',
      remaining: lastOf(enough, revoked),
      ...revokedBy(revoked),
      nodes: answers,
    };

  for (const [first, ...others] of byOwner(held)) {
    const all = [first, ...others];
    if (all.length < quorum) continue;
    const fencingToken = agreedCounter(all, quorum);
    return {
      state: 'held',
      remaining: lastOf(quorum, all),
      owner: describeOwner(first.ownerToken, fencingToken),
      ...(fencingToken === undefined ? {} : { fencingToken }),
      nodes: answers,
    };
  }
  const isDecided = over || replies.every((reply) => reply !== undefined);
  const remaining = Math.max(0, ...held.map((each) => each.remaining));
  return isDecided ? { state: 'indeterminate', remaining, nodes: answers } : undefined;
}

/** For how long `n` of them are still there. */
function lastOf(n: number, held: readonly Held[]): number {
  return held.map(({ remaining }) => remaining).sort((a, b) => b - a)[n - 1] ?? 0;
}

function byOwner(held: readonly Held[]): (readonly [Held, ...Held[]])[] {
  const groups = new Map<string, [Held, ...Held[]]>();
  for (const each of held) {
    if (each.ownerToken === undefined) continue;
    const group = groups.get(each.ownerToken);
    if (group) group.push(each);
    else groups.set(each.ownerToken, [each]);
  }
  return [...groups.values()];
}

/** While a lock is held, its counters move only on nodes outside its quorum. */
function agreedCounter(held: readonly Held[], quorum: number): number | undefined {
  const counters = held.flatMap(({ counter }) => counter ?? []);
  return counters.find((counter) => counters.filter((other) => other === counter).length >= quorum);
}

function revokedBy(revoked: readonly Held[]): { revokedBy?: string } {
  const [label] = revoked.flatMap(({ ownerToken = '' }) => labelOf(ownerToken) ?? []);
  return label === undefined ? {} : { revokedBy: label };
}

/** The owner with this token. */
export function describeOwner(token = '', fencingToken?: number): Owner {
  const label = labelOf(token);
  return {
    ...(isOwnerToken(token) ? { id: ownerOf(token) } : {}),
    token,
    ...(label === undefined ? {} : { label }),
    ...(fencingToken === undefined ? {} : { since: new Date(fencingToken / 1_000) }),
  };
}
