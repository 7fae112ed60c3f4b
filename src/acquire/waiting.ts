import pRetry from 'p-retry';
import type { Cancel } from '../clock.ts';
import { AcquireTimeoutError, NodesQuarantinedError, RedlockError } from '../errors.ts';
import type { Retry } from '../options.ts';
import { Attempt, type AttemptPlan, type Coordinator, list, type Won } from './attempt.ts';
import { backoff, SHORTEST_PAUSE } from './backoff.ts';

export interface WaitingPlan extends Omit<AttemptPlan, 'deadline'> {
  /** How long to keep trying, in ms; 0 for a single attempt. */
  readonly acquireTimeout: number;
  readonly retry: Retry;
}

/** A call that waits for a lock: attempt after attempt until one wins, time is up, or nobody wants it any more. */
export class Waiting {
  /** Settles at once when the waiting ends, whatever an attempt is still doing. */
  readonly result: Promise<Won>;
  readonly #coordinator: Coordinator;
  readonly #plan: WaitingPlan;
  readonly #deadline: number;
  #attempt: Attempt | undefined;
  #reject!: (reason: unknown) => void;
  #wake: (() => void) | undefined;
  #cancelTimer: Cancel = () => {};
  #sleepsForVotes = false;
  /** Whether a node has begun to vote since the attempt began. */
  #hasNewVoter = false;
  #over = false;

  constructor(coordinator: Coordinator, plan: WaitingPlan) {
    this.#coordinator = coordinator;
    this.#plan = plan;
    this.#deadline =
      plan.acquireTimeout === 0 ? Number.POSITIVE_INFINITY : coordinator.clock.now() + plan.acquireTimeout;
    this.result = new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#run().then((won) => {
        if (this.#over) won.lease.undo();
        this.#over = true;
        resolve(won);
      }, reject);
    });
  }

  /** Ends the waiting with `reason`; a lock that is being won at this moment is released again. */
  cancel(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reject(reason);
    this.#attempt?.abandon();
    this.#wake?.();
  }

  async #run(): Promise<Won> {
    const first = await this.#try();
    if (!(first instanceof RedlockError)) return first;
    if (this.#plan.acquireTimeout === 0) throw first;
    // p-retry gets no signal: it checks it after an attempt that succeeded, and would drop a lock that is held.
    return pRetry(async (n) => (n === 1 ? orThrow(first) : orThrow(await this.#try())), {
      retries: this.#plan.retry.retries,
      minTimeout: 0,
      maxTimeout: 0,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (retriesLeft > 0) await this.#pause(error, attemptNumber);
      },
    });
  }

  async #try(): Promise<Won | RedlockError> {
    // Between the end of a pause and here the caller may have gone.
    if (this.#over) throw new Error('nobody waits any more');
    this.#hasNewVoter = false;
    this.#attempt = new Attempt(this.#coordinator, { ...this.#plan, deadline: this.#deadline });
    const outcome = await this.#attempt.outcome;
    this.#attempt = undefined;
    return outcome;
  }

  /** A node has begun to vote: whoever sleeps until one does tries again, when the others have had their time too. */
  nodeVotes(): void {
    this.#hasNewVoter = true;
    if (!this.#sleepsForVotes) return;
    this.#sleepsForVotes = false;
    const { clock } = this.#coordinator;
    const pause = Math.min(SHORTEST_PAUSE, this.#deadline - clock.now());
    this.#cancelTimer();
    this.#cancelTimer = clock.after(Math.max(0, pause), () => this.#wake?.());
  }

  /** Waits for the backoff, or the end of a quarantine, or the deadline, on the clock that everything else runs on. */
  async #pause(error: Error, attemptNumber: number): Promise<void> {
    const { clock, random } = this.#coordinator;
    const remaining = this.#deadline - clock.now();
    const pause = Math.max(
      backoff(attemptNumber, this.#plan.retry, random.fraction()),
      this.#hasNewVoter ? 0 : untilQuarantineEnds(error),
    );
    if (remaining > 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#sleepsForVotes = error instanceof NodesQuarantinedError;
        this.#cancelTimer = clock.after(Math.min(pause, remaining), resolve);
      });
      this.#cancelTimer();
      this.#sleepsForVotes = false;
      this.#wake = undefined;
    }
    if (this.#over || clock.now() >= this.#deadline) throw this.#timeout(error);
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

/** In how many ms the first of the nodes that may have forgotten locks can vote again; 0 if that is not what is missing. */
function untilQuarantineEnds(error: Error): number {
  if (!(error instanceof NodesQuarantinedError)) return 0;
  const waits = error.votes.flatMap((vote) => (vote.kind === 'quarantined' ? [vote.remaining] : []));
  return waits.length === 0 ? 0 : Math.min(...waits);
}

function orThrow(outcome: Won | RedlockError): Won {
  if (outcome instanceof RedlockError) throw outcome;
  return outcome;
}
