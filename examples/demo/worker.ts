import { setTimeout as delay } from 'node:timers/promises';
import { type Lock, type NodeSpec, Redlock } from 'quorlock';
import { Counter } from './counter.ts';
import type { WorkerEvent } from './referee.ts';

export interface Job {
  readonly worker: number;
  readonly nodes: readonly NodeSpec[];
  readonly resource: string;
  /** ms */
  readonly ttl: number;
  /** The longest ttl that anybody uses on these nodes, in ms, if it is known. */
  readonly maxTtl: number | undefined;
  /** The file of the shared counter. */
  readonly counter: string;
  /** Without, the same work is done unprotected. */
  readonly locked: boolean;
}

/** `linger`: one critical section that outlasts the ttl. `stop`: after the current one. */
export type Order = 'linger' | 'stop';

/** An event, apart from who and when. */
type What = WorkerEvent extends infer Event
  ? Event extends WorkerEvent
    ? Omit<Event, 'worker' | 'at'>
    : never
  : never;

/** Reads the counter, thinks, and writes back one more, again and again; says so to the referee. */
export class Worker {
  readonly #job: Job;
  #report: (event: WorkerEvent) => void = () => {};
  readonly #stopping = new AbortController();
  #linger = false;

  constructor(job: Job) {
    this.#job = job;
  }

  order(order: Order): void {
    if (order === 'stop') this.#stopping.abort();
    else this.#linger = true;
  }

  async run(report: (event: WorkerEvent) => void): Promise<void> {
    this.#report = report;
    const { nodes, resource, ttl, maxTtl, locked } = this.#job;
    const { signal } = this.#stopping;
    const counter = await Counter.open(this.#job.counter);
    const redlock = new Redlock(nodes, { ttl, maxTtl });
    while (!signal.aborted) {
      await delay(20 * Math.random());
      this.#say({ kind: 'asks' });
      try {
        if (locked) await redlock.using(resource, { signal }, (lock) => this.#increment(counter, lock));
        else await this.#increment(counter);
      } catch (error) {
        if (error !== signal.reason) this.#say({ kind: 'fails', why: String(error) });
      }
    }
    await redlock.close();
    await counter.close();
    this.#say({ kind: 'finishes' });
  }

  async #increment(counter: Counter, lock?: Lock): Promise<void> {
    this.#say({ kind: 'enters', ownerToken: lock?.ownerToken });
    let wrote = false;
    try {
      const value = await counter.read();
      await delay(this.#thinkingTime(), undefined, lock && { signal: lock.signal });
      lock?.signal.throwIfAborted();
      await counter.write(value + 1);
      wrote = true;
    } finally {
      this.#say({ kind: 'leaves', wrote });
    }
  }

  #thinkingTime(): number {
    if (!this.#linger) return 2 + 6 * Math.random();
    this.#linger = false;
    return 1.5 * this.#job.ttl;
  }

  #say(what: What): void {
    this.#report({ worker: this.#job.worker, at: now(), ...what });
  }
}

/** ms of a monotonic clock that all processes of this machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
