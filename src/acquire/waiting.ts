import pRetry from 'p-retry';
import type { Cancel } from '../clock.ts';
import { AcquireTimeoutError, NodesQuarantinedError, RedlockError, ResourceHeldError } from '../errors.ts';
import type { Retry } from '../options.ts';
import { arbitersOf } from './arbiter.ts';
import { Attempt, type AttemptPlan, type Coordinator, list, type Won } from './attempt.ts';
import { SHORTEST_PAUSE } from './backoff.ts';
import { Contest } from './contest.ts';
import { Listening } from './listening.ts';
import { pauseAfter } from './pause.ts';
import type { Queued, Queues } from './queues.ts';
import { Rivals } from './rivals.ts';
import { Sleep } from './sleep.ts';

/** So many times in a row a lock is handed on within a process; then others get a head start. */
export const MOST_HAND_OVERS = 16;
/** How long that is, in ms. */
export const HEAD_START = 3;
/** What part of `nodeTimeout` an arbiter is waited for. */
const HEDGE = 1 / 10;

export interface WaitingPlan extends Omit<AttemptPlan, 'deadline'> {
  /** How long to keep trying, in ms; 0 for a single attempt. */
  readonly acquireTimeout: number;
  readonly retry: Retry;
}

/**
 * A call that waits for a lock: first behind other calls of this process, then attempt after attempt until one wins, time
 * is up, or nobody wants it any more.
 */
export class Waiting implements Queued {
  /** Settles at once when the waiting ends, whatever an attempt is still doing. The keys of a lock are held in the queues then. */
  readonly result: Promise<Won>;
  readonly keys: readonly string[];
  readonly #coordinator: Coordinator;
  readonly #queues: Queues;
  readonly #plan: WaitingPlan;
  readonly #deadline: number;
  readonly #rivals: Rivals;
  /** All nodes, the arbiter first. */
  #order: readonly number[] | undefined;
  /** When the last attempt began, in ms of the clock. */
  #lastAttempt = 0;
  #attempt: { attempt: Attempt; contest: Contest } | undefined;
  #listening: Listening | undefined;
  #sleep: Sleep | undefined;
  #cancelDeadline: Cancel = () => {};
  #resolve!: (won: Won) => void;
  #reject!: (reason: unknown) => void;
  #isLeading = false;
  #sleepsForVotes = false;
  /** Whether a node has begun to vote since the attempt began. */
  #hasNewVoter = false;
  /** Whether something happened that makes another attempt worth while, though no pause has passed. */
  #isCalled = false;
  #splits = 0;
  #over = false;

  constructor(coordinator: Coordinator, queues: Queues, plan: WaitingPlan) {
    const { clock, nodes } = coordinator;
    this.keys = plan.keys;
    this.#coordinator = coordinator;
    this.#queues = queues;
    this.#plan = plan;
    this.#rivals = new Rivals(nodes.length);
    this.#deadline = plan.acquireTimeout === 0 ? Number.POSITIVE_INFINITY : clock.now() + plan.acquireTimeout;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (this.#isSingle) this.lead(0);
    else queues.enter(this);
    if (!this.#isLeading) this.#cancelDeadline = clock.after(plan.acquireTimeout, () => this.#giveUp());
  }

  /** Ends the waiting with `reason`; a lock that is being won at this moment is released again. */
  cancel(reason: unknown): void {
    if (this.#over) return;
    this.#attempt?.attempt.abandon();
    this.#end();
    this.#reject(reason);
  }

  lead(handOvers: number): void {
    if (this.#isLeading) {
      this.#call();
      return;
    }
    this.#isLeading = true;
    this.#cancelDeadline();
    const standsBack = handOvers > 0 && handOvers % (MOST_HAND_OVERS + 1) === 0;
    this.#run(standsBack).then(
      (won) => this.#won(won),
      (error: unknown) => this.cancel(error),
    );
  }

  /** A node has begun to vote: whoever sleeps until one does tries again, when the others have had their time too. */
  nodeVotes(): void {
    this.#hasNewVoter = true;
    if (this.#sleepsForVotes) this.#sleep?.shorten(SHORTEST_PAUSE);
  }

  get #isSingle(): boolean {
    return this.#plan.acquireTimeout === 0 || this.#plan.retry.retries === 0;
  }

  async #run(standsBack: boolean): Promise<Won> {
    if (standsBack) await this.#rest(HEAD_START);
    const first = await this.#try(standsBack);
    if (!(first instanceof RedlockError)) return first;
    if (this.#isSingle) throw first;
    // p-retry gets no signal: it checks it after an attempt that succeeded, and would drop a lock that is held.
    return pRetry(async (n) => orThrow(n === 1 ? first : await this.#try(this.#rivals.isContested)), {
      retries: this.#plan.retry.retries,
      minTimeout: 0,
      maxTimeout: 0,
      onFailedAttempt: async ({ error, retriesConsumed, retriesLeft }) => {
        if (retriesLeft > 0) await this.#pause(error, retriesConsumed + 1);
      },
      shouldConsumeRetry: () => !this.#isCalled,
    });
  }

  async #try(isArbitrated: boolean): Promise<Won | RedlockError> {
    // Between the end of a pause and here the caller may have gone.
    if (this.#over) throw new Error('nobody waits any more');
    const { clock, nodes, random } = this.#coordinator;
    this.#hasNewVoter = false;
    this.#isCalled = false;
    this.#lastAttempt = clock.now();
    const hedge = (this.#plan.nodeTimeout * HEDGE * (1 + random.fraction())) / 2;
    const order = isArbitrated ? this.#arbiters() : [...nodes.keys()];
    const contest = new Contest({ clock, rivals: this.#rivals, order, isArbitrated, hedge });
    const attempt = new Attempt(this.#coordinator, { ...this.#plan, deadline: this.#deadline }, contest);
    this.#attempt = { attempt, contest };
    const outcome = await attempt.outcome;
    this.#attempt = undefined;
    return outcome;
  }

  /** Waits until there is reason to try again, or the deadline, on the clock that everything else runs on. */
  async #pause(error: Error, failures: number): Promise<void> {
    const { clock, nodes, random } = this.#coordinator;
    const { retry, keys } = this.#plan;
    const rivals = this.#rivals;
    if (this.#over) throw error;
    if (rivals.isContested) {
      this.#listening ??= new Listening({
        nodes,
        keys,
        released: (node, owner) => this.#heard(node, rivals.released(node, owner)),
        heardAgain: (node, missedUntil) =>
          this.#heard(node, missedUntil >= this.#lastAttempt && rivals.heardAgain(node)),
      });
    }
    this.#splits = rivals.isContested && !rivals.isHeld ? this.#splits + 1 : 0;
    const isTold = this.#listening?.isTold ?? false;
    const { now, fraction } = { now: clock.now(), fraction: random.fraction() };
    const pause = pauseAfter({ error, failures, splits: this.#splits, retry, rivals, isTold, now, fraction });
    this.#sleepsForVotes = error instanceof NodesQuarantinedError;
    const isCalled = this.#isCalled || (rivals.hasNews && rivals.mayWin);
    // What has changed during the attempt is not news for the pause.
    const isHastened = rivals.hasNews || (this.#sleepsForVotes && this.#hasNewVoter);
    this.#isCalled = isCalled || rivals.hasNews;
    if (!isCalled) await this.#rest(isHastened ? SHORTEST_PAUSE : pause);
    this.#sleepsForVotes = false;
    if (this.#over || clock.now() >= this.#deadline) throw this.#timeout(error);
  }

  async #rest(pause: number): Promise<void> {
    const { clock } = this.#coordinator;
    const remaining = this.#deadline - clock.now();
    if (remaining <= 0 || this.#over) return;
    this.#sleep = new Sleep(clock, Math.min(pause, remaining));
    await this.#sleep.over;
    this.#sleep = undefined;
  }

  /** A node has told something; `isNews`: it may grant the lock now. */
  #heard(node: number, isNews: boolean): void {
    if (!isNews) return;
    const isArbiter = node === this.#arbiters()[0];
    if (this.#attempt) {
      // Whoever was faster has let go again, before the others were asked.
      if (this.#attempt.contest.isOutrun && isArbiter) {
        this.#isCalled = true;
        this.#attempt.attempt.abandon();
      }
    } else if (isArbiter || this.#rivals.mayWin) {
      this.#call();
    } else if (this.#sleep) {
      // The other nodes will tell the same, unless their messages are lost.
      this.#isCalled = true;
      this.#sleep.shorten(SHORTEST_PAUSE);
    }
  }

  #call(): void {
    this.#isCalled = true;
    this.#sleep?.shorten(0);
  }

  #arbiters(): readonly number[] {
    const names = this.#coordinator.nodes.map(({ name }) => name);
    // Whoever wants the same keys has to begin with the same one.
    this.#order ??= arbitersOf([...this.keys].sort()[0] ?? '', names);
    return this.#order;
  }

  #won(won: Won): void {
    if (this.#over) {
      won.lease.undo();
      return;
    }
    this.#queues.hold(this.keys);
    this.#end();
    this.#resolve(won);
  }

  /** Nobody before it has finished in time. */
  #giveUp(): void {
    const why = `cannot lock ${list(this.#plan.resources)}: this process holds it, or waits for it with calls that came before`;
    this.cancel(this.#timeout(new ResourceHeldError(why, [], Number.POSITIVE_INFINITY)));
  }

  #end(): void {
    this.#over = true;
    this.#cancelDeadline();
    this.#listening?.end();
    this.#sleep?.shorten(0);
    if (!this.#isSingle) this.#queues.leave(this);
  }

  #timeout(error: Error): Error {
    if (!(error instanceof RedlockError)) return error;
    const { resources, acquireTimeout } = this.#plan;
    return new AcquireTimeoutError(
      `gave up on ${list(resources)} after ${acquireTimeout} ms: ${error.message}`,
      error,
    );
  }
}

function orThrow(outcome: Won | RedlockError): Won {
  if (outcome instanceof RedlockError) throw outcome;
  return outcome;
}
