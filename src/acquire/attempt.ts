import { TIMER_LATENESS } from '../clock.ts';
import { type RedlockError, ValidityExhaustedError, type Vote } from '../errors.ts';
import { ownerTokenOf } from '../node/owner.ts';
import type { Failure } from '../quorum/ballot.ts';
import { Decision } from '../quorum/decision.ts';
import { failure } from '../quorum/failure.ts';
import { type Confirmed, Lease, type Taken } from '../quorum/lease.ts';
import { validUntil } from '../quorum/validity.ts';
import { votesOf } from '../quorum/votes.ts';
import { list } from '../resources.ts';
import type { CallTrace } from '../tracing.ts';
import type { AcquireContext } from './acquire-context.ts';
import type { AskOrder } from './ask-order.ts';

export interface AttemptPlan {
  /** What is locked, as the caller named it. */
  readonly resources: readonly string[];
  /** Where it stands on the nodes. */
  readonly keys: readonly string[];
  readonly ttl: number;
  readonly driftFactor: number;
  /** What is subtracted from the validity, in ms: for so long nobody else gets the lock after a loss. */
  readonly lockDelay: number;
  readonly nodeTimeout: number;
  readonly maxHoldTime: number;
  /** Whether the lock gets a fencing token. */
  readonly fencing: boolean;
  /** What the owner token ends with. */
  readonly label: string | undefined;
  /** When nobody waits any more, in ms of the clock; Infinity if that is left to `nodeTimeout`. */
  readonly deadline: number;
  /** What subscribers learn of the call, if there are any. */
  readonly trace?: CallTrace | undefined;
}

/** A lease won by an attempt that began at `t0`; whoever gets it must release it. */
export interface Won {
  readonly lease: Lease;
  readonly t0: number;
  readonly validUntil: number;
}

/** Not `queueMicrotask`, which fake timers replace. */
const SETTLED = Promise.resolve();

/** `abandoned`: it was, before it had won or failed. */
export type AttemptOutcome = Won | RedlockError | 'abandoned';

/**
 * One fan-out of a grant, with a fresh owner token, undone on all nodes unless it wins in time. A second one follows
 * if the nodes' fencing counters differ.
 */
export class Attempt extends Decision<AttemptOutcome> {
  readonly #context: AcquireContext;
  readonly #plan: AttemptPlan;
  readonly #order: AskOrder;
  readonly #lease: Lease;
  readonly #t0: number;
  /** When its lock would not be valid any more, in ms of the clock. */
  readonly #end: number;
  #isAbandoned = false;

  /** `isHandedOver`: the last holder, of this process, has served no line, so this attempt does if it fails. */
  constructor(context: AcquireContext, plan: AttemptPlan, order: AskOrder, isHandedOver = false) {
    super();
    const { clock, random } = context;
    this.#context = context;
    this.#plan = plan;
    this.#order = order;
    // Validity counts from before the first byte: no node can have started its ttl earlier.
    this.#t0 = clock.now();
    const { ttl, driftFactor, lockDelay, maxHoldTime, label } = plan;
    this.#end = Math.min(validUntil(this.#t0, ttl, driftFactor, lockDelay), this.#t0 + maxHoldTime);
    // A token of its own for every attempt: a delayed rollback of the last one can delete nothing of this one.
    this.#lease = new Lease(context, plan.keys, ownerTokenOf(random.token(), label), isHandedOver);
  }

  /** Asks the nodes; called once. */
  start(): this {
    const { ttl, keys, nodeTimeout, deadline, fencing } = this.#plan;
    const patience = Math.max(0, Math.min(nodeTimeout, deadline - this.#t0));
    const hint = fencing ? this.#context.hints.next(keys) : undefined;
    // What is granted after the end of validity is no use: rather another attempt.
    this.#lease
      .take(ttl, patience, Math.min(deadline, this.#end), hint, this.#order)
      .whenDecided(this.#onTaken);
    return this;
  }

  /** Ends the attempt and undoes it; a grant that is still to come is undone when it does. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#lease.undo();
  }

  /** In a microtask: what has arrived with the last reply is handled before the clock is read, and the caller has the lock right after that. */
  readonly #onTaken = (taken: Taken): void => void SETTLED.then(() => this.#taken(taken));

  #taken({ verdict, replies, fencing }: Taken): void {
    if (verdict !== 'won' || fencing?.agreed !== false) {
      this.#conclude(verdict, replies, fencing);
      return;
    }
    const { nodeTimeout, deadline } = this.#plan;
    const now = this.#context.clock.now();
    const patience = Math.max(0, Math.min(nodeTimeout, deadline - now, this.#end - now));
    this.#lease
      .confirm(patience)
      .whenDecided(
        (confirmed) => void SETTLED.then(() => this.#conclude(confirmed.verdict, confirmed.replies, fencing)),
      );
  }

  #conclude(
    verdict: Taken['verdict'],
    replies: Taken['replies'] | Confirmed['replies'],
    fencing: Taken['fencing'],
  ): void {
    const { nodes, clock, hints } = this.#context;
    const plan = this.#plan;
    // A holder who could not be told in time that it is over has not got it.
    const exhausted = clock.now() > this.#end - TIMER_LATENESS;
    if (verdict === 'won' && !exhausted) {
      if (fencing) hints.learn(plan.keys, fencing.token);
      plan.trace?.voted(votesOf(nodes, replies));
      this.decideOn({ lease: this.#lease, t0: this.#t0, validUntil: this.#end });
      return;
    }
    if (this.#isAbandoned) {
      this.decideOn('abandoned');
      return;
    }
    this.#lease.undo(this.#order.yielding);
    const votes = votesOf(nodes, replies);
    plan.trace?.voted(votes);
    // What has expired cannot be confirmed either.
    const isOver = exhausted && (verdict === 'won' || fencing !== undefined);
    this.decideOn(
      isOver
        ? this.#exhausted(votes)
        : failure('lock', plan.resources, this.#order.isStopped ? 'held' : (verdict as Failure), votes),
    );
  }

  #exhausted(votes: readonly Vote[]): ValidityExhaustedError {
    const { resources, ttl, maxHoldTime, lockDelay } = this.#plan;
    const took = Math.round(this.#context.clock.now() - this.#t0);
    return new ValidityExhaustedError(
      `cannot lock ${list(resources)}: the grants took ${took} ms, which used up the validity of a ttl of ${ttl} ms (maxHoldTime ${maxHoldTime} ms, lockDelay ${lockDelay} ms)`,
      votes,
    );
  }
}
