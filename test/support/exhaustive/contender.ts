import type { Clock } from '../../../src/clock.ts';
import { type Lock, Redlock, RedlockError } from '../../../src/index.ts';
import { ColdStart } from '../../../src/node/redis/cold-start.ts';
import { Encoder } from '../../../src/node/redis/encode.ts';
import { RedisNode } from '../../../src/node/redis/redis-node.ts';
import { Servers } from '../../../src/node/redis/servers.ts';
import type { Call, History, Section, Verb } from '../checker/history.ts';
import { Process } from '../simulation/process.ts';
import type { Server } from '../simulation/server.ts';
import { type Planned, Timeline } from '../simulation/timeline.ts';
import { tokenOf } from '../token.ts';
import { Wire } from './wire.ts';

export interface ContenderPlan {
  readonly id: number;
  readonly servers: readonly Server[];
  readonly history: History;
  readonly cycles: number;
  /** How many times it extends each lock. */
  readonly extensions: number;
  /** The number of the event that happens now, which is the time. */
  readonly now: () => number;
}

const FOREVER = Number.POSITIVE_INFINITY;
const RESOURCE = 'r';
/** So short that whoever has split the votes does not try again: that would be orders beyond number. */
const NODE_TIMEOUT = 1;
/** So long that nothing expires by itself. */
const TTL = 30_000;
/** No timer that is due later is waited for: neither a watchdog's nor that of a lock's end. */
const HORIZON = 900;

/**
 * A client that takes the lock if it can, and gives it back. Its clock stands still until one of its timers runs, and
 * is nobody else's: any time may pass elsewhere meanwhile.
 */
export class Contender {
  readonly wires: readonly Wire[];
  readonly #plan: ContenderPlan;
  readonly #timeline = new Timeline();
  readonly #process: Process;
  readonly #redlock: Redlock;
  #cycles = 0;
  #tokens = 0;
  #extensions = 0;
  #pending: Verb | undefined;
  #lock: Lock | undefined;
  #section: Section | undefined;

  constructor(plan: ContenderPlan) {
    const { id, servers, history, now } = plan;
    this.#plan = plan;
    const timeline = this.#timeline;
    this.#process = new Process({ id, timeline, rate: 1, origin: 0, fraction: () => 0, pauses: [] });
    const { clock } = this.#process;
    this.wires = servers.map((server) => new Wire({ process: this.#process, server, history, now }));
    const shared = {
      // What a node does in the background belongs to no call, and comes later than anything here.
      clock: {
        ...clock,
        after: (...timer: Parameters<Clock['after']>) => (timer[2] ? () => {} : clock.after(...timer)),
      },
      servers: new Servers(),
      coldStart: new ColdStart(false),
      guard: 'off',
      quarantine: 0,
      startPause: 0,
      keyPrefix: '',
      encoder: new Encoder(HORIZON),
      // Brief and general commands come to the same, and a question more would make orders beyond number.
      sampleKeys: [],
      connectTimeout: HORIZON,
    } as const;
    const nodes = this.wires.map((connection) => new RedisNode({ ...shared, connection }));
    for (const node of nodes) node.start();
    this.#redlock = new Redlock(nodes, {
      clock,
      ttl: TTL,
      nodeTimeout: NODE_TIMEOUT,
      // Tokens would add a second round to many an attempt, and so orders beyond number.
      fencing: false,
      random: { token: () => tokenOf(id, ++this.#tokens), fraction: () => 0.999 },
    });
    for (const wire of this.wires) wire.connect();
  }

  /** The call that it waits for. */
  get pending(): Verb | undefined {
    return this.#pending;
  }

  /** Whether it has the lock, as far as it knows. */
  get holds(): boolean {
    return this.#lock !== undefined;
  }

  /** Whether there is something for it to do of its own accord. */
  get isReady(): boolean {
    return this.#pending === undefined && (this.#lock !== undefined || this.#cycles < this.#plan.cycles);
  }

  /** Whether it is still about to take the lock for the first time. */
  get isTaking(): boolean {
    return this.#cycles === 0 || (this.#cycles === 1 && this.#pending === 'tryAcquire');
  }

  get hasTimer(): boolean {
    return this.#timeline.pending.some(({ timer, time }) => timer && time < HORIZON);
  }

  /** Something happens to it; to be followed by `goOn` in each turn of the event loop until there is no more to do. */
  run(input: () => void): void {
    this.#enter({ time: 0, order: 0, run: input, process: this.#process, timer: false });
  }

  runTimer(): void {
    this.#enter(this.#timeline.next());
  }

  /** Does what it put off to the next turn; false if it put nothing off. */
  goOn(): boolean {
    this.#process.leave();
    if (!this.#timeline.pending.some(({ timer }) => !timer)) return false;
    this.#enter(this.#timeline.next());
    return true;
  }

  /** What it does of its own accord. */
  act(): void {
    if (this.#lock && this.#extensions < this.#plan.extensions) this.#extend(this.#lock);
    else if (this.#lock) this.#release(this.#lock);
    else this.#tryAcquire();
  }

  #enter(event: Planned | undefined): void {
    if (!event || !this.#process.enter(event)) throw new Error('it cannot run now');
  }

  #tryAcquire(): void {
    this.#cycles++;
    // It may draw more of them, if votes are split.
    const token = tokenOf(this.#plan.id, this.#tokens + 1);
    void this.#call('tryAcquire', token, () => this.#redlock.tryAcquire(RESOURCE)).then((lock) => {
      if (lock) this.#hold(lock);
    });
  }

  #extend(lock: Lock): void {
    const validity = this.#section?.validity;
    const until = TTL + ++this.#extensions;
    void this.#call('extend', lock.ownerToken, async () => {
      await lock.extend();
      validity?.push({ at: this.#plan.now(), until });
    });
  }

  #release(lock: Lock): void {
    const { now } = this.#plan;
    this.#lock = undefined;
    void this.#call('release', lock.ownerToken, async () => (await lock.release()).outcome);
    if (this.#section && lock.state === 'released') this.#section.releasedAt = now();
  }

  #hold(lock: Lock): void {
    const { id, history, now } = this.#plan;
    const section: Section = {
      client: id,
      token: lock.ownerToken,
      resources: lock.resources,
      from: now(),
      validity: [{ at: now(), until: TTL }],
      worth: 0,
      maxHoldTime: FOREVER,
      releasedAt: FOREVER,
      abortedAt: FOREVER,
    };
    history.sections.push(section);
    this.#extensions = 0;
    lock.signal.addEventListener('abort', () => {
      section.abortedAt = now();
    });
    this.#lock = lock;
    this.#section = section;
  }

  /** Writes down a call; resolves with what it resolves with, or with undefined when it rejects. */
  async #call<T>(verb: Verb, token: string, invoke: () => Promise<T>): Promise<T | undefined> {
    const { id, history, now } = this.#plan;
    const call: Call = {
      client: id,
      verb,
      resources: [RESOURCE],
      invokedAt: now(),
      // Of events, not of time: it only has to settle at all.
      bound: TTL,
      token,
      once: verb === 'tryAcquire',
      waits: false,
      mustSucceed: false,
      settledAt: FOREVER,
      outcome: '',
      stale: [],
    };
    history.calls.push(call);
    this.#pending = verb;
    try {
      const value = await invoke();
      call.outcome = value === null ? 'null' : typeof value === 'string' ? value : 'ok';
      return value;
    } catch (error) {
      call.outcome = error instanceof RedlockError ? error.code : (error as Error).message;
      return undefined;
    } finally {
      call.settledAt = now();
      this.#pending = undefined;
    }
  }
}
