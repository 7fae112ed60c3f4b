import { TIMER_LATENESS } from '../../../src/clock.ts';
import { type Lock, type LockOptions, Redlock, RedlockError } from '../../../src/index.ts';
import { ColdStart } from '../../../src/node/redis/cold-start.ts';
import { Encoder } from '../../../src/node/redis/encode.ts';
import { guardFor, quarantineOf } from '../../../src/node/redis/quarantine.ts';
import type { RedisConnection } from '../../../src/node/redis/redis-connection.ts';
import { RedisNode } from '../../../src/node/redis/redis-node.ts';
import { Servers } from '../../../src/node/redis/servers.ts';
import { driftOf } from '../../../src/quorum/validity.ts';
import type { Call, History, Section, Verb } from '../checker/history.ts';
import { tokenOf } from '../token.ts';
import type { Process } from './process.ts';
import type { Contending, Schedule, Step, Taking } from './schedule.ts';

/** What a client needs of the process that it runs in. */
export type ClientProcess = Pick<Process, 'id' | 'clock' | 'time' | 'toTrue' | 'onTurn'>;

export interface ClientPlan {
  readonly process: ClientProcess;
  readonly connections: readonly RedisConnection[];
  readonly schedule: Schedule;
  readonly history: History;
  readonly fraction: () => number;
}

export const RESOURCES: readonly string[] = ['r', 's', 't'];

/** How much later than at its very bound a call may settle: its timers are late, and a round's once more. */
const SLACK = 8;

const FOREVER = Number.POSITIVE_INFINITY;

interface Request {
  readonly verb: Verb;
  readonly resources: readonly string[];
  readonly bound: number;
  /** The lock that it is about, if that is known before. */
  readonly token?: string;
  readonly once?: boolean;
  readonly waits?: boolean;
  readonly mustSucceed?: boolean;
}

interface Held {
  readonly lock: Lock;
  readonly section: Section;
}

/** A process that uses quorlock as its schedule says, and writes down what it asked for, what it got, and when. */
export class Client {
  readonly process: ClientProcess;
  readonly #plan: ClientPlan;
  readonly #redlock: Redlock;
  readonly #nodes: readonly RedisNode[];
  readonly #openedAt: number;
  readonly #held: Held[] = [];
  #active: Held[] = [];
  #tokens = 0;
  /** When tokens were drawn that have not been used so far. Not all are those of attempts. */
  readonly #drawn = new Map<string, number>();
  #extending = 0;

  /** To be made in its process. */
  constructor(plan: ClientPlan) {
    const { process, connections, schedule, fraction } = plan;
    const { driftFactor, ttl, nodeTimeout, connectTimeout, retry } = schedule;
    const guard = guardFor(schedule.nodes, schedule.guard);
    const maxTtl = longestTtl(schedule);
    this.process = process;
    this.#plan = plan;
    this.#openedAt = process.time;
    const { clock } = process;
    const shared = {
      clock,
      connectTimeout,
      guard,
      servers: new Servers(),
      coldStart: new ColdStart(guard === 'auto'),
      quarantine: quarantineOf(maxTtl, driftFactor),
      startPause: nodeTimeout / 2,
      keyPrefix: '',
      encoder: new Encoder(3_600_000),
      sampleKeys: ['sample 1', 'sample 2'],
    };
    this.#nodes = connections.map((connection) => this.#watch(new RedisNode({ ...shared, connection })));
    const random = { token: () => this.#drawToken(), fraction };
    const settings = { driftFactor, ttl, maxTtl, nodeTimeout, connectTimeout, clock, random };
    this.#redlock = new Redlock(this.#nodes, { ...settings, retry: { ...retry, factor: 1.5 } });
    process.onTurn = () => this.#look();
    for (const node of this.#nodes) node.start();
  }

  perform(step: Step): void {
    switch (step.do) {
      case 'acquire':
      case 'tryAcquire':
        this.#take(step.do, step);
        break;
      case 'using':
        this.#use(step);
        break;
      case 'extend':
        this.#extend(this.#pick(step.which), step.ttl);
        break;
      case 'release':
        this.#release(this.#pick(step.which));
        break;
      case 'contend':
        for (let i = 0; i < step.callers; i++) void this.#contend(step);
        break;
      case 'inspect':
        this.#inspect(nameOf(step.resource));
        break;
      case 'revoke':
        this.#revoke(nameOf(step.resource));
        break;
    }
  }

  /** Waits for the lock on one resource, which must come within `bound` ms, and gives it back at once. */
  probe(resource: number, bound: number): void {
    const name = nameOf(resource);
    const options = { acquireTimeout: bound, retry: { retries: FOREVER } };
    const worth = this.#worth({});
    const { latency, nodeTimeout, detours } = this.#plan.schedule;
    // Nodes whose answers come too late are as good as none.
    const roundTrip = 2 * (latency.least + latency.span) + TIMER_LATENESS;
    const mustSucceed = roundTrip < nodeTimeout && detours.length === 0;
    const request = { verb: 'acquire', resources: [name], bound, mustSucceed, waits: true } as const;
    void this.#call(request, () => this.#redlock.acquire(name, options)).then((lock) => {
      if (lock) this.#release(this.#hold(lock, worth, {}));
    });
  }

  /** Closes all that it has opened: with nodes of its own, a Redlock would do both. */
  close(): void {
    for (const { section } of this.#active)
      section.releasedAt = Math.min(section.releasedAt, this.process.time);
    const { nodeTimeout } = this.#plan.schedule;
    const request = { verb: 'close', resources: [], bound: nodeTimeout } as const;
    void this.#call(request, async () => {
      await this.#redlock.close();
      await Promise.all(this.#nodes.map((node) => node.close(nodeTimeout)));
    });
  }

  #take(verb: 'acquire' | 'tryAcquire', step: Taking): void {
    const { acquireTimeout, hold } = step;
    const resources = step.resources.map(nameOf);
    const options = { ...this.#options(step), ...(verb === 'acquire' ? { acquireTimeout } : {}) };
    const once = verb === 'tryAcquire' || acquireTimeout === 0;
    const bound = once ? this.#onceBound(step) : acquireTimeout;
    const worth = this.#worth(step);
    void this.#call({ verb, resources, bound, once, waits: !once }, () =>
      this.#redlock[verb](resources, options),
    ).then((lock) => {
      if (!lock) return;
      const held = this.#hold(lock, worth, step);
      this.process.clock.after(hold, () => this.#release(held));
    });
  }

  async #contend({ for: duration, hold, think, patience }: Contending): Promise<void> {
    const { process } = this;
    const end = process.time + duration;
    const resource = nameOf(0);
    const worth = this.#worth({});
    const request = { verb: 'acquire', resources: [resource], bound: patience, waits: true } as const;
    const options = { acquireTimeout: patience, retry: { retries: FOREVER } };
    const wait = (delay: number): Promise<void> =>
      new Promise((resolve) => {
        process.clock.after(delay, resolve);
      });
    while (process.time < end) {
      const lock = await this.#call(request, () => this.#redlock.acquire(resource, options));
      const held = lock && this.#hold(lock, worth, {});
      await wait(hold * this.#plan.fraction());
      this.#release(held);
      await wait(think * this.#plan.fraction());
    }
  }

  #use(step: Taking): void {
    const { acquireTimeout, hold } = step;
    const resources = step.resources.map(nameOf);
    const options = { ...this.#options(step), acquireTimeout };
    const acquired = acquireTimeout === 0 ? this.#onceBound(step) : acquireTimeout;
    const bound = acquired + hold + this.#plan.schedule.nodeTimeout;
    const worth = this.#worth(step);
    const routine = async (lock: Lock, call: Call): Promise<void> => {
      call.wonAt = this.process.time;
      const { section } = this.#hold(lock, worth, step, true);
      await new Promise<void>((resolve) => {
        this.process.clock.after(hold, resolve);
      });
      section.releasedAt = Math.min(section.releasedAt, this.process.time);
    };
    void this.#call({ verb: 'using', resources, bound, waits: acquireTimeout > 0 }, (call) =>
      this.#redlock.using(resources, options, (lock) => routine(lock, call)),
    );
  }

  #options(step: Taking): LockOptions & { signal?: AbortSignal } {
    const { autoExtend, maxHoldTime, ttl, fencing, lockDelay, abortAfter } = step;
    const options = { autoExtend, maxHoldTime, ttl, fencing, lockDelay };
    if (abortAfter === undefined) return options;
    const controller = new AbortController();
    this.process.clock.after(abortAfter, () => controller.abort(new Error('changed its mind')));
    return { ...options, signal: controller.signal };
  }

  #extend(held: Held | undefined, ttl: number | undefined): void {
    if (!held) return;
    const { ownerToken, resources } = held.lock;
    const bound = this.#plan.schedule.nodeTimeout * (2 + this.#extending);
    this.#extending++;
    const request = { verb: 'extend', resources, bound, token: ownerToken } as const;
    void this.#call(request, () => held.lock.extend(ttl)).then(() => {
      this.#extending--;
    });
  }

  #release(held: Held | undefined): void {
    if (!held) return;
    const { lock, section } = held;
    const { ownerToken, resources } = lock;
    const { time } = this.process;
    const bound = this.#plan.schedule.nodeTimeout;
    void this.#call({ verb: 'release', resources, bound, token: ownerToken }, () => lock.release());
    // It may have been too late.
    if (lock.state === 'released') section.releasedAt = Math.min(section.releasedAt, time);
  }

  #inspect(resource: string): void {
    const request: Request = {
      verb: 'inspect',
      resources: [resource],
      bound: this.#attemptBound({ fencing: false }),
    };
    void this.#call(request, async () => {
      const { state } = await this.#redlock.inspect(resource);
      return state;
    });
  }

  /** It asks the nodes twice at most. */
  #revoke(resource: string): void {
    const bound = this.#attemptBound({ fencing: false }) + this.#plan.schedule.nodeTimeout;
    const request: Request = { verb: 'revoke', resources: [resource], bound };
    void this.#call(request, async () => {
      const { outcome } = await this.#redlock.revoke(resource);
      return outcome;
    });
  }

  /** Writes down a call; resolves with what it resolves with, or with undefined when it rejects. */
  async #call<T>(request: Request, invoke: (call: Call) => Promise<T>): Promise<T | undefined> {
    const { attempts } = this.#plan.history;
    const before = attempts.length;
    const call: Call = {
      client: this.process.id,
      verb: request.verb,
      resources: request.resources,
      invokedAt: this.process.time,
      bound: request.bound + SLACK,
      token: request.token,
      once: request.once === true,
      waits: request.waits === true,
      mustSucceed: request.mustSucceed === true,
      settledAt: FOREVER,
      outcome: '',
      stale: [],
    };
    this.#plan.history.calls.push(call);
    const promise = invoke(call);
    call.token ??= attempts[before]?.token;
    const settle = (outcome: string): void => {
      call.settledAt = this.process.time;
      call.outcome = outcome;
      call.stale = this.#stale();
    };
    try {
      const value = await promise;
      if (value !== null && request.verb === 'acquire') call.wonAt = this.process.time;
      settle(value === null ? 'null' : typeof value === 'string' ? value : 'ok');
      return value;
    } catch (error) {
      settle(error instanceof RedlockError ? error.code : (error as Error).message);
      return undefined;
    }
  }

  #drawToken(): string {
    const token = tokenOf(this.process.id, ++this.#tokens);
    this.#drawn.set(token, this.process.time);
    return token;
  }

  /** Writes down an attempt as it asks the first node. */
  #watch(node: RedisNode): RedisNode {
    const grant = node.grant.bind(node);
    return Object.assign(node, {
      grant: (...asked: Parameters<typeof grant>) => {
        const [{ ownerToken: token }] = asked;
        const at = this.#drawn.get(token);
        this.#drawn.delete(token);
        if (at !== undefined) this.#plan.history.attempts.push({ client: this.process.id, token, at });
        grant(...asked);
      },
    });
  }

  /** How long a lock has to be valid at least as it is handed out, whatever its attempt took. */
  #worth({
    ttl: own,
    maxHoldTime = FOREVER,
    fencing = true,
    lockDelay = 0,
  }: {
    ttl?: number | undefined;
    maxHoldTime?: number | undefined;
    fencing?: boolean;
    lockDelay?: number;
  }): number {
    const { schedule } = this.#plan;
    const ttl = own ?? schedule.ttl;
    const validity = Math.min(ttl - driftOf(ttl, schedule.driftFactor) - lockDelay, maxHoldTime);
    return validity - this.#attemptBound({ fencing }) - SLACK;
  }

  #hold(
    lock: Lock,
    worth: number,
    {
      maxHoldTime,
      fencing,
      autoExtend,
      ttl,
      lockDelay,
    }: Partial<Pick<Taking, 'maxHoldTime' | 'fencing' | 'autoExtend' | 'ttl' | 'lockDelay'>>,
    scoped = false,
  ): Held {
    const { history } = this.#plan;
    const { process } = this;
    const section: Section = {
      client: process.id,
      token: lock.ownerToken,
      resources: lock.resources,
      fencingToken: fencing === false ? undefined : lock.fencingToken,
      from: process.time,
      validity: [{ at: process.time, until: process.toTrue(lock.validUntil) }],
      worth,
      maxHoldTime: maxHoldTime ?? FOREVER,
      extendsTo: autoExtend ? (ttl ?? this.#plan.schedule.ttl) : undefined,
      ...(lockDelay === undefined ? {} : { lockDelay }),
      releasedAt: FOREVER,
      abortedAt: FOREVER,
    };
    history.sections.push(section);
    const held = { lock, section };
    this.#held.push(held);
    this.#active.push(held);
    const told = (): void => {
      section.abortedAt = process.time;
      // `using` found it lost as it was about to release it.
      if (scoped) section.releasedAt = FOREVER;
    };
    const { signal } = lock;
    if (signal.aborted) told();
    else signal.addEventListener('abort', told);
    return held;
  }

  /** After each turn: which validities have grown. */
  #look(): void {
    if (this.#active.length === 0) return;
    for (const { lock, section } of this.#active) {
      const until = this.process.toTrue(lock.validUntil);
      const known = section.validity.at(-1);
      if (known && until > known.until) section.validity.push({ at: this.process.time, until });
    }
    this.#active = this.#active.filter(
      ({ section: { releasedAt, abortedAt } }) => releasedAt === FOREVER && abortedAt === FOREVER,
    );
  }

  /** Locks that are over by the clock, though their signals do not say so. */
  #stale(): string[] {
    if (this.#active.length === 0) return [];
    return this.#active.flatMap(({ section }) => {
      const { releasedAt, abortedAt, validity, token } = section;
      const over = (validity.at(-1)?.until ?? 0) < this.process.time;
      return over && releasedAt === FOREVER && abortedAt === FOREVER ? [token] : [];
    });
  }

  #pick(which: number): Held | undefined {
    return this.#held[which % this.#held.length];
  }

  /** How long a call may take that does not wait for others: if votes were split, it goes on for as long as a node is waited for. */
  #onceBound({ fencing = true }: { fencing?: boolean | undefined }): number {
    return this.#attemptBound({ fencing }) + this.#plan.schedule.nodeTimeout;
  }

  /**
   * How long one attempt may take: a round, another one that confirms its token if it has one, and while the client is
   * new, its first contact with the nodes.
   */
  #attemptBound({ fencing = true }: { fencing?: boolean } = {}): number {
    const { nodeTimeout, connectTimeout } = this.#plan.schedule;
    const rounds = (fencing ? 2 : 1) * nodeTimeout;
    const contact = this.#openedAt + connectTimeout - this.process.time;
    return contact > 0 ? contact + nodeTimeout + rounds : rounds;
  }
}

/** The longest ttl of any lock, in ms. */
export function longestTtl({ ttl, clients }: Schedule): number {
  const own = clients.flat().flatMap((step) => ('ttl' in step && step.ttl !== undefined ? step.ttl : []));
  return Math.max(ttl, ...own);
}

function nameOf(resource: number): string {
  return RESOURCES[resource % RESOURCES.length] as string;
}
