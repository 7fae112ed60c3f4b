import { setTimeout as delay } from 'node:timers/promises';
import type { Lock } from '../lock.ts';
import { Redlock } from '../redlock.ts';
import type { MemoryNode } from '../testing.ts';

/** What the workers share, and what was seen of them. */
export interface Ledger {
  counter: number;
  /** How many have been written. */
  additions: number;
  /** How many were written while somebody else had taken the lock. */
  overlaps: number;
  lost: number;
  /** Which worker took the lock last, and has not given it back. */
  holder: string | undefined;
  /** If set, the next worker that gets the lock calls it, and thinks until it has lost the lock. */
  onSlow: (() => void) | undefined;
}

export interface Job {
  readonly resource: string;
  readonly ttl: number;
  readonly ledger: Ledger;
  readonly tell: (text: string) => void;
}

/** How long a worker thinks between reading and writing, in ms. */
const THINKING = 30;
const LONGEST_THINKING = 5_000;

/** Takes the lock again and again, and adds 1 to the counter each time. */
export class DemoWorker {
  readonly #name: string;
  readonly #redlock: Redlock;
  readonly #job: Job;

  constructor(name: string, nodes: readonly MemoryNode[], job: Job) {
    this.#name = name;
    this.#redlock = new Redlock(nodes, { ttl: job.ttl, label: name });
    this.#job = job;
  }

  /** Resolves when it has stopped, after `end` has aborted. */
  async work(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      try {
        const lock = await this.#redlock.acquire(this.#job.resource, { signal: end, autoExtend: true });
        await this.#add(lock);
        await lock.release();
      } catch (error) {
        if (!end.aborted) this.#job.tell(`${this.#name} could not lock: ${(error as Error).message}`);
      }
    }
    await this.#redlock.close();
  }

  async #add(lock: Lock): Promise<void> {
    const { ledger, tell } = this.#job;
    ledger.holder = this.#name;
    const before = ledger.counter;
    await this.#think(lock);
    // In one turn of the event loop with the write. Only the holder may write.
    if (lock.state === 'held') {
      if (ledger.holder !== this.#name) ledger.overlaps++;
      ledger.counter = before + 1;
      ledger.additions++;
    } else {
      ledger.lost++;
      tell(`${this.#name} has lost the lock, and does not write`);
    }
    if (ledger.holder === this.#name) ledger.holder = undefined;
  }

  async #think({ signal }: Lock): Promise<void> {
    const { ledger, tell } = this.#job;
    const { onSlow } = ledger;
    if (!onSlow) return delay(THINKING);
    ledger.onSlow = undefined;
    tell(`${this.#name} thinks for a long time`);
    onSlow();
    // Ends with the signal, which aborts when the lock is lost.
    await delay(LONGEST_THINKING, undefined, { signal }).catch(() => {});
  }
}
