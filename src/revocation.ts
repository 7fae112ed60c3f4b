import type { Clock } from './clock.ts';
import type { Vote } from './errors.ts';
import { describeOwner, type Owner } from './inspection.ts';
import type { LockNode, RevokeReply } from './node/lock-node.ts';
import { isTombstone, tombstoneOf } from './node/owner.ts';
import { quorumOf } from './quorum/ballot.ts';
import type { Replies } from './quorum/round.ts';
import { survey } from './quorum/survey.ts';
import { votesOf } from './quorum/votes.ts';

/** What became of a revocation. */
export interface Revocation {
  /**
   * `revoked`: the owner cannot extend the lock any more, and nobody else gets it before it would have expired. `free`: a quorum of nodes has no lock, and
   * no node that answered has one; nothing was changed. `refused`: there is a key without expiry or of another type, which is no lock; nothing
   * was changed there. `unconfirmed`: too few nodes answered, so the owner may still extend the lock; try again.
   */
  readonly outcome: 'revoked' | 'free' | 'refused' | 'unconfirmed';
  /** In how many ms the resource is free again at the latest; 0 if nobody holds it. */
  readonly remaining: number;
  /** Who has lost it, as far as nodes told; without `since`. */
  readonly owner?: Owner;
  /** `granted`: a tombstone stands there. `denied`: nothing was there to revoke, or it was no lock. */
  readonly votes: readonly Vote[];
}

export interface RevocationPlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** How long to wait for each answer, in ms. */
  readonly patience: number;
  /** Who revokes. */
  readonly label: string | undefined;
}

type Revoked = Extract<RevokeReply, { readonly kind: 'revoked' }>;

/**
 * Replaces a lock by a tombstone on every node that has it. The tombstone expires when the lock would have, so nobody gets the lock any
 * earlier. If too few nodes with the lock answer, those without it get a tombstone too, as the owner would set its keys there again.
 */
export async function revokeKey(key: string, plan: RevocationPlan): Promise<Revocation> {
  const { nodes } = plan;
  const first = await askToRevoke(key, 0, plan);
  const found = revokedIn(first);
  // So many keep the owner from extending it.
  const enough = nodes.length - quorumOf(nodes.length) + 1;
  if (found.length === 0 || found.length >= enough) return result(first, nodes, enough);
  const second = await askToRevoke(key, Math.max(1, Math.ceil(longest(found))), plan);
  const last = second.map((reply, index) => {
    const before = first[index];
    return before?.kind === 'revoked' ? before : reply;
  });
  return result(last, nodes, enough);
}

/** `ttl`: for how long a tombstone stands where there is no lock, in ms; 0 for none. */
function askToRevoke(
  key: string,
  ttl: number,
  { nodes, clock, patience, label }: RevocationPlan,
): Promise<Replies<RevokeReply>> {
  const request = { keys: [key], ownerToken: tombstoneOf(label), ttl };
  return survey<RevokeReply, Replies<RevokeReply>>({
    nodes,
    clock,
    patience,
    ask: (node, wanted, deliver) => node.revoke({ ...request, wanted }, deliver),
    decide: (replies, over) =>
      over || replies.every((reply) => reply !== undefined) ? [...replies] : undefined,
  });
}

function result(replies: Replies<RevokeReply>, nodes: readonly LockNode[], enough: number): Revocation {
  const revoked = revokedIn(replies);
  const owner = usualOwner(revoked);
  const count = (kind: RevokeReply['kind']): number => replies.filter((reply) => reply?.kind === kind).length;
  let outcome: Revocation['outcome'] = 'unconfirmed';
  if (revoked.length >= enough) outcome = 'revoked';
  else if (count('refused') > 0) outcome = 'refused';
  else if (revoked.length === 0 && count('absent') >= quorumOf(nodes.length)) outcome = 'free';
  return {
    outcome,
    remaining: longest(revoked),
    ...(owner === undefined ? {} : { owner: describeOwner(owner) }),
    votes: votesOf(nodes, replies),
  };
}

function revokedIn(replies: Replies<RevokeReply>): Revoked[] {
  return replies.filter((reply) => reply?.kind === 'revoked');
}

function longest(revoked: readonly Revoked[]): number {
  return Math.max(0, ...revoked.map(({ remaining }) => remaining));
}

/** Whose lock most of the tombstones have replaced. */
function usualOwner(revoked: readonly Revoked[]): string | undefined {
  const tokens = revoked.flatMap(({ ownerToken }) =>
    ownerToken === undefined || isTombstone(ownerToken) ? [] : ownerToken,
  );
  const count = (token: string): number => tokens.filter((other) => other === token).length;
  return tokens.sort((a, b) => count(b) - count(a))[0];
}
