import pRetry from 'p-retry';
import { AcquireTimeoutError, NodeMisconfiguredError, RedlockError, ResourceHeldError } from '../errors.ts';
import { isHeldByOne } from '../inspection.ts';
import type { Place } from '../node/lock-node.ts';
import type { Retry } from '../options.ts';
import { isHopeless } from '../quorum/votes.ts';
import { list } from '../resources.ts';
import type { AcquireContext } from './acquire-context.ts';
import { AskOrder, type AskOrderPlan, type Denial } from './ask-order.ts';
import { Attempt, type AttemptOutcome, type AttemptPlan, type Won } from './attempt.ts';
import type { Line } from './line.ts';
import type { Lead } from './local-queue.ts';
import { News } from './news.ts';
import { Setbacks } from './setbacks.ts';
import { Steps } from './steps.ts';
import { pauseAfter, type Setback } from './wake.ts';

/** How many times in a row a call for several resources moves from line to line without a pause. */
const MOST_MOVES = 2;

/** After how many lost turns a call for several resources takes them one after the other. */
const MOST_LOST_TURNS = 4;

/** After how many attempts `tryAcquire` also asks the other nodes when the arbiter denies: its vote may be a dead owner's. */
const PATIENT_TRIES = 3;

const ENDED = 'the call has ended';

export interface AcquirePlan extends AttemptPlan {
  /** How long to keep trying, in ms; 0 for a single attempt. */
  readonly acquireTimeout: number;
  readonly retry: Retry;
}

/** What one attempt does otherwise than those of a call that waits. */
interface Try {
  /** The last holder, of this process, has served no line. */
  readonly isHandedOver?: boolean;
  readonly plan?: AttemptPlan;
  readonly goesOn?: AskOrderPlan['goesOn'];
}

/**
 * One call's attempts to take a lock that others may want too, until one wins or time is up.
 *
 * The first attempt asks all nodes, unless others were in the way lately. Then the call stands in the line at the arbiter of what was in
 * its way, and tries again when it is its turn. Timers cover what no notification tells: see `wake.ts`.
 */
export class AcquireLoop {
  readonly #context: AcquireContext;
  readonly #plan: AcquirePlan;
  readonly #startedAt: number;
  /** Made when they are first needed: most calls win with their first attempt. */
  #heard: News | undefined;
  #learned: Setbacks | undefined;
  #line: Line | undefined;
  #attempt: Attempt | undefined;
  #order: AskOrder | undefined;
  /** A lock that was won and has not reached the caller yet. */
  #won: Won | undefined;
  /** Why the last attempt has failed. */
  #error: RedlockError | undefined;
  /** The same for the last one that asked all nodes. One without time for answers counts only if there is no other. */
  #finding: RedlockError | undefined;
  #moves = 0;
  #lostTurns = 0;
  #steps: Steps | undefined;
  #over = false;

  constructor(context: AcquireContext, plan: AcquirePlan) {
    this.#context = context;
    this.#plan = plan;
    this.#startedAt = context.clock.now();
  }

  /** The first attempt; once. */
  begin(how: Lead, done: (outcome: AttemptOutcome) => void): void {
    const { keys } = this.#plan;
    const isContested = how === 'standing back' || (how === 'afresh' && this.#context.contention.has(keys));
    if (isContested) this.#enter(firstOf(keys));
    this.#try(isContested ? 'arbiter first' : 'all', { isHandedOver: how === 'handed on' }, done);
  }

  /** The first attempt of a call that does not wait for a holder; once. */
  beginOnce(done: (outcome: AttemptOutcome) => void): void {
    this.#try('all', {}, done);
  }

  /** Waits for the lock after the first attempt has failed; once. `retries`: how many attempts follow at most. */
  async wait(first: RedlockError, retries: number): Promise<Won> {
    // p-retry gets no signal: it checks it after an attempt that succeeded, and would drop a lock that is held.
    return pRetry(async (n) => orThrow(n === 1 ? first : await this.#tryAgain()), {
      retries,
      minTimeout: 0,
      maxTimeout: 0,
      onFailedAttempt: async ({ error, retriesConsumed, retriesLeft }) => {
        if (retriesLeft > 0) await this.#pause(error, retriesConsumed + 1);
      },
      shouldConsumeRetry: () => !this.#news.isCalled,
    });
  }

  /**
   * Goes on after the first attempt of a call that does not wait for a holder; once. If simultaneous attempts have split the votes, so that
   * nobody holds the lock, it tries for at most `nodeTimeout`, arbiter first, until it holds the lock or somebody else does.
   */
  async insist(first: RedlockError): Promise<Won> {
    const { clock, random, roundTrip } = this.#context;
    let outcome: Won | RedlockError = first;
    const deadline = Math.min(this.#plan.deadline, clock.now() + this.#plan.nodeTimeout);
    const plan = { ...this.#plan, deadline };
    for (let tries = 1; ; tries++) {
      if (!(outcome instanceof RedlockError)) return outcome;
      const left = deadline - clock.now();
      // Of an attempt that the end of the time has cut short, nothing follows.
      const isCut = tries > 1 && left <= 0;
      if (!isCut && (!(outcome instanceof ResourceHeldError) || (await this.#isHeld(left)))) throw outcome;
      const pause = Math.max(1, roundTrip.ms) * (0.5 + random.fraction() * Math.min(tries, 4));
      if (pause >= deadline - clock.now())
        throw timeout(this.#plan, clock.now() - this.#startedAt, this.#finding ?? outcome);
      await this.#sleep(() => pause);
      outcome = await this.#attemptTo('arbiter first', {
        plan,
        goesOn: () => (tries < PATIENT_TRIES ? 'nobody' : 'all'),
      });
    }
  }

  /** What was in the way may be gone: tries again at once, or after the attempt that is under way. */
  call(): void {
    this.#news.call();
    this.#steps?.call();
  }

  /** A node has begun to vote. */
  nodeVotes(): void {
    this.#news.voter();
    this.#steps?.nodeVotes();
  }

  /** For how many ms attempts have found the same owner in the way, and the same place in line. */
  get unchangedFor(): number {
    return this.#learned?.unchangedFor ?? 0;
  }

  /** `kept`: the caller has the lock. `unwanted`: an attempt under way is undone, and so is a lock that was just won. */
  end(lock: 'kept' | 'unwanted'): void {
    this.#over = true;
    this.#attempt?.abandon();
    if (lock === 'unwanted') this.#won?.lease.undo();
    this.#steps?.end();
    this.#heard?.wake();
    if (this.#line) this.#line.exit(this.#news);
  }

  get #news(): News {
    const { clock, roundTrip } = this.#context;
    this.#heard ??= new News(
      clock,
      () => roundTrip.reservation,
      () => this.#wantsVoters,
    );
    return this.#heard;
  }

  get #setbacks(): Setbacks {
    this.#learned ??= new Setbacks();
    return this.#learned;
  }

  /** Hears what the inbox for a key gets from now on. */
  #enter(key: string): void {
    if (this.#line?.key !== key) {
      this.#line?.exit(this.#news);
      this.#line = this.#context.lines.of(key);
      this.#line.enter(this.#news);
    }
    this.#line.open(this.#context.arbiters.of(key));
  }

  /** When it is this process's turn, all nodes are asked at once, that one first. */
  #tryAgain(): Promise<Won | RedlockError> {
    if (this.#lostTurns >= MOST_LOST_TURNS) return this.#tryInSteps();
    const { turnAt } = this.#news;
    if (turnAt === undefined) return this.#attemptTo('arbiter first');
    this.#plan.trace?.notified(this.#context.nodes[turnAt]?.name ?? '');
    return this.#attemptTo('turn');
  }

  async #tryInSteps(): Promise<Won | RedlockError> {
    this.#lostTurns = 0;
    this.#line?.exit(this.#news);
    this.#line = undefined;
    const loopFor = (plan: AcquirePlan): AcquireLoop => new AcquireLoop(this.#context, plan);
    this.#steps = new Steps(this.#context, this.#plan, loopFor);
    try {
      await this.#steps.run();
    } catch (error) {
      this.#steps.end();
      if (this.#steps.isStuck && this.#error && !this.#over) return this.#error;
      throw error instanceof AcquireTimeoutError ? this.#timeout(error.cause as Error) : error;
    }
    this.#steps.handOver();
    return this.#attemptTo('all', { isHandedOver: true });
  }

  #attemptTo(how: AskOrderPlan['how'], special: Try = {}): Promise<Won | RedlockError> {
    return new Promise((resolve, reject) => {
      // Between the end of a pause and here the caller may have gone.
      if (this.#over) reject(new Error(ENDED));
      else
        this.#try(how, special, (outcome) => {
          if (outcome === 'abandoned') reject(new Error(ENDED));
          else resolve(outcome);
        });
    });
  }

  /** One attempt. */
  #try(how: AskOrderPlan['how'], special: Try, done: (outcome: AttemptOutcome) => void): void {
    const startedAt = this.#context.clock.now();
    const line = this.#line;
    const order = this.#orderFor(how, special.goesOn);
    const { isHandedOver = false, plan = this.#plan } = special;
    plan.trace?.attempted();
    this.#heard?.clear();
    this.#order = order;
    this.#attempt = new Attempt(this.#context, plan, order, isHandedOver);
    this.#attempt.start().whenDecided((outcome) => {
      this.#attempt = undefined;
      if (outcome !== 'abandoned') {
        const took = order.roundTrip;
        if (took !== undefined) this.#context.roundTrip.measured(took);
        if (outcome instanceof RedlockError) {
          this.#failed(outcome, order, how, plan, startedAt, line);
        } else {
          if (order.arbiter !== undefined && order.waiter) line?.won(order.arbiter, order);
          this.#won = outcome;
        }
      }
      done(outcome);
    });
  }

  #failed(
    outcome: RedlockError,
    order: AskOrder,
    how: AskOrderPlan['how'],
    plan: AttemptPlan,
    startedAt: number,
    line: Line | undefined,
  ): void {
    const { clock } = this.#context;
    const { arbiter, arbiterReply, waiter } = order;
    if (outcome instanceof ResourceHeldError) plan.trace?.contended();
    // A turn that came meanwhile was for this attempt: the pause after a yield must not be skipped for it.
    if (arbiterReply?.kind === 'granted') this.#news.forgetTurn(arbiter);
    // A grant in nobody's name says nothing of the place that this process may still have there.
    if (arbiter !== undefined && waiter && arbiterReply?.kind === 'denied')
      this.#denied(line, arbiter, arbiterReply.place);
    this.#setbacks.learn(order, clock.now());
    if (how === 'turn' && this.#plan.keys.length > 1) this.#lostTurns++;
    this.#error = outcome;
    if (!order.isStopped && !(this.#finding && this.#isCutShort(outcome, startedAt, plan.deadline)))
      this.#finding = outcome;
  }

  #denied(line: Line | undefined, arbiter: number, place: Place | undefined): void {
    line?.denied(arbiter, place);
    if (place) this.#plan.trace?.queued(this.#context.nodes[arbiter]?.name ?? '', place.position);
  }

  #orderFor(how: AskOrderPlan['how'], goesOn: AskOrderPlan['goesOn'] | undefined): AskOrder {
    const { clock, nodes, random, roundTrip, arbiters, contention, isConnecting, pick } = this.#context;
    const { keys, nodeTimeout } = this.#plan;
    const line = this.#line;
    const hedge = roundTrip.hedge(nodeTimeout);
    arbiters.passOverSilent(clock.now() - hedge);
    const arbiter =
      how === 'all' ? undefined : (this.#heard?.turnAt ?? arbiters.of(line?.key ?? firstOf(keys)));
    if (arbiter !== undefined) line?.open(arbiter);
    const stands = arbiter !== undefined && line?.isLive(arbiter) === true;
    const isTimed = this.#heard?.isTimed ?? false;
    if (line && isTimed) this.#lookForSlow(line.key);
    return new AskOrder({
      clock,
      arbiters,
      nodes: nodes.length,
      how,
      arbiter,
      waiter: stands ? line.stand(arbiter, clock.now() - this.#startedAt) : undefined,
      isConnecting,
      // Processes that wait for the same silent arbiter must not all go on at once.
      hedge: (hedge * (1 + random.fraction())) / 2,
      goesOn: goesOn ?? (how === 'all' ? askAll : (denial) => this.#setbacks.doubt(denial, isTimed)),
      pick,
      // Not only if it fails: a process that has just released the keys wins them again from the nodes that have reserved nothing, and
      // would do so for ever.
      denied: () => contention.note(keys),
    });
  }

  /** Nodes that were slow once may be the arbiters of others all the time. */
  #lookForSlow(key: string): void {
    const { clock, nodes, arbiters, roundTrip } = this.#context;
    const patience = roundTrip.hedge(this.#plan.nodeTimeout);
    const askedAt = clock.now();
    for (const node of arbiters.slowBefore(key))
      nodes[node]?.inspect(key, ({ kind }) => {
        if ((kind !== 'free' && kind !== 'held') || clock.now() - askedAt > patience) return;
        arbiters.votes(node);
        this.#news.voter();
      });
  }

  /** Waits until there is reason to try again, or for the deadline, on the clock that everything else runs on. */
  async #pause(error: Error, failures: number): Promise<void> {
    if (error instanceof NodeMisconfiguredError && isHopeless(error.votes)) throw error;
    if (this.#over) throw this.#timeout(error);
    const denial = this.#order?.denial;
    if (this.#news.turnAt !== undefined || (denial && this.#standFor(this.#keyOf(denial)))) this.#news.call();
    await this.#sleep(() => this.#pauseAfter(error, failures));
    if (this.#over || this.#context.clock.now() >= this.#plan.deadline) throw this.#timeout(error);
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

  #pauseAfter(error: Error, failures: number): number {
    const { random, roundTrip } = this.#context;
    const order = this.#order as AskOrder;
    const isNotified = order.arbiter !== undefined && this.#line?.isLive(order.arbiter) === true;
    const setback = this.#setbacks.situation(order, error, isNotified);
    if (this.#plan.trace && error instanceof ResourceHeldError)
      this.#plan.trace.polling(this.#whyPolling(setback, order.arbiter, isNotified));
    return pauseAfter({
      ...setback,
      failures,
      roundTrip: roundTrip.ms,
      reservation: roundTrip.reservation,
      retry: this.#plan.retry,
      fraction: random.fraction(),
    });
  }

  /** Why the call does not rely on notifications, if so. */
  #whyPolling(
    { isForeign, position }: Setback,
    arbiter: number | undefined,
    isNotified: boolean,
  ): string | undefined {
    const node = arbiter === undefined ? undefined : this.#context.nodes[arbiter];
    if (isForeign) return 'what is in the way is no lock of quorlock, so nobody announces its release';
    if (node && !isNotified) return node.condition?.polling ?? `notifications of ${node.name} do not arrive`;
    return node && position === undefined ? `${node.name} gave no place in its line` : undefined;
  }

  #sleep(pause: () => number): Promise<void> {
    const left = this.#over ? 0 : this.#plan.deadline - this.#context.clock.now();
    return this.#news.sleep(pause, left);
  }

  /** Whether too few nodes have voted, or one that votes now is the arbiter, which was passed over until now. */
  get #wantsVoters(): boolean {
    if (!(this.#error instanceof ResourceHeldError)) return true;
    const asked = this.#order?.arbiter;
    return (
      asked !== undefined && this.#line !== undefined && asked !== this.#context.arbiters.of(this.#line.key)
    );
  }

  /** Whether one owner has a quorum, so that somebody holds what was denied. Without the nodes that the attempt did not wait for, that may be open. */
  async #isHeld(patience: number): Promise<boolean> {
    const { nodes, clock } = this.#context;
    if (this.#order?.holder !== undefined) return true;
    const denial = this.#order?.denial;
    return denial !== undefined && (await isHeldByOne(this.#keyOf(denial), nodes, clock, patience));
  }

  /** Whether the deadline ended an attempt before nodes had as much time to answer as an arbiter gets. */
  #isCutShort({ votes }: RedlockError, startedAt: number, deadline: number): boolean {
    const { clock, roundTrip } = this.#context;
    return (
      clock.now() >= deadline &&
      deadline - startedAt < roundTrip.hedge(this.#plan.nodeTimeout) &&
      votes.some(({ kind }) => kind === 'late')
    );
  }

  /** Nodes that were not asked in the last attempt are no reason why the call has failed. */
  #timeout(error: Error): Error {
    if (!(error instanceof RedlockError)) return error;
    return timeout(this.#plan, this.#plan.acquireTimeout, this.#finding ?? error);
  }
}

/** Of an attempt without an arbiter. */
const askAll = (): 'all' => 'all';

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
