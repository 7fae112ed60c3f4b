import { createClient } from '@redis/client';
import { type Lock, type LockOptions, Redlock, RedlockError, type RestartGuard } from '../../src/index.ts';
import { driftOf } from '../../src/quorum/validity.ts';
import type { Random } from '../../src/random.ts';
import type { Pause, Verb } from '../support/checker/history.ts';
import { Heartbeat } from '../support/real-history/heartbeat.ts';
import { RealProcess } from '../support/real-history/real-process.ts';
import { shared } from './clock.ts';
import type { ClientEvent, Ending } from './log.ts';
import { DRIFT_FACTOR } from './times.ts';

export interface RecorderOptions {
  /** Its number, the same for no other process of a run. */
  readonly client: number;
  readonly urls: readonly string[];
  /** ms */
  readonly maxTtl: number;
  readonly nodeTimeout: number;
  readonly connectTimeout: number;
  readonly restartGuard: RestartGuard;
  readonly redisClient: 'ioredis' | 'node-redis';
  readonly random: Random;
  readonly write: (event: ClientEvent) => void;
}

/** What a call asks for. Locks without fencing or with a longest time are not among it. */
export type Taking = Pick<LockOptions, 'autoExtend'> & { readonly ttl: number };

/** A lock, and what was written down of it. */
export interface Held {
  readonly lock: Lock;
  /** As far as it is known; by the clock of this process. */
  until: number;
  readonly isScoped: boolean;
}

interface Request {
  readonly f: Verb;
  readonly resources: readonly string[];
  /** ms */
  readonly bound: number;
  readonly once?: boolean;
  readonly waits?: boolean;
  readonly token?: string;
}

/** A call that is under way. */
interface Ongoing {
  readonly call: number;
  /** What is to be added to its bound, in ms. */
  extra: number;
}

/** How much later than at its very bound a call may settle, in ms: its timers are late, and a round's once more. */
const SLACK = 8;
/** How often it is looked whether validities have grown, in ms. */
const LOOK_EVERY = 5;
/** How calls end that certainly did nothing. */
const FAILURES: ReadonlySet<string> = new Set([
  'null',
  'RESOURCE_HELD',
  'ACQUIRE_TIMEOUT',
  'LOCK_RELEASED',
  'CLOSED',
]);

type What = ClientEvent extends infer Event
  ? Event extends ClientEvent
    ? Omit<Event, 'client' | 'at'>
    : never
  : never;

/** A Redlock that writes down what it is asked for, what it says, and when; as the simulator's clients do. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #process: RealProcess;
  readonly #redlock: Redlock;
  readonly #heartbeat: Heartbeat;
  readonly #watch: NodeJS.Timeout;
  readonly #pauses: Pause[] = [];
  readonly #openedAt: number;
  #active: Held[] = [];
  #lookedAt: number;
  #calls = 0;
  #extending = 0;

  constructor(options: RecorderOptions) {
    const { urls, maxTtl, nodeTimeout, connectTimeout, restartGuard, redisClient } = options;
    this.#options = options;
    this.#process = new RealProcess(0, this.#pauses);
    this.#openedAt = this.#lookedAt = this.#process.time;
    const { clock } = this.#process;
    const random = { token: () => this.#drawToken(), fraction: () => options.random.fraction() };
    const settings = { ttl: maxTtl, maxTtl, nodeTimeout, connectTimeout, restartGuard, clock, random };
    // A client of node-redis only says where its server is: it never connects itself.
    const nodes = redisClient === 'ioredis' ? urls : urls.map((url) => createClient({ url }));
    this.#redlock = new Redlock(nodes, settings);
    this.#heartbeat = new Heartbeat(1, this.#pauses);
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
  }

  async acquire(
    resources: readonly string[],
    acquireTimeout: number,
    taking: Taking,
  ): Promise<Held | undefined> {
    const request = { f: 'acquire', resources, bound: acquireTimeout, waits: true } as const;
    return this.#call(request, async ({ call }) => {
      const lock = await this.#redlock.acquire(resources, { ...taking, acquireTimeout });
      return this.#hold(call, lock, taking);
    });
  }

  async tryAcquire(resources: readonly string[], taking: Taking): Promise<Held | undefined> {
    const request = { f: 'tryAcquire', resources, bound: this.#attemptBound(), once: true } as const;
    const held = await this.#call(request, async ({ call }) => {
      const lock = await this.#redlock.tryAcquire(resources, taking);
      return lock && this.#hold(call, lock, taking);
    });
    return held ?? undefined;
  }

  async using(
    resources: readonly string[],
    acquireTimeout: number,
    taking: Taking,
    routine: (held: Held) => Promise<void>,
  ): Promise<void> {
    const bound = acquireTimeout + this.#options.nodeTimeout;
    await this.#call({ f: 'using', resources, bound, waits: true }, (ongoing) =>
      this.#redlock.using(resources, { ...taking, acquireTimeout }, async (lock) => {
        const wonAt = this.#process.time;
        // Whatever it takes, is not the library's to answer for.
        ongoing.extra = Number.POSITIVE_INFINITY;
        const held = this.#hold(ongoing.call, lock, taking, true);
        await routine(held);
        this.#giveBack(held, this.#process.time);
        ongoing.extra = this.#process.time - wonAt;
      }),
    );
  }

  async extend({ lock }: Held): Promise<void> {
    const { ownerToken: token, resources } = lock;
    const bound = this.#options.nodeTimeout * (2 + this.#extending);
    this.#extending++;
    await this.#call({ f: 'extend', resources, bound, token }, () => lock.extend());
    this.#extending--;
  }

  async release(held: Held): Promise<void> {
    const { lock } = held;
    const { ownerToken: token, resources } = lock;
    const { time } = this.#process;
    const request = { f: 'release', resources, bound: this.#options.nodeTimeout, token } as const;
    const released = this.#call(request, () => lock.release());
    // It may have been too late.
    if (lock.state === 'released') this.#giveBack(held, time);
    await released;
  }

  /** Nothing is to be written down any more. */
  async close(): Promise<void> {
    const request = { f: 'close', resources: [], bound: this.#options.nodeTimeout } as const;
    await this.#call(request, () => this.#redlock.close());
    clearInterval(this.#watch);
    this.#heartbeat.stop();
    this.#tellPauses();
  }

  async #call<T>(request: Request, invoke: (ongoing: Ongoing) => Promise<T>): Promise<T | undefined> {
    const call = this.#calls++;
    const { f, resources, bound, once = false, waits = false, token } = request;
    const about = token === undefined ? {} : { token };
    this.#say({ type: 'invoke', f, call, resources, bound: bound + SLACK, once, waits, ...about });
    const ongoing: Ongoing = { call, extra: 0 };
    const settle = (type: Ending, outcome: string): void => {
      const { time } = this.#process;
      this.#look();
      this.#say({ type, f, outcome, ...ongoing, stale: this.#stale(time) }, time);
    };
    try {
      const value = await invoke(ongoing);
      const outcome = value === null ? 'null' : outcomeOf(value);
      settle(endingOf(outcome), outcome);
      return value;
    } catch (error) {
      const outcome = error instanceof RedlockError ? error.code : (error as Error).message;
      settle(endingOf(outcome), outcome);
      return undefined;
    }
  }

  #hold(call: number, lock: Lock, { ttl }: Taking, isScoped = false): Held {
    const { time } = this.#process;
    this.#say({ type: 'info', f: 'won', call }, time);
    const held = { lock, until: lock.validUntil, isScoped };
    const { ownerToken: token, resources, fencingToken } = lock;
    const worth = ttl - driftOf(ttl, DRIFT_FACTOR) - this.#attemptBound() - SLACK;
    const until = shared(held.until);
    this.#say({ type: 'info', f: 'hold', token, resources, fencingToken, until, worth, isScoped }, time);
    this.#active.push(held);
    const lost = (): void => {
      this.#look();
      const why = String((lock.signal.reason as { reason?: unknown }).reason);
      this.#say({ type: 'info', f: 'lost', token, why });
      this.#forget(held);
    };
    if (lock.signal.aborted) lost();
    else lock.signal.addEventListener('abort', lost);
    return held;
  }

  #giveBack(held: Held, time: number): void {
    this.#look();
    if (!this.#active.includes(held)) return;
    this.#say({ type: 'info', f: 'give back', token: held.lock.ownerToken }, time);
    this.#forget(held);
  }

  #forget(held: Held): void {
    this.#active = this.#active.filter((each) => each !== held);
  }

  /** Which validities have grown since it last looked. */
  #look(): void {
    const at = this.#lookedAt;
    this.#lookedAt = performance.now();
    for (const held of this.#active) {
      const { ownerToken: token, validUntil } = held.lock;
      if (validUntil <= held.until) continue;
      held.until = validUntil;
      this.#say({ type: 'info', f: 'validity', token, until: shared(validUntil) }, at);
    }
    this.#tellPauses();
  }

  #tellPauses(): void {
    for (const { from, to, amid } of this.#pauses.splice(0))
      this.#say({ type: 'info', f: 'pause', to: shared(to), amid }, from);
  }

  /** Locks that are over by the clock, though their signals do not say so. */
  #stale(time: number): string[] {
    return this.#active.filter(({ until }) => until < time).map(({ lock }) => lock.ownerToken);
  }

  #drawToken(): string {
    const token = this.#options.random.token();
    this.#say({ type: 'info', f: 'attempt', token });
    return token;
  }

  /** How long one attempt may take, in ms: a round, another that confirms its token, and at first, the first contact. */
  #attemptBound(): number {
    const { nodeTimeout, connectTimeout } = this.#options;
    const contact = this.#openedAt + connectTimeout - performance.now();
    return 2 * nodeTimeout + (contact > 0 ? contact + nodeTimeout : 0);
  }

  #say(what: What, time: number = performance.now()): void {
    this.#options.write({ client: this.#options.client, at: shared(time), ...what });
  }
}

/** `ok`, or what a release says of itself. */
function outcomeOf(value: unknown): string {
  const outcome = typeof value === 'object' && value !== null ? Reflect.get(value, 'outcome') : undefined;
  return typeof outcome === 'string' ? outcome : 'ok';
}

function endingOf(outcome: string): Ending {
  if (outcome === 'ok' || outcome === 'released') return 'ok';
  return FAILURES.has(outcome) ? 'fail' : 'info';
}
