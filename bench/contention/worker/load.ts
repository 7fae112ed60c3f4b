import { setTimeout } from 'node:timers/promises';
import type { Random } from '../../../src/random.ts';
import { now } from '../../support/monotonic.ts';
import type { LockClient } from '../clients/lock-client.ts';
import type { LoadReply, LoadRequest, Turn } from './verbs.ts';

/** Long enough that no lock of a load ever expires. */
const TTL = 10_000;
/** A call that was made less than so long ago may not have reached the nodes yet, in ms. */
const JUST_CALLED = 1;

/** A timer counts from when the event loop last looked at the clock, and so may fire early. */
async function atLeast(ms: number, since: number): Promise<void> {
  await setTimeout(ms);
  while (now() - since < ms) await setTimeout(1);
}

/** Callers that want the same lock, hold it for a moment, and want it again after a while. */
export class Load {
  readonly #request: LoadRequest;
  readonly #random: Random;
  readonly #clients: readonly LockClient[];
  readonly #turns: Turn[] = [];
  readonly #failures: string[] = [];
  /** When each caller that waits began to wait. */
  readonly #waiting = new Map<number, number>();

  constructor(clients: readonly LockClient[], request: LoadRequest, random: Random) {
    this.#clients = clients;
    this.#request = request;
    this.#random = random;
  }

  async run(): Promise<Omit<LoadReply, 'commands'>> {
    const { until, patience } = this.#request;
    const loops = Promise.all(Array.from({ length: this.#callers }, (_, caller) => this.#loop(caller)));
    await Promise.race([loops, setTimeout(until - now() + patience, undefined, { ref: false })]);
    return { turns: this.turns, failures: this.#failures };
  }

  /** So far. */
  get turns(): Turn[] {
    const waiting = [...this.#waiting].map(([client, calledAt]) => ({
      client,
      calledAt,
      heldAt: Number.MAX_VALUE,
      leftAt: Number.MAX_VALUE,
    }));
    return [...this.#turns, ...waiting];
  }

  /** Resolves at a moment when all callers are waiting. */
  async onlyWaits(): Promise<void> {
    while (this.#waiting.size < this.#callers || Math.max(...this.#waiting.values()) > now() - JUST_CALLED) {
      await setTimeout(1);
    }
  }

  get #callers(): number {
    return this.#clients.length * this.#request.clients;
  }

  async #loop(caller: number): Promise<void> {
    const { think, from, until, turns = Number.POSITIVE_INFINITY } = this.#request;
    const client = this.#clients[caller % this.#clients.length] as LockClient;
    await setTimeout(from - now() + this.#random.fraction() * think);
    for (let turn = 0; turn < turns && now() < until; turn++) {
      try {
        await this.#turn(caller, client);
      } catch (error) {
        this.#waiting.delete(caller);
        this.#failures.push(String(error));
      }
      await setTimeout(think);
    }
  }

  async #turn(caller: number, client: LockClient): Promise<void> {
    const { resource, section } = this.#request;
    const calledAt = now();
    this.#waiting.set(caller, calledAt);
    const release = await client.acquire(resource, TTL);
    const heldAt = now();
    this.#waiting.delete(caller);
    await atLeast(section, heldAt);
    this.#turns.push({ client: caller, calledAt, heldAt, leftAt: now() });
    await release();
  }
}
