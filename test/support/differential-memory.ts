import type { Clock } from '../../src/clock.ts';
import { LAST_NUMBER } from '../../src/node/counter.ts';
import { inboxOf } from '../../src/node/inbox.ts';
import type { InspectReply } from '../../src/node/lock-node.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { Asker } from './asker.ts';
import { Audience } from './differential-audience.ts';
import { KEYS, WAITERS } from './differential-history.ts';
import type { Contents, InLine, Side } from './differential-side.ts';
import { ManualClock } from './manual-clock.ts';

/** The memory node's side: its time passes only when told to. */
export class MemorySide implements Side {
  readonly ask: Asker;
  readonly audience: Audience;
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
    this.audience = new Audience(this.ask);
  }

  async pass(ms: number): Promise<void> {
    this.#clock.advance(ms);
  }

  /** The node has no verb for one key, but its owner's release comes to the same. */
  async lose(key: string): Promise<void> {
    for (const value of await this.#possibleValues(key))
      await this.ask.release(key, value, { afterwards: 'hand over' });
  }

  /** An expiry that is never reached is none. */
  async persist(key: string): Promise<void> {
    for (const value of await this.#possibleValues(key))
      await this.ask.extend(key, value, Number.POSITIVE_INFINITY);
  }

  async #possibleValues(key: string): Promise<string[]> {
    const reply = await this.ask.inspect(key);
    return reply.kind === 'held' ? [reply.ownerToken as string] : WAITERS.map((waiter) => inboxOf(waiter));
  }

  async forget(): Promise<void> {
    this.#node.forget();
  }

  /** It has none. */
  async forgetScripts(): Promise<void> {}

  async contents(): Promise<Contents> {
    const locks: Record<string, InspectReply> = {};
    const lines: Record<string, InLine[]> = {};
    const counters: Record<string, string> = {};
    for (const key of this.#node.keys()) locks[key] = withoutCounter(await this.ask.inspect(key));
    for (const key of KEYS) {
      Object.assign(locks, await this.#reservation(key));
      lines[key] = await this.#line(key);
      counters[key] = String(await this.#counter(key));
    }
    return { locks, counters, lines };
  }

  /** The node has no verb for that, but denies a grant then, and not to the one that the key is reserved for. */
  async #reservation(key: string): Promise<Record<string, InspectReply>> {
    const denial = await this.ask.grant(key, 'reader', Number.POSITIVE_INFINITY);
    if (denial.kind !== 'denied' || !denial.isReserved) return {};
    for (const waiter of WAITERS) {
      const { kind } = await this.ask.extend(key, inboxOf(waiter), Number.POSITIVE_INFINITY);
      if (kind === 'extended')
        return { [key]: { kind: 'held', ownerToken: waiter, remaining: denial.remaining } };
    }
    throw new Error(`${key} is reserved for nobody`);
  }

  /** Nor for that, but tells everybody its place; somebody whom it did not have yet comes last. The key must not be free. */
  async #line(key: string): Promise<InLine[]> {
    await this.lose(key);
    await this.ask.grant(key, 'reader', Number.POSITIVE_INFINITY);
    const line: InLine[] = [];
    for (const waiter of WAITERS) {
      const denial = await this.ask.stand(key, 'reader', waiter, { since: LAST_NUMBER });
      const { position = 0, since = LAST_NUMBER } = (denial.kind === 'denied' && denial.place) || {};
      if (since < LAST_NUMBER) line[position] = { waiter, since };
      else
        await this.ask.release(key, 'nobody', {
          afterwards: 'hand over',
          waiter: { name: waiter, key, since },
        });
    }
    return line;
  }

  /** The node has no verb for that, but the next grant tells. */
  async #counter(key: string): Promise<number> {
    await this.lose(key);
    const reply = await this.ask.grantAbove(0, key, 'reader');
    return reply.kind === 'granted' ? Number(reply.counter) - 1 : LAST_NUMBER;
  }
}

/** Counters are compared by themselves. */
function withoutCounter(reply: InspectReply): InspectReply {
  if (reply.kind !== 'held') return reply;
  const { counter: _, ...held } = reply;
  return held;
}
