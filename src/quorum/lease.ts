import type { Clock } from '../clock.ts';
import type { Claim, ExtendReply, GrantReply, Holding, LockNode, ReleaseReply } from '../node/lock-node.ts';
import { type Ballot, conclude, type Failure, judge, quorumOf } from './ballot.ts';
import { Continuity } from './continuity.ts';
import { type Replies, Round } from './round.ts';
import { ballotOf, executedNothing, setNothing } from './votes.ts';

export interface Taken {
  readonly verdict: 'won' | Failure;
  readonly replies: Replies<GrantReply>;
}

export interface Extended {
  /** `taken`: so many nodes name another owner that no quorum is left. */
  readonly verdict: 'won' | 'taken' | Failure;
  readonly replies: Replies<ExtendReply>;
}

export interface Released {
  /** `expired`: too few nodes still had the keys for a lock to have stood on them. */
  readonly verdict: 'released' | 'expired' | 'unconfirmed';
  readonly replies: Replies<ReleaseReply>;
}

const NEVER_ASKED = new Error('the lock was never set on this node');

/**
 * One owner token's keys on all nodes, from the first grant to the last deletion: which nodes may have them,
 * which have had them without a break, and that none keeps them afterwards. Knows nothing of validity.
 */
export class Lease {
  readonly holding: Holding;
  readonly #nodes: readonly LockNode[];
  readonly #clock: Clock;
  readonly #continuity: Continuity;
  /** For each node, how many requests may have set the keys there. */
  readonly #claims: number[];
  #round: { end(): void } | undefined;
  #ended = false;

  constructor(nodes: readonly LockNode[], clock: Clock, holding: Holding) {
    this.#nodes = nodes;
    this.#clock = clock;
    this.holding = holding;
    this.#continuity = new Continuity(nodes.length);
    this.#claims = new Array<number>(nodes.length).fill(0);
  }

  /** Asks every node for a grant. At most once for each lease: a token that was rolled back is never used again. */
  take(ttl: number, patience: number, deadline: number): Promise<Taken> {
    const { keys, ownerToken } = this.holding;
    let claim: Claim | undefined;
    const round = new Round<GrantReply, Taken>({
      nodes: this.#nodes,
      clock: this.#clock,
      patience,
      contactDeadline: deadline,
      ask: (node, index, wanted, deliver) => {
        this.#claim(index, 1);
        claim ??= { keys, ownerToken, ttl, wanted };
        node.grant(claim, deliver);
      },
      heard: (index, reply) => {
        if (reply.kind === 'granted') this.#continuity.granted(index);
        this.#heard(index, reply, reply.kind === 'granted');
      },
      decide: (replies, over) => {
        const ballots = replies.map(ballotOf);
        const verdict = over ? conclude(ballots) : judge(ballots);
        if (verdict === 'won') this.#continuity.succeeded();
        return verdict && { verdict, replies: replies.slice() };
      },
    });
    this.#round = round;
    return round.outcome;
  }

  /**
   * Asks every node to raise the expiry and to set what is missing. Only nodes that have held the lock since
   * before the last round that succeeded count. One round at a time.
   */
  extend(ttl: number, patience: number): Promise<Extended> {
    const round = new Round<ExtendReply, Extended>({
      nodes: this.#nodes,
      clock: this.#clock,
      patience,
      ask: (node, index, wanted, deliver) => {
        this.#claim(index, 1);
        node.extend({ ...this.holding, ttl, wanted }, deliver);
      },
      heard: (index, reply) => {
        if (reply.kind === 'extended') this.#continuity.continued(index);
        else if (reply.kind === 'repaired') this.#continuity.restored(index);
        else if (!executedNothing(reply)) this.#continuity.broke(index);
        this.#heard(index, reply, reply.kind === 'extended' || reply.kind === 'repaired');
      },
      decide: (replies, over) => {
        const counted = replies.map((reply, index) => this.#counted(reply, index));
        const verdict = judgeExtension(counted, over);
        if (verdict === 'won') this.#continuity.succeeded();
        return verdict && { verdict, replies: counted };
      },
    });
    this.#round = round;
    return round.outcome;
  }

  /** Deletes the keys wherever they may be, and waits for the answers. Nodes that are silent go on owing it. */
  release(patience: number): Promise<Released> {
    this.#end();
    return new Round<ReleaseReply, Released>({
      nodes: this.#nodes,
      clock: this.#clock,
      patience,
      ask: (node, index, _wanted, deliver) => {
        if (this.#claims[index]) node.release(this.holding, deliver);
        else deliver({ kind: 'unreachable', cause: NEVER_ASKED, maybeExecuted: false });
      },
      decide: (replies, over) => {
        const verdict = judgeRelease(replies.map(ballotOf), over);
        return verdict && { verdict, replies: replies.slice() };
      },
    }).outcome;
  }

  /** The same, waiting for nothing: what a failed attempt and a lost lock leave behind goes away. */
  undo(): void {
    if (this.#ended) return;
    this.#end();
    this.#nodes.forEach((node, index) => {
      if (this.#claims[index]) node.release(this.holding, () => {});
    });
  }

  /** A round that is under way ends by what is known now. */
  #end(): void {
    this.#ended = true;
    this.#round?.end();
  }

  #heard(index: number, reply: GrantReply | ExtendReply, holds: boolean): void {
    const node = this.#nodes[index];
    // One that reorders may have executed a request twice, or after the release that was sent after it; then nobody
    // else would ever delete what was set.
    if (node?.reorders ? executedNothing(reply) : setNothing(reply)) this.#claim(index, -1);
    if (holds && this.#ended && node?.reorders) node.release(this.holding, () => {});
  }

  #claim(index: number, change: 1 | -1): void {
    this.#claims[index] = (this.#claims[index] ?? 0) + change;
  }

  /** A node that has the keys, but may have been without them, counts as one that has just got them. */
  #counted(reply: ExtendReply | undefined, index: number): ExtendReply | undefined {
    return reply?.kind === 'extended' && !this.#continuity.counts(index) ? { kind: 'repaired' } : reply;
  }
}

function judgeExtension(replies: Replies<ExtendReply>, over: boolean): Extended['verdict'] | undefined {
  const spare = replies.length - quorumOf(replies.length);
  if (replies.filter((reply) => reply?.kind === 'taken').length > spare) return 'taken';
  const ballots = replies.map(ballotOf);
  return over ? conclude(ballots) : judge(ballots);
}

function judgeRelease(ballots: readonly Ballot[], over: boolean): Released['verdict'] | undefined {
  const quorum = quorumOf(ballots.length);
  const having = (wanted: Ballot): number => ballots.filter((ballot) => ballot === wanted).length;
  if (having('granted') >= quorum) return 'released';
  if (having('denied') > ballots.length - quorum) return 'expired';
  return over || having('pending') === 0 ? 'unconfirmed' : undefined;
}
