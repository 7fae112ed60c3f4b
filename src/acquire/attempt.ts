import { type Clock, TIMER_LATENESS } from '../clock.ts';
import {
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  type RedlockError,
  ResourceHeldError,
  ValidityExhaustedError,
  type Vote,
} from '../errors.ts';
import type { LockNode } from '../node/lock-node.ts';
import { type Failure, quorumOf } from '../quorum/ballot.ts';
import { type Confirmed, Lease } from '../quorum/lease.ts';
import { validUntil } from '../quorum/validity.ts';
import { describeStart, describeVotes, obstacleOf, untilQuorum, votesOf } from '../quorum/votes.ts';
import { enumerate, quote } from '../quote.ts';
import type { Random } from '../random.ts';
import type { Arbiters } from './arbiter.ts';
import type { AskOrder } from './ask-order.ts';
import type { Hints } from './hints.ts';
import type { Lines } from './line.ts';
import type { RecentContention } from './recent-contention.ts';
import type { RoundTrip } from './round-trip.ts';

/** What the calls of one Redlock share. */
export interface AcquireContext {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  readonly random: Random;
  readonly hints: Hints;
  readonly arbiters: Arbiters;
  readonly roundTrip: RoundTrip;
  readonly contention: RecentContention;
  readonly lines: Lines;
}

export interface AttemptPlan {
  /** What is locked, as the caller named it. */
  readonly resources: readonly string[];
  /** Where it stands on the nodes. */
  readonly keys: readonly string[];
  readonly ttl: number;
  readonly driftFactor: number;
  readonly nodeTimeout: number;
  readonly maxHoldTime: number;
  /** Whether the lock gets a fencing token. */
  readonly fencing: boolean;
  /** When nobody waits any more, in ms of the clock; Infinity if that is left to `nodeTimeout`. */
  readonly deadline: number;
}

/** A lease won by an attempt that began at `t0`; whoever gets it must release it. */
export interface Won {
  readonly lease: Lease;
  readonly t0: number;
  readonly validUntil: number;
}

/**
 * One fan-out of a grant, with a fresh owner token, undone on all nodes unless it wins in time. A second one follows
 * if the nodes' fencing counters differ.
 */
export class Attempt {
  /** `abandoned`: it was, before it had won or failed. */
  readonly outcome: Promise<Won | RedlockError | 'abandoned'>;
  readonly #lease: Lease;
  #isAbandoned = false;

  /** `isHandedOver`: the last holder, of this process, has served no line, so this attempt does if it fails. */
  constructor(context: AcquireContext, plan: AttemptPlan, order: AskOrder, isHandedOver = false) {
    const { nodes, clock, random, roundTrip } = context;
    // Validity counts from before the first byte: no node can have started its ttl earlier.
    const t0 = clock.now();
    // A token of its own for every attempt: a delayed rollback of the last one can delete nothing of this one.
    const owned = { keys: plan.keys, ownerToken: random.token() };
    this.#lease = new Lease(nodes, clock, owned, { isHandedOver, reservation: () => roundTrip.reservation });
    const patience = Math.max(0, Math.min(plan.nodeTimeout, plan.deadline - t0));
    this.outcome = this.#run(context, plan, t0, patience, order);
  }

  /** Ends the attempt and undoes it; a grant that is still to come is undone when it does. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#lease.undo();
  }

  async #run(
    context: AcquireContext,
    plan: AttemptPlan,
    t0: number,
    patience: number,
    order: AskOrder,
  ): Promise<Won | RedlockError | 'abandoned'> {
    const { nodes, clock, hints } = context;
    const hint = plan.fencing ? hints.next(plan.keys) : undefined;
    const end = Math.min(validUntil(t0, plan.ttl, plan.driftFactor), t0 + plan.maxHoldTime);
    // What is granted after the end of validity is no use: rather another attempt.
    const taken = await this.#lease.take(plan.ttl, patience, Math.min(plan.deadline, end), hint, order);
    const differ = taken.verdict === 'won' && taken.fencing?.agreed === false;
    const { verdict, replies } = differ ? await this.#confirm(clock.now(), plan, end) : taken;
    // A holder who could not be told in time that it is over has not got it.
    const exhausted = clock.now() > end - TIMER_LATENESS;
    if (verdict === 'won' && !exhausted) {
      if (taken.fencing) hints.learn(plan.keys, taken.fencing.token);
      return { lease: this.#lease, t0, validUntil: end };
    }
    if (this.#isAbandoned) return 'abandoned';
    this.#lease.undo(order.yielding);
    const votes = votesOf(nodes, replies);
    // What has expired cannot be confirmed either.
    if (verdict !== 'won' && !(differ && exhausted))
      return failure('lock', plan.resources, order.isStopped ? 'held' : verdict, votes);
    const took = Math.round(clock.now() - t0);
    return new ValidityExhaustedError(
      `cannot lock ${list(plan.resources)}: the grants took ${took} ms, which used up the validity of a ttl of ${plan.ttl} ms (maxHoldTime ${plan.maxHoldTime} ms)`,
      votes,
    );
  }

  #confirm(now: number, { nodeTimeout, deadline }: AttemptPlan, end: number): Promise<Confirmed> {
    return this.#lease.confirm(Math.max(0, Math.min(nodeTimeout, deadline - now, end - now)));
  }
}

const EXPLANATIONS: Record<Failure, string> = {
  held: 'held by another owner',
  quarantined: 'too many nodes may have forgotten locks in a restart',
  misconfigured: 'too many nodes are not fit to hold locks',
  unreachable: 'too few nodes answered',
};

function explain(verdict: Failure, votes: readonly Vote[]): string {
  if (verdict === 'quarantined') return describeStart(votes) ?? EXPLANATIONS.quarantined;
  if (verdict !== 'held') return EXPLANATIONS[verdict];
  const [obstacle, another] = new Set(votes.filter(({ kind }) => kind === 'denied').map(obstacleOf));
  return obstacle && !another ? `${obstacle} is in the way` : EXPLANATIONS.held;
}

/** The error for a vote that failed. */
export function failure(
  verb: 'lock' | 'extend',
  resources: readonly string[],
  verdict: Failure,
  votes: readonly Vote[],
): RedlockError {
  const why =
    verb === 'extend' && verdict === 'held'
      ? 'too few nodes have held it all along'
      : explain(verdict, votes);
  const message = `cannot ${verb} ${list(resources)}: ${why} (${describeVotes(votes)})`;
  const quorum = quorumOf(votes.length);
  switch (verdict) {
    case 'held':
      return new ResourceHeldError(message, votes, untilQuorum(votes, quorum));
    case 'quarantined':
      return new NodesQuarantinedError(message, votes, untilQuorum(votes, quorum));
    case 'misconfigured':
      return new NodeMisconfiguredError(message, votes);
    case 'unreachable':
      return new QuorumUnreachableError(message, votes);
  }
}

/** How many resources a message names. */
const MOST_NAMED = 5;

/** Resources as messages name them. */
export function list(resources: readonly string[]): string {
  return enumerate(resources.map(quote), MOST_NAMED);
}
