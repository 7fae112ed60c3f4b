import pRetry from 'p-retry';
import { AcquireTimeoutError, NodeMisconfiguredError, RedlockError, ResourceHeldError } from '../errors.ts';
import { ownerOf } from '../node/owner.ts';
import type { Retry } from '../options.ts';
import { quorumOf } from '../quorum/ballot.ts';
import { arbitersOf } from './arbiter.ts';
import { Attempt, type AttemptPlan, type Coordinator, list, type Won } from './attempt.ts';
import { SHORTEST_PAUSE } from './backoff.ts';
import { Contest } from './contest.ts';
import type { Contested } from './contested.ts';
import { Listening } from './listening.ts';
import { isOverdue, pauseAfter } from './pause.ts';
import type { Lead } from './queues.ts';
import { Rivals } from './rivals.ts';
import { Sleep } from './sleep.ts';

/** How long other processes have to take a lock that this one has handed on to itself many times, in ms. */
export const HEAD_START = 3;
/** An arbiter is waited for a part of `nodeTimeout`, or for some round trips if that is more, but not for too long. */
const HEDGE = { timeouts: 1 / 10, roundTrips: 3, mostTimeouts: 1 / 2 } as const;

export interface ContenderPlan extends AttemptPlan {
  /** How long to keep trying, in ms; 0 for a single attempt. */
  readonly acquireTimeout: number;
  readonly retry: Retry;
}

/** Somebody who wants a lock that others may want too: attempt after attempt until one wins, or time is up. */
export class Contender {
  readonly #coordinator: Coordinator;
  readonly #contested: Contested;
  readonly #plan: ContenderPlan;
  readonly #retries: number;
  readonly #rivals: Rivals;
  /** All nodes, the arbiter first. */
  #order: readonly number[] | undefined;
  #attempt: Attempt | undefined;
  /** A lock that was won and has not reached the caller yet. */
  #won: Won | undefined;
  #contest: Contest | undefined;
  /** Whose name the last attempt was made in. */
  #ownerToken = '';
  /** The error of the last attempt that nobody outran. One without time for answers counts only if there is no other. */
  #lastError: RedlockError | undefined;
  /** When the last attempt began, in ms of the clock. */
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #listening: Listening | undefined;
  #sleep: Sleep | undefined;
  #sleepsForVotes = false;
  /** Whether a node has begun to vote since the attempt began. */
  #hasNewVoter = false;
  /** Whether something happened that makes another attempt worth while, though no pause has passed. */
  #isCalled = false;
  #splits = 0;
  #overdue = 0;
  /** How long nodes take to answer, in ms. */
  #roundTrip = 0;
  /** How long the pause is if nobody tells of releases, in ms. */
  #untold = Number.POSITIVE_INFINITY;
  #over = false;

  /** `retries`: how many attempts follow the first at most. */
  constructor(coordinator: Coordinator, contested: Contested, plan: ContenderPlan, retries: number) {
    this.#coordinator = coordinator;
    this.#contested = contested;
    this.#plan = plan;
    this.#retries = retries;
    this.#rivals = new Rivals(coordinator.nodes.length);
  }

  /** Once. */
  async run(how: Lead): Promise<Won> {
    const { keys } = this.#plan;
    const retries = this.#retries;
    const isArbitrated =
      how === 'standing back' || (how === 'afresh' && retries > 0 && this.#contested.has(keys));
    if (isArbitrated) this.#listening = this.#listen();
    if (how === 'standing back') await this.#rest(HEAD_START);
    const first = await this.#try(isArbitrated, how === 'handed on');
    if (!(first instanceof RedlockError)) return first;
    if (retries === 0) throw first;
    // p-retry gets no signal: it checks it after an attempt that succeeded, and would drop a lock that is held.
    return pRetry(async (n) => orThrow(n === 1 ? first : await this.#try(this.#listening !== undefined)), {
      retries,
      minTimeout: 0,
      maxTimeout: 0,
      onFailedAttempt: async ({ error, retriesConsumed, retriesLeft }) => {
        if (retriesLeft > 0) await this.#pause(error, retriesConsumed + 1);
      },
      shouldConsumeRetry: () => !this.#isCalled,
    });
  }

  /** What was in the way may be gone: tries again at once, or after the attempt that is under way. */
  call(): void {
    this.#isCalled = true;
    this.#sleep?.shorten(0);
  }

  /** A node has begun to vote: whoever sleeps until one does tries again, when the others have had their time too. */
  nodeVotes(): void {
    this.#hasNewVoter = true;
    if (this.#sleepsForVotes) this.#sleep?.shorten(SHORTEST_PAUSE);
  }

  /** `kept`: the caller has the lock. `unwanted`: an attempt under way is undone, and so is a lock that was just won. */
  end(lock: 'kept' | 'unwanted'): void {
    this.#over = true;
    this.#attempt?.abandon();
    if (lock === 'unwanted') this.#won?.lease.undo();
    this.#listening?.end();
    this.#sleep?.shorten(0);
  }

  /** `isHeir`: the last holder has told nobody, because this attempt follows at once. */
  async #try(isArbitrated: boolean, isHeir = false): Promise<Won | RedlockError> {
    for (;;) {
      const outcome = await this.#tryOnce(isArbitrated, isHeir);
      if (outcome !== 'abandoned') return outcome;
    }
  }

  async #tryOnce(isArbitrated: boolean, isHeir: boolean): Promise<Won | RedlockError | 'abandoned'> {
    // Between the end of a pause and here the caller may have gone.
    if (this.#over) throw new Error('nobody waits any more');
    const { clock, nodes, random } = this.#coordinator;
    this.#hasNewVoter = false;
    this.#isCalled = false;
    this.#attemptedAt = clock.now();
    this.#contest = new Contest({
      clock,
      rivals: this.#rivals,
      order: isArbitrated ? this.#arbiters() : inOrder(nodes.length),
      isArbitrated,
      // Those who have been waiting for the same silent arbiter must not go on all at once.
      hedge: (this.#longestHedge * (1 + random.fraction())) / 2,
      overtaken: () => this.#attempt?.abandon(),
    });
    this.#attempt = new Attempt(this.#coordinator, this.#plan, this.#contest, isHeir);
    this.#ownerToken = this.#attempt.ownerToken;
    const outcome = await this.#attempt.outcome;
    this.#attempt = undefined;
    if (outcome === 'abandoned') return outcome;
    if (!(outcome instanceof RedlockError)) {
      this.#won = outcome;
      return outcome;
    }
    this.#roundTrip = this.#contest.roundTrip ?? this.#roundTrip;
    if (this.#contest.outrunAt === undefined && !(this.#lastError && this.#isCutShort(outcome)))
      this.#lastError = outcome;
    return outcome;
  }

  /** Whether the deadline ended an attempt before nodes had as much time to answer as an arbiter gets. */
  #isCutShort({ votes }: RedlockError): boolean {
    const { deadline } = this.#plan;
    return (
      this.#coordinator.clock.now() >= deadline &&
      deadline - this.#attemptedAt < this.#longestHedge &&
      votes.some(({ kind }) => kind === 'late')
    );
  }

  get #longestHedge(): number {
    const { nodeTimeout } = this.#plan;
    const usual = Math.max(nodeTimeout * HEDGE.timeouts, this.#roundTrip * HEDGE.roundTrips);
    return Math.min(usual, nodeTimeout * HEDGE.mostTimeouts);
  }

  /** Waits until there is reason to try again, or for the deadline, on the clock that everything else runs on. */
  async #pause(error: Error, failures: number): Promise<void> {
    if (isHopeless(error)) throw error;
    const { clock, random } = this.#coordinator;
    const { retry, deadline } = this.#plan;
    const rivals = this.#rivals;
    if (rivals.isContested && !this.#over) {
      this.#contested.note(this.#plan.keys);
      this.#listening ??= this.#listen();
    }
    this.#splits = rivals.isContested && !rivals.isHeld ? this.#splits + 1 : 0;
    this.#overdue = isOverdue(rivals, clock.now()) ? this.#overdue + 1 : 0;
    const situation = {
      error,
      failures,
      splits: this.#splits,
      overdue: this.#overdue,
      roundTrip: this.#roundTrip,
      retry,
      rivals,
      now: clock.now(),
      fraction: random.fraction(),
    };
    this.#untold = pauseAfter({ ...situation, isTold: false });
    const pause = this.#listening?.isTold ? pauseAfter({ ...situation, isTold: true }) : this.#untold;
    this.#sleepsForVotes = !(error instanceof ResourceHeldError);
    const isCalled = this.#isCalled || (rivals.hasNews && this.#mayWin);
    const isHastened = rivals.hasNews || (this.#sleepsForVotes && this.#hasNewVoter);
    this.#isCalled = isCalled || rivals.hasNews;
    if (!isCalled) await this.#rest(isHastened ? SHORTEST_PAUSE : pause);
    this.#sleepsForVotes = false;
    if (this.#over || clock.now() >= deadline) throw this.#timeout(error);
  }

  /** Those that were not asked in the last attempt are no reason why it is over. */
  #timeout(error: Error): Error {
    return timeout(this.#plan, error instanceof RedlockError ? (this.#lastError ?? error) : error);
  }

  async #rest(pause: number): Promise<void> {
    const { clock } = this.#coordinator;
    const remaining = this.#plan.deadline - clock.now();
    if (remaining <= 0 || this.#over) return;
    this.#sleep = new Sleep(clock, Math.min(pause, remaining));
    await this.#sleep.over;
    this.#sleep = undefined;
  }

  #listen(): Listening {
    const { nodes } = this.#coordinator;
    const rivals = this.#rivals;
    return new Listening({
      nodes,
      keys: this.#plan.keys,
      released: (node, owner) => {
        if (rivals.released(node, owner) || this.#isMissed(owner)) this.#mayGrant(node);
      },
      heardAgain: (node, missedUntil) => {
        if (missedUntil >= this.#attemptedAt && rivals.heardAgain(node)) this.#mayGrant(node);
      },
      deafened: () => this.#sleep?.shorten(this.#untold),
    });
  }

  /** What kept a node from granting is gone, or may be. */
  #mayGrant(node: number): void {
    if (this.#attempt) {
      // Whoever was faster at the arbiter has let go again; the others need not be asked about it. And those who had split
      // the votes would wait for the same silent nodes, in turns.
      if (this.#contest?.outrunAt === node || this.#contest?.isOvertaken) this.#attempt.abandon();
    } else if (this.#mayWin) {
      this.call();
    } else if (this.#sleep) {
      // The other nodes are about to tell the same, unless their messages are lost.
      this.#isCalled = true;
      this.#sleep.shorten(SHORTEST_PAUSE);
    }
  }

  /** Whether somebody came and went since an attempt that met nobody, and failed all the same. */
  #isMissed(owner: string): boolean {
    return this.#sleepsForVotes && this.#rivals.mayWin && owner !== ownerOf(this.#ownerToken);
  }

  /** Whether a quorum may grant, or the arbiter: what one node has told, the others are about to. */
  get #mayWin(): boolean {
    const arbiter = this.#arbiters().find((node) => !this.#rivals.isSilent(node));
    return this.#rivals.mayWin || (arbiter !== undefined && this.#rivals.isOpen(arbiter));
  }

  #arbiters(): readonly number[] {
    const names = this.#coordinator.nodes.map(({ name }) => name);
    // Whoever wants the same keys, in whatever order, has to begin with the same one.
    this.#order ??= arbitersOf([...this.#plan.keys].sort()[0] ?? '', names);
    return this.#order;
  }
}

/** Whether there is no quorum without the nodes that are permanently unfit. */
function isHopeless(error: Error): boolean {
  if (!(error instanceof NodeMisconfiguredError)) return false;
  const { votes } = error;
  const lost = votes.filter((vote) => vote.kind === 'unusable' && vote.isPermanent === true).length;
  return lost > votes.length - quorumOf(votes.length);
}

const ORDERS: number[][] = [];

/** The numbers of so many nodes; one array, however often it is asked for. */
function inOrder(count: number): readonly number[] {
  return (ORDERS[count] ??= Array.from({ length: count }, (_, index) => index));
}

function orThrow(outcome: Won | RedlockError): Won {
  if (outcome instanceof RedlockError) throw outcome;
  return outcome;
}

/** The error of a call whose time is up. */
export function timeout(
  { resources, acquireTimeout }: Pick<ContenderPlan, 'resources' | 'acquireTimeout'>,
  error: Error,
): Error {
  if (!(error instanceof RedlockError)) return error;
  return new AcquireTimeoutError(
    `gave up on ${list(resources)} after ${acquireTimeout} ms: ${error.message}`,
    error,
  );
}
