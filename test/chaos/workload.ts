import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/random.ts';
import type { Held, Recorder, Taking } from './recorder.ts';
import type { Seen, Written } from './store.ts';

/** What locks guard, as clients reach it. */
interface RemoteStore {
  read(resource: string, fencingToken: number): Promise<Seen>;
  write(resource: string, fencingToken: number, seen: Seen): Promise<Written>;
}

export interface WorkloadOptions {
  readonly recorder: Recorder;
  readonly store: RemoteStore;
  readonly resources: readonly string[];
  /** How many calls at a time. */
  readonly callers: number;
  /** The longest ttl, in ms. */
  readonly maxTtl: number;
  readonly random: Pick<Random, 'fraction'>;
}

/** ttls, as parts of the longest. */
const TTLS = [0.2, 0.5, 1] as const;
/** For how long calls wait, work, and rest, in ms, from and to. */
const PATIENCE = [500, 4_000] as const;
const WORK = [1, 40] as const;
const REST = [20, 120] as const;
/** How much longer than its ttl a lock is held that extends itself, or is forgotten. */
const LONG = 1.3;

/** Several callers of one Redlock, each of which does one thing after the other, of all kinds, drawn by the seed. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #stopping = new AbortController();

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Resolves when it was told to stop, and all calls have settled. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.callers }, () => this.#call()));
  }

  /** No new calls are made from now on. */
  stop(): void {
    this.#stopping.abort();
  }

  async #call(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#anything();
      await delay(this.#between(REST), undefined, { signal }).catch(() => {});
    }
  }

  #anything(): Promise<void> {
    const chance = this.#options.random.fraction();
    if (chance < 0.3) return this.#use(this.#some(1), this.#between(WORK));
    if (chance < 0.4) return this.#use(this.#some(2), this.#between(WORK));
    if (chance < 0.45) return this.#useForLong();
    if (chance < 0.65) return this.#acquire(this.#some(1));
    if (chance < 0.75) return this.#acquire(this.#some(3));
    if (chance < 0.95) return this.#try();
    return this.#forget();
  }

  async #use(resources: readonly string[], work: number, taking = this.#taking()): Promise<void> {
    await this.#options.recorder.using(resources, this.#between(PATIENCE), taking, (held) =>
      this.#work(held, work),
    );
  }

  /** It extends itself. */
  #useForLong(): Promise<void> {
    const ttl = Math.round(TTLS[0] * this.#options.maxTtl);
    return this.#use(this.#some(1), LONG * ttl, { ttl });
  }

  async #acquire(resources: readonly string[]): Promise<void> {
    const { recorder } = this.#options;
    const held = await recorder.acquire(resources, this.#between(PATIENCE), this.#taking());
    if (!held) return;
    await this.#work(held, this.#between(WORK));
    if (this.#options.random.fraction() < 0.5) await recorder.extend(held);
    await recorder.release(held);
  }

  async #try(): Promise<void> {
    const { recorder } = this.#options;
    const held = await recorder.tryAcquire(this.#some(1), this.#taking());
    if (!held) return;
    await this.#work(held, this.#between(WORK));
    await recorder.release(held);
  }

  /** Works on past the end of its lock, as somebody does who does not look. */
  async #forget(): Promise<void> {
    const { recorder, maxTtl } = this.#options;
    const ttl = Math.round(TTLS[0] * maxTtl);
    const held = await recorder.acquire(this.#some(1), this.#between(PATIENCE), { ttl });
    if (!held) return;
    await this.#work(held, LONG * ttl);
    await recorder.release(held);
  }

  /**
   * Reads, works and writes, for each resource, and never looks whether the lock is still held: that its write comes too
   * late is for the store to notice.
   */
  async #work({ lock }: Held, ms: number): Promise<void> {
    const { store } = this.#options;
    const { fencingToken, resources } = lock;
    const seen = await Promise.all(resources.map((resource) => store.read(resource, fencingToken)));
    await delay(ms);
    await Promise.all(
      resources.map((resource, index) => store.write(resource, fencingToken, seen[index] as Seen)),
    );
  }

  #taking(): Taking {
    const { maxTtl, random } = this.#options;
    const ttl = Math.round((TTLS[Math.floor(random.fraction() * TTLS.length)] ?? 1) * maxTtl);
    return { ttl, autoExtend: random.fraction() < 0.3 };
  }

  /** Different resources. */
  #some(many: number): string[] {
    const { resources, random } = this.#options;
    const first = Math.floor(random.fraction() * resources.length);
    return Array.from(
      { length: Math.min(many, resources.length) },
      (_, index) => resources[(first + index) % resources.length] as string,
    );
  }

  #between([from, to]: readonly [number, number]): number {
    return Math.round(from + this.#options.random.fraction() * (to - from));
  }
}
