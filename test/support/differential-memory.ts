import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { Asker } from './asker.ts';
import type { Contents, Side } from './differential-side.ts';
import { ManualClock } from './manual-clock.ts';

/** The memory node's side: its time passes only when told to. */
export class MemorySide implements Side {
  readonly ask: Asker;
  readonly #clock = new ManualClock();
  readonly #node: MemoryNode;

  constructor() {
    this.#node = createMemoryNodes(1, { clock: this.#clock })[0] as MemoryNode;
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
    return Object.fromEntries(
      await Promise.all(keys.map(async (key) => [key, await this.ask.inspect(key)] as const)),
    );
  }
}
