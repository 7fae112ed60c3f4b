import type { Clock } from '../../src/clock.ts';
import { LAST_NUMBER } from '../../src/node/counter.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { Asker } from './asker.ts';
import { KEYS } from './differential-history.ts';
import type { Contents, Side } from './differential-side.ts';
import { ManualClock } from './manual-clock.ts';

/** The memory node's side: its time passes only when told to. */
export class MemorySide implements Side {
  readonly ask: Asker;
  readonly #clock = new ManualClock();
  readonly #node: MemoryNode;

  /** `wallTime`: in ms since 1970; no step of time moves it, as none can move that of a real server. */
  constructor(wallTime: number) {
    const clock: Clock = {
      now: () => this.#clock.now(),
      wallTime: () => wallTime,
      after: (delay, callback) => this.#clock.after(delay, callback),
    };
    this.#node = createMemoryNodes(1, { clock })[0] as MemoryNode;
    this.ask = new Asker(this.#node);
  }

  async pass(ms: number): Promise<void> {
    this.#clock.advance(ms);
  }

  /** The node has no verb for one key, but its owner's release comes to the same. */
  async lose(key: string): Promise<void> {
    const reply = await this.ask.inspect(key);
    if (reply.kind === 'held') await this.ask.release(key, reply.ownerToken as string);
  }

  /** An expiry that is never reached is none. */
  async persist(key: string): Promise<void> {
    const reply = await this.ask.inspect(key);
    if (reply.kind === 'held')
      await this.ask.extend(key, reply.ownerToken as string, Number.POSITIVE_INFINITY);
  }

  async forget(): Promise<void> {
    this.#node.forget();
  }

  /** It has none. */
  async forgetScripts(): Promise<void> {}

  async contents(): Promise<Contents> {
    const keys = this.#node.keys();
    const locks = await Promise.all(keys.map(async (key) => [key, await this.ask.inspect(key)] as const));
    const counters: Record<string, string> = {};
    for (const key of KEYS) counters[key] = String(await this.#counter(key));
    return { locks: Object.fromEntries(locks), counters };
  }

  /** The node has no verb for that, but the next grant tells. */
  async #counter(key: string): Promise<number> {
    await this.lose(key);
    const reply = await this.ask.grantAbove(0, key, 'reader');
    return reply.kind === 'granted' ? Number(reply.counter) - 1 : LAST_NUMBER;
  }
}
