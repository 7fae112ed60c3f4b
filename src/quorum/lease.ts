import type { Clock } from '../clock.ts';
import type {
  ConfirmReply,
  ExtendReply,
  ExtendRequest,
  GrantReply,
  GrantRequest,
  LockNode,
  OwnedKeys,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  Waiter,
} from '../node/lock-node.ts';
import type { AskStrategy } from './ask-strategy.ts';
import { conclude, type Failure, judge, quorumOf } from './ballot.ts';
import type { Decision } from './decision.ts';
import { type Fencing, fencingOf } from './fencing.ts';
import { type Replies, Round } from './round.ts';
import { RoundRequest } from './round-request.ts';
import { ballotOf, executedNothing, setNothing } from './votes.ts';
import { Whereabouts } from './whereabouts.ts';

export interface Taken {
  readonly verdict: 'won' | Failure;
  readonly replies: Replies<GrantReply>;
  /** Of a lease that was won with a hint. Until a quorum has agreed, it is not to be used. */
  readonly fencing?: Fencing | undefined;
}

export interface Confirmed {
  readonly verdict: 'won' | Failure;
  readonly replies: Replies<ConfirmReply>;
}

/** A node's last word in an extension. */
type ExtensionReply = ExtendReply | RepairReply;

export interface Extended {
  /** `taken`: so many nodes name another owner that no quorum is left. */
  readonly verdict: 'won' | 'taken' | Failure;
  readonly replies: Replies<ExtensionReply>;
}

export interface Released {
  /** `expired`: too few nodes still had the keys for a lock to have stood on them. */
  readonly verdict: 'released' | 'expired' | 'unconfirmed';
  readonly replies: Replies<ReleaseReply>;
}

/** What all leases of a Redlock share. */
export interface LeasePlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** How long a key that a lease frees is reserved for the first in its line, in whole ms; asked for when it is needed. */
  readonly roundTrip: { readonly reservation: number };
}

/** A turn that is given back: see {@link ReleaseRequest.afterwards}. */
export interface Yielding {
  readonly node: number;
  readonly waiter: Waiter;
}

/** A class, as its objects live through a round trip: see `Round`. */
class LeaseRelease implements ReleaseRequest {
  readonly keys: readonly string[];
  readonly ownerToken: string;
  readonly afterwards: ReleaseRequest['afterwards'];
  readonly reservation: number;
  readonly waiter: Waiter | undefined;
  readonly longestTtl: number;

  constructor(
    { keys, ownerToken }: OwnedKeys,
    afterwards: ReleaseRequest['afterwards'],
    reservation: number,
    waiter: Waiter | undefined,
    longestTtl: number,
  ) {
    this.keys = keys;
    this.ownerToken = ownerToken;
    this.afterwards = afterwards;
    this.reservation = reservation;
    this.waiter = waiter;
    this.longestTtl = longestTtl;
  }
}

/** Of no node. */
const NONE: (number | undefined)[] = [];

const NEVER_ASKED = new Error('the lock was never set on this node');
const NOT_GRANTED = new Error('it had not granted the lock when the fencing token was fixed');
const LOST_AGAIN = new Error('it did not have the lock any more when its fencing token was confirmed');
const NO_COUNTER = 'it grants locks without a fencing counter; switch fencing off for it';

/**
 * One owner token's keys on all nodes, from the first grant to the last deletion: which nodes may have them,
 * which have had them without a break, and that none keeps them afterwards. Knows nothing of validity.
 */
export class Lease implements OwnedKeys {
  readonly keys: readonly string[];
  readonly ownerToken: string;
  readonly #plan: LeasePlan;
  /** Whether all nodes have yet to serve their lines, whether or not this lease has keys there. */
  readonly #mustServe: boolean;
  readonly #whereabouts: Whereabouts;
  /** The longest expiry that any request may have given the keys, in ms. */
  #longestTtl = 0;
  /** What each node granted with, up to the decision; nothing any more once a quorum has agreed. */
  #counters: (number | undefined)[] = NONE;
  #fencingToken: number | undefined;
  #round: { end(): void } | undefined;
  #ended = false;
  /** Whether its keys are left to expire. */
  #isLeft = false;

  /** `isHandedOver`: the last holder, of the same process, has handed the keys over without serving a line. So this lease serves all lines when it ends. */
  constructor(plan: LeasePlan, keys: readonly string[], ownerToken: string, isHandedOver = false) {
    this.keys = keys;
    this.ownerToken = ownerToken;
    this.#plan = plan;
    this.#mustServe = isHandedOver;
    this.#whereabouts = new Whereabouts(plan.nodes.length);
  }

  /** Larger than that of every earlier holder; undefined without fencing, and before the lease is won. */
  get fencingToken(): number | undefined {
    return this.#fencingToken;
  }

  /**
   * Asks every node for a grant. At most once for each lease: a token that was rolled back is never used again.
   * Fencing counters are put above `hint`; undefined: without fencing. `strategy`: which nodes are asked when.
   */
  take(
    ttl: number,
    patience: number,
    deadline: number,
    hint?: number,
    strategy?: AskStrategy<GrantReply>,
  ): Decision<Taken> {
    let claim: GrantRequest | undefined;
    this.#longestTtl = ttl;
    const usual = hint === undefined ? undefined : hint + 1;
    const round = new Round<GrantReply, Taken>({
      nodes: this.#plan.nodes,
      clock: this.#plan.clock,
      patience,
      contactDeadline: deadline,
      strategy,
      ask: (node, index, wanted, deliver) => {
        this.#whereabouts.requested(index);
        const waiter = strategy?.waiterAt(index);
        if (waiter) node.grant(this.#request(ttl, hint, wanted, waiter), deliver);
        else node.grant((claim ??= this.#request(ttl, hint, wanted)), deliver);
      },
      heard: (index, reply, decided) => {
        if (reply.kind === 'granted') this.#granted(index, reply.counter, decided);
        this.#heard(index, reply, reply.kind === 'granted');
      },
      decide: (all, over) => {
        if (isAsUsual(all, usual))
          return this.#won(all, usual === undefined ? undefined : { token: usual, agreed: true });
        const replies = hint === undefined ? all : all.map(withCounter);
        const ballots = replies.map(ballotOf);
        const verdict = over ? conclude(ballots) : judge(ballots);
        if (verdict !== 'won') return verdict && { verdict, replies };
        this.#counters = replies.map((reply) => (reply?.kind === 'granted' ? reply.counter : undefined));
        return this.#won(replies, hint === undefined ? undefined : fencingOf(this.#counters));
      },
    });
    return this.#follow(round);
  }

  #won(replies: Replies<GrantReply>, fencing: Fencing | undefined): Taken {
    this.#round = undefined;
    this.#whereabouts.succeeded();
    this.#fencingToken = fencing?.token;
    if (fencing?.agreed !== false) this.#counters = NONE;
    return { verdict: 'won', replies, fencing };
  }

  /**
   * Raises the counters of the nodes that granted with a lower one to the fencing token. Nodes that had not answered
   * when it was fixed are not asked, and do not count: they may have granted with a higher one, of an earlier holder.
   * Nothing is asked for a lease that has been undone meanwhile.
   */
  confirm(patience: number): Decision<Confirmed> {
    const { keys, ownerToken } = this;
    const fencingToken = this.#fencingToken ?? 0;
    const round = new Round<ConfirmReply, Confirmed>({
      nodes: this.#plan.nodes,
      clock: this.#plan.clock,
      patience,
      ask: (node, index, wanted, deliver) => {
        const counter = this.#counters[index];
        if (counter === undefined || this.#ended)
          deliver({ kind: 'unreachable', cause: NOT_GRANTED, maybeExecuted: false });
        else if (counter === fencingToken) deliver({ kind: 'confirmed' });
        else node.confirm({ keys, ownerToken, fencingToken, wanted }, (reply) => deliver(orLost(reply)));
      },
      decide: (replies, over) => {
        const ballots = replies.map(ballotOf);
        const verdict = over ? conclude(ballots) : judge(ballots);
        if (verdict === undefined) return undefined;
        this.#round = undefined;
        this.#counters = NONE;
        return { verdict, replies };
      },
    });
    return this.#follow(round);
  }

  /**
   * Sends every node one of two requests. A node counts if it has held the lock since before the last round that
   * succeeded. It gets an extension, which sets no key. So an extension without an answer proves nothing against the node:
   * nobody else can set a key with this owner token. Any other node gets a repair, which sets missing keys. So does, in the
   * same round, a node that answers `missing`. A repaired node counts again from the next success on.
   *
   * One round at a time.
   */
  extend(ttl: number, patience: number): Decision<Extended> {
    const { keys, ownerToken } = this;
    this.#longestTtl = Math.max(this.#longestTtl, ttl);
    const round = new Round<ExtensionReply, Extended>({
      nodes: this.#plan.nodes,
      clock: this.#plan.clock,
      patience,
      ask: (node, index, wanted, deliver) => {
        const claim = { keys, ownerToken, ttl, fencingToken: this.#fencingToken, wanted };
        if (!this.#whereabouts.counts(index)) {
          this.#repair(node, index, claim, deliver);
          return;
        }
        node.extend(claim, (reply) => {
          const isNews = this.#whereabouts.counts(index);
          if (reply.kind === 'extended') this.#whereabouts.continued(index);
          else if (reply.kind === 'missing' || reply.kind === 'taken') this.#whereabouts.broke(index);
          // Repaired even if the others have decided the round, but only once, however many extensions were under way.
          if (reply.kind === 'missing' && isNews && !this.#ended)
            this.#repair(node, index, { ...claim, wanted: () => !this.#ended }, deliver);
          else deliver(reply);
        });
      },
      decide: (replies, over) => {
        const counted = replies.map((reply, index) => this.#counted(reply, index));
        const verdict = judgeExtension(counted, over);
        if (verdict === undefined) return undefined;
        this.#round = undefined;
        if (verdict === 'won') this.#whereabouts.succeeded();
        return { verdict, replies: counted };
      },
    });
    return this.#follow(round);
  }

  #repair(node: LockNode, index: number, claim: ExtendRequest, deliver: (reply: RepairReply) => void): void {
    this.#whereabouts.requested(index);
    node.repair(claim, (reply) => {
      if (reply.kind === 'extended') this.#whereabouts.continued(index);
      else if (reply.kind === 'repaired') this.#whereabouts.restored(index);
      // It may have set the keys, or may still do so.
      else if (!executedNothing(reply)) this.#whereabouts.broke(index);
      this.#heard(index, reply, reply.kind === 'extended' || reply.kind === 'repaired');
      deliver(reply);
    });
  }

  /**
   * Deletes the keys wherever they may be, and waits for the answers. Silent nodes go on owing it. `isHandOver`: the next owner is of
   * this process and asks right after this, so no line is served.
   */
  release(patience: number, isHandOver = false): Decision<Released> {
    this.#end();
    const request = this.#releaseRequest(isHandOver ? 'hand over' : 'serve');
    return new Round<ReleaseReply, Released>({
      nodes: this.#plan.nodes,
      clock: this.#plan.clock,
      patience,
      ask: (node, index, _wanted, deliver) => {
        if (this.#whereabouts.mayHave(index) || this.#mustServe) node.release(request, deliver);
        else deliver({ kind: 'unreachable', cause: NEVER_ASKED, maybeExecuted: false });
      },
      decide: (replies, over) => {
        const verdict = judgeRelease(replies, over);
        return verdict && { verdict, replies };
      },
    }).start();
  }

  /** The same, waiting for nothing: what a failed attempt or a lost lock leaves behind is deleted. `yielding`: the turn is given back there. */
  undo(yielding?: Yielding): void {
    if (this.#ended) return;
    this.#end();
    const request = this.#releaseRequest('serve');
    this.#plan.nodes.forEach((node, index) => {
      if (!this.#whereabouts.mayHave(index) && !this.#mustServe) return;
      const isYielded = index === yielding?.node;
      node.release(isYielded ? this.#releaseRequest('yield', yielding.waiter) : request, () => {});
    });
  }

  /**
   * Ends the lease, and leaves its keys to expire. Only where this lease has no keys, and its predecessor has served no line, a line
   * is served.
   */
  leave(): void {
    if (this.#ended) return;
    this.#end();
    this.#isLeft = true;
    if (!this.#mustServe) return;
    const request = this.#releaseRequest('serve');
    this.#plan.nodes.forEach((node, index) => {
      if (!this.#whereabouts.mayHave(index)) node.release(request, () => {});
    });
  }

  #request(ttl: number, hint: number | undefined, wanted: () => boolean, waiter?: Waiter): RoundRequest {
    return new RoundRequest(this, ttl, hint, wanted, waiter, this.#plan.roundTrip.reservation);
  }

  #releaseRequest(afterwards: ReleaseRequest['afterwards'], waiter?: Waiter): ReleaseRequest {
    return new LeaseRelease(this, afterwards, this.#plan.roundTrip.reservation, waiter, this.#longestTtl);
  }

  /** Finished rounds are dropped, so that they are not retained while the lock is held. */
  #follow<Reply, T>(round: Round<Reply, T>): Decision<T> {
    this.#round = round;
    round.start();
    if (!round.isOpen && this.#round === round) this.#round = undefined;
    return round;
  }

  /** A round that is under way ends by what is known now. */
  #end(): void {
    this.#ended = true;
    this.#round?.end();
  }

  #granted(index: number, counter: number | undefined, decided: boolean): void {
    // Every later holder has a quorum of nodes with counters above our token: this node is none of them, or else it was
    // theirs before it was ours.
    const mayHaveBeenAnothers = decided && (counter ?? 0) > (this.#fencingToken ?? Number.POSITIVE_INFINITY);
    if (mayHaveBeenAnothers) this.#whereabouts.restored(index);
    else this.#whereabouts.granted(index);
  }

  #heard(index: number, reply: GrantReply | RepairReply, holds: boolean): void {
    const node = this.#plan.nodes[index];
    // One that reorders may have executed a request twice, or after the release that was sent after it; then nobody
    // else would ever delete what was set.
    if (node?.reorders ? executedNothing(reply) : setNothing(reply)) this.#whereabouts.setNothing(index);
    if (holds && this.#ended && !this.#isLeft && node?.reorders)
      node.release(this.#releaseRequest('serve'), () => {});
  }

  /** A node that has the keys, but may have been without them, counts as one that has just got them. */
  #counted(reply: ExtensionReply | undefined, index: number): ExtensionReply | undefined {
    return reply?.kind === 'extended' && !this.#whereabouts.counts(index) ? { kind: 'repaired' } : reply;
  }
}

/** That a node has lost what it granted does not mean that somebody else holds it. */
function orLost(reply: ConfirmReply): ConfirmReply {
  return reply.kind === 'absent' ? { kind: 'unreachable', cause: LOST_AGAIN, maybeExecuted: false } : reply;
}

/**
 * Whether a quorum has granted, and all that have answered so far have granted with that counter: by far the most frequent outcome, which needs
 * no more than a count.
 */
function isAsUsual(replies: Replies<GrantReply>, counter: number | undefined): boolean {
  let granted = 0;
  for (const reply of replies) {
    if (reply === undefined) continue;
    if (reply.kind !== 'granted' || reply.counter !== counter) return false;
    granted++;
  }
  return granted >= quorumOf(replies.length);
}

/** A node that knows nothing of counters must not pass for one that has moved them on. */
function withCounter(reply: GrantReply | undefined): GrantReply | undefined {
  const isWithout = reply?.kind === 'granted' && !Number.isSafeInteger(reply.counter);
  return isWithout ? { kind: 'unusable', why: NO_COUNTER } : reply;
}

function judgeExtension(replies: Replies<ExtensionReply>, over: boolean): Extended['verdict'] | undefined {
  const spare = replies.length - quorumOf(replies.length);
  if (replies.filter((reply) => reply?.kind === 'taken').length > spare) return 'taken';
  const ballots = replies.map(ballotOf);
  return over ? conclude(ballots) : judge(ballots);
}

function judgeRelease(replies: Replies<ReleaseReply>, over: boolean): Released['verdict'] | undefined {
  const quorum = quorumOf(replies.length);
  let released = 0;
  let absent = 0;
  let pending = 0;
  for (const reply of replies) {
    if (reply === undefined) pending++;
    else if (reply.kind === 'released') released++;
    else if (reply.kind === 'absent') absent++;
  }
  if (released >= quorum) return 'released';
  if (absent > replies.length - quorum) return 'expired';
  return over || pending === 0 ? 'unconfirmed' : undefined;
}
