import pRetry from 'p-retry';
import { AcquireTimeoutError, NodeMisconfiguredError, RedlockError, ResourceHeldError } from '../errors.ts';
import { isHeldByOne } from '../inspection.ts';
import type { Retry } from '../options.ts';
import { quorumOf } from '../quorum/ballot.ts';
import { AskOrder, type AskOrderPlan, type Denial } from './ask-order.ts';
import { type AcquireContext, Attempt, type AttemptPlan, list, type Won } from './attempt.ts';
import { SHORTEST_PAUSE } from './backoff.ts';
import type { Caller, Line } from './line.ts';
import type { Lead } from './local-queue.ts';
import { LONGEST_RESERVATION } from './round-trip.ts';
import { Sleep } from './sleep.ts';
import { Steps } from './steps.ts';
import { isOverdue, pauseAfter, watchPause } from './wake.ts';

/** How many times in a row a call for several resources moves from line to line without a pause. */
const MOST_MOVES = 2;

/** After how many lost turns a call for several resources takes them one after the other. */
const MOST_LOST_TURNS = 4;

/** After how many attempts `tryAcquire` also asks the other nodes when the arbiter denies: its vote may be a dead owner's. */
const PATIENT_TRIES = 3;

export interface AcquirePlan extends AttemptPlan {
  /** How long to keep trying, in ms; 0 for a single attempt. */
  readonly acquireTimeout: number;
  readonly retry: Retry;
}

/**
 * One call's attempts to take a lock that others may want too, until one wins or time is up.
 *
 * The first attempt asks all nodes, unless others were in the way lately. Then the call stands in the line at the arbiter of what was in
 * its way, and tries again when it is its turn. Timers cover what no notification tells: see `wake.ts`.
 */
export class AcquireLoop implements Caller {
  readonly #context: AcquireContext;
  readonly #plan: AcquirePlan;
  readonly #startedAt: number;
  #line: Line | undefined;
  #attempt: Attempt | undefined;
  #order: AskOrder | undefined;
  /** A lock that was won and has not reached the caller yet. */
  #won: Won | undefined;
  /** The error of the last attempt that asked all nodes. One without time for answers counts only if there is no other. */
  #lastError: RedlockError | undefined;
  /** When the last attempt began, in ms of the clock. */
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #sleep: Sleep | undefined;
  #sleepsForVotes = false;
  /** Whether a node has begun to vote since the last attempt began. */
  #hasNewVoter = false;
  /** Whether the line has fallen silent since the last attempt began. */
  #isDeafened = false;
  /** Whether something happened that makes another attempt worth while, though no pause has passed. */
  #isCalled = false;
  /** The node that has the key reserved for this process, if one has said so. */
  #turnAt: number | undefined;
  /** Whether this process is first in its line, behind one that has the key reserved. */
  #isNext = false;
  /** Whether the last pause ended by a timer, with no news. */
  #isTimed = false;
  /** The owner that was last seen to hold a quorum. */
  #holder: string | undefined;
  /** What the arbiter has denied by, as far as a waiter can tell one denial from another. */
  #obstacle = '';
  #unchanged = 0;
  #overdue = 0;
  #yields = 0;
  #moves = 0;
  #lostTurns = 0;
  #steps: Steps | undefined;
  #over = false;

  constructor(context: AcquireContext, plan: AcquirePlan) {
    this.#context = context;
    this.#plan = plan;
    this.#startedAt = context.clock.now();
  }

  /** Waits for the lock; once. `retries`: how many attempts follow the first at most. */
  async wait(how: Lead, retries: number): Promise<Won> {
    const { keys } = this.#plan;
    const isContested = how === 'standing back' || (how === 'afresh' && this.#context.contention.has(keys));
    if (isContested) this.#enter(firstOf(keys));
    const first = await this.#try(isContested ? 'arbiter first' : 'all', how === 'handed on');
    if (!(first instanceof RedlockError)) return first;
    // p-retry gets no signal: it checks it after an attempt that succeeded, and would drop a lock that is held.
    return pRetry(async (n) => orThrow(n === 1 ? first : await this.#tryAgain()), {
      retries,
      minTimeout: 0,
      maxTimeout: 0,
      onFailedAttempt: async ({ error, retriesConsumed, retriesLeft }) => {
        if (retriesLeft > 0) await this.#pause(error, retriesConsumed + 1);
      },
      shouldConsumeRetry: () => !this.#isCalled,
    });
  }

  /**
   * Does not wait for a holder; once. If simultaneous attempts have split the votes, so that nobody holds the lock, it goes on for at
   * most `nodeTimeout`, arbiter first, until it holds the lock or somebody else does.
   */
  async once(): Promise<Won> {
    const { clock, random, roundTrip } = this.#context;
    let outcome = await this.#try('all');
    const end = Math.min(this.#plan.deadline, clock.now() + this.#plan.nodeTimeout);
    for (let tries = 1; ; tries++) {
      if (!(outcome instanceof RedlockError)) return outcome;
      const left = end - clock.now();
      // Of an attempt that the end of the time has cut short, nothing follows.
      const isCut = tries > 1 && left <= 0;
      if (!isCut && (!(outcome instanceof ResourceHeldError) || (await this.#isHeld(left)))) throw outcome;
      const pause = Math.max(1, roundTrip.ms) * (0.5 + random.fraction() * Math.min(tries, 4));
      if (pause >= end - clock.now())
        throw timeout(this.#plan, clock.now() - this.#startedAt, this.#lastError ?? outcome);
      await this.#rest(pause);
      outcome = await this.#try('arbiter first', false, { ...this.#plan, deadline: end, tries });
    }
  }

  /** What was in the way may be gone: tries again at once, or after the attempt that is under way. */
  call(): void {
    this.#isCalled = true;
    this.#sleep?.shorten(0);
  }

  /** A node has begun to vote: a call that sleeps until one does tries again, when the others have had their time too. */
  nodeVotes(): void {
    this.#hasNewVoter = true;
    if (this.#sleepsForVotes) this.#sleep?.shorten(SHORTEST_PAUSE);
    // It may be the arbiter, which was passed over until now.
    const asked = this.#order?.arbiter;
    if (this.#line && asked !== undefined && asked !== this.#context.arbiters.of(this.#line.key)) this.call();
  }

  turn(node: number): void {
    this.#turnAt = node;
    this.call();
  }

  next(): void {
    // The denial that this comes after may still be on its way.
    this.#isNext = true;
    this.#sleep?.shorten(watchPause(this.#context.roundTrip.reservation));
  }

  live(): void {
    this.call();
  }

  deaf(): void {
    // The denial that this comes after may still be on its way.
    this.#isDeafened = true;
    this.#sleep?.shorten(SHORTEST_PAUSE);
  }

  /** `kept`: the caller has the lock. `unwanted`: an attempt under way is undone, and so is a lock that was just won. */
  end(lock: 'kept' | 'unwanted'): void {
    this.#over = true;
    this.#attempt?.abandon();
    if (lock === 'unwanted') this.#won?.lease.undo();
    this.#steps?.end();
    this.#line?.exit(this);
    this.#sleep?.shorten(0);
  }

  /** Hears what the inbox for a key gets from now on. */
  #enter(key: string): void {
    if (this.#line?.key !== key) {
      this.#line?.exit(this);
      this.#line = this.#context.lines.of(key);
      this.#line.enter(this);
    }
    this.#line.open(this.#context.arbiters.of(key));
  }

  /** When it is this process's turn, all nodes are asked at once, that one first. */
  #tryAgain(): Promise<Won | RedlockError> {
    if (this.#lostTurns >= MOST_LOST_TURNS) return this.#tryInSteps();
    return this.#try(this.#turnAt === undefined ? 'arbiter first' : 'turn');
  }

  async #tryInSteps(): Promise<Won | RedlockError> {
    this.#lostTurns = 0;
    this.#line?.exit(this);
    this.#line = undefined;
    const loopFor = (plan: AcquirePlan): AcquireLoop => new AcquireLoop(this.#context, plan);
    this.#steps = new Steps(this.#context, this.#plan, loopFor);
    try {
      await this.#steps.run();
    } catch (error) {
      this.#steps.end();
      throw error instanceof AcquireTimeoutError ? this.#timeout(error.cause as Error) : error;
    }
    this.#steps.handOver();
    return this.#try('all', true);
  }

  /** `plan`: that of a call that does not wait, with the number of its attempts so far; such a call stands in no line. */
  async #try(
    how: AskOrderPlan['opening'] | 'turn',
    isHandedOver = false,
    plan: AttemptPlan & { readonly tries?: number } = this.#plan,
  ): Promise<Won | RedlockError> {
    // Between the end of a pause and here the caller may have gone.
    if (this.#over) throw new Error('the call has ended');
    const { clock, nodes, random, roundTrip, arbiters, contention } = this.#context;
    const line = this.#line;
    arbiters.passOverSilent(clock.now() - roundTrip.hedge(this.#plan.nodeTimeout));
    const arbiter = this.#turnAt ?? (how === 'all' ? 0 : arbiters.of(line?.key ?? firstOf(this.#plan.keys)));
    const isTimed = this.#isTimed;
    line?.open(arbiter);
    this.#hasNewVoter = false;
    this.#isDeafened = false;
    this.#isCalled = false;
    this.#turnAt = undefined;
    this.#attemptedAt = clock.now();
    const waiter = line?.isLive(arbiter) ? line.waiter(arbiter, clock.now() - this.#startedAt) : undefined;
    const order = new AskOrder({
      clock,
      arbiters,
      nodes: nodes.length,
      arbiter,
      isConnecting: (node) => (nodes[node]?.firstContactUntil() ?? 0) > clock.now(),
      opening: how === 'turn' ? 'all' : how,
      isArbitrated: how !== 'all',
      waiter,
      // Processes that wait for the same silent arbiter must not all go on at once.
      hedge: (roundTrip.hedge(this.#plan.nodeTimeout) * (1 + random.fraction())) / 2,
      goesOn: (denial) =>
        plan.tries === undefined ? this.#mayBeDead(denial, isTimed) : plan.tries >= PATIENT_TRIES,
      // Not only if it fails: a process that has just released the keys wins them again from the nodes that have reserved nothing, and
      // would do so for ever.
      denied: () => contention.note(this.#plan.keys),
    });
    this.#order = order;
    this.#attempt = new Attempt(this.#context, plan, order, isHandedOver);
    const outcome = await this.#attempt.outcome;
    this.#attempt = undefined;
    if (outcome === 'abandoned') throw new Error('the call has ended');
    if (order.roundTrip !== undefined) roundTrip.measured(order.roundTrip);
    if (!(outcome instanceof RedlockError)) {
      if (waiter) line?.won(arbiter, order);
      this.#won = outcome;
      return outcome;
    }
    this.#learn(order, arbiter);
    if (how === 'turn' && this.#plan.keys.length > 1) this.#lostTurns++;
    if (!order.isStopped && !(this.#lastError && this.#isCutShort(outcome, plan.deadline)))
      this.#lastError = outcome;
    return outcome;
  }

  /**
   * Whether the other nodes are asked although the arbiter has denied: the owner there may have died before it had a quorum. Not if it is
   * known to have had one, nor if something has just happened: then the owner may be about to ask the others itself. In a line, the first
   * finds out for all.
   */
  #mayBeDead({ foreign, isReserved, remaining, owner, place }: Denial, isTimed: boolean): boolean {
    // No process reserves a key for so long: that has been forged.
    if (foreign || (isReserved && remaining > LONGEST_RESERVATION)) return true;
    return isTimed && !isReserved && owner !== this.#holder && (place?.position ?? 0) === 0;
  }

  /** Keeps what a failed attempt has found out. */
  #learn(order: AskOrder, arbiter: number): void {
    const { arbiterReply, denial, holder } = order;
    if (holder !== undefined) this.#holder = holder;
    // A turn that came meanwhile was for this attempt: the pause after a yield must not be skipped for it.
    if (arbiterReply?.kind === 'granted' && this.#turnAt === arbiter) {
      this.#turnAt = undefined;
      this.#isCalled = false;
    }
    // A grant in nobody's name says nothing of the place that this process may still have there.
    if (arbiterReply?.kind === 'denied' && order.waiterAt(arbiter))
      this.#line?.denied(arbiter, arbiterReply.place);
    const obstacle = denial ? `${denial.owner} ${denial.key} ${denial.place?.position}` : '';
    this.#unchanged = obstacle !== '' && obstacle === this.#obstacle ? this.#unchanged + 1 : 0;
    this.#obstacle = obstacle;
    this.#overdue = isOverdue(denial?.remaining) ? this.#overdue + 1 : 0;
    this.#yields = order.yielding ? this.#yields + 1 : 0;
  }

  /** Waits until there is reason to try again, or for the deadline, on the clock that everything else runs on. */
  async #pause(error: Error, failures: number): Promise<void> {
    if (isHopeless(error)) throw error;
    const { clock } = this.#context;
    const { deadline } = this.#plan;
    const denial = this.#order?.denial;
    const moves = denial ? this.#standFor(this.#keyOf(denial)) : false;
    this.#sleepsForVotes = !(error instanceof ResourceHeldError);
    if (this.#turnAt !== undefined || moves) this.#isCalled = true;
    if (!this.#isCalled) await this.#rest(this.#pauseAfter(error, failures, denial));
    this.#isTimed = this.#isNext || !this.#isCalled;
    this.#isCalled ||= this.#isNext;
    this.#isNext = false;
    this.#sleepsForVotes = false;
    if (this.#over || clock.now() >= deadline) throw this.#timeout(error);
  }

  /** Which key was in the way; a node that users implement may not say. */
  #keyOf({ key }: Denial): string {
    const { keys } = this.#plan;
    return keys.includes(key) ? key : firstOf(keys);
  }

  /** Opens the inbox at the arbiter of the key that was in the way. Returns whether to stand in its line at once. */
  #standFor(key: string): boolean {
    const hasMoved = this.#line?.key !== key;
    this.#enter(key);
    this.#moves = hasMoved ? this.#moves + 1 : 0;
    return (
      hasMoved && this.#moves <= MOST_MOVES && this.#line?.isLive(this.#context.arbiters.of(key)) === true
    );
  }

  #pauseAfter(error: Error, failures: number, denial: Denial | undefined): number {
    const { random, roundTrip } = this.#context;
    const { retry } = this.#plan;
    const asked = this.#order?.arbiter;
    const isNotified = asked !== undefined && this.#line?.isLive(asked) === true;
    // In line, the key has to be free at the arbiter.
    const isArbiters = denial !== undefined && denial === this.#order?.arbiterReply;
    const untilQuorum = error instanceof ResourceHeldError ? error.remaining : undefined;
    const pause = pauseAfter({
      error,
      failures,
      yields: this.#yields,
      expiry: isArbiters ? denial.remaining : untilQuorum,
      isForeign: denial?.foreign !== undefined,
      position: isNotified ? denial?.place?.position : undefined,
      unchanged: this.#unchanged,
      overdue: this.#overdue,
      roundTrip: roundTrip.ms,
      reservation: roundTrip.reservation,
      retry,
      fraction: random.fraction(),
    });
    if (this.#isDeafened || (this.#sleepsForVotes && this.#hasNewVoter)) return SHORTEST_PAUSE;
    return this.#isNext ? Math.min(pause, watchPause(roundTrip.reservation)) : pause;
  }

  /** Whether one owner has a quorum, so that somebody holds what was denied. Without the nodes that the attempt did not wait for, that may be open. */
  async #isHeld(patience: number): Promise<boolean> {
    const { nodes, clock } = this.#context;
    if (this.#order?.holder !== undefined) return true;
    const denial = this.#order?.denial;
    return denial !== undefined && (await isHeldByOne(this.#keyOf(denial), nodes, clock, patience));
  }

  /** Whether the deadline ended an attempt before nodes had as much time to answer as an arbiter gets. */
  #isCutShort({ votes }: RedlockError, deadline: number): boolean {
    const { nodeTimeout } = this.#plan;
    const { clock, roundTrip } = this.#context;
    return (
      clock.now() >= deadline &&
      deadline - this.#attemptedAt < roundTrip.hedge(nodeTimeout) &&
      votes.some(({ kind }) => kind === 'late')
    );
  }

  /** Nodes that were not asked in the last attempt are no reason why the call has failed. */
  #timeout(error: Error): Error {
    if (!(error instanceof RedlockError)) return error;
    return timeout(this.#plan, this.#plan.acquireTimeout, this.#lastError ?? error);
  }

  async #rest(pause: number): Promise<void> {
    const { clock } = this.#context;
    const remaining = this.#plan.deadline - clock.now();
    if (remaining <= 0 || this.#over) return;
    this.#sleep = new Sleep(clock, Math.min(pause, remaining));
    await this.#sleep.over;
    this.#sleep = undefined;
  }
}

/** Whether there is no quorum without the nodes that are permanently unfit. */
function isHopeless(error: Error): boolean {
  if (!(error instanceof NodeMisconfiguredError)) return false;
  const { votes } = error;
  const lost = votes.filter((vote) => vote.kind === 'unusable' && vote.isPermanent === true).length;
  return lost > votes.length - quorumOf(votes.length);
}

/** The key whose arbiter is asked first, for all that want the same keys. */
function firstOf(keys: readonly string[]): string {
  return [...keys].sort()[0] ?? '';
}

function orThrow(outcome: Won | RedlockError): Won {
  if (outcome instanceof RedlockError) throw outcome;
  return outcome;
}

/** The error of a call whose time is up, after so many ms. */
export function timeout(
  { resources }: Pick<AcquirePlan, 'resources'>,
  after: number,
  error: RedlockError,
): AcquireTimeoutError {
  const message = `gave up on ${list(resources)} after ${Math.round(after)} ms: ${error.message}`;
  return new AcquireTimeoutError(message, error);
}
