import type { Redis } from 'ioredis';
import { COUNTER_SUFFIX, counterOf } from '../../src/node/counter.ts';
import type { InspectReply, LockNode } from '../../src/node/lock-node.ts';
import { isOwnerToken } from '../../src/node/owner.ts';
import { createNodes } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { Asker } from './asker.ts';
import { redisClient } from './clients/ioredis.ts';
import { KEYS } from './differential-history.ts';
import type { Contents, Side } from './differential-side.ts';
import { ManualClock } from './manual-clock.ts';
import type { RedisServer } from './redis-server.ts';

/** A real server's side. Everything happens over two connections: the node's, and that of whoever meddles with the server. */
export class RedisSide implements Side {
  readonly ask: Asker;
  /** By a clock that stands still, no answer is ever late, however busy the machine. */
  readonly #clock = new ManualClock();
  readonly #meddler: Redis;

  constructor(server: RedisServer) {
    const settings = resolveSettings({ clock: this.#clock });
    this.ask = new Asker(createNodes([server.url], settings).all[0] as LockNode);
    this.#meddler = redisClient({ port: server.port });
  }

  /** The server's clock cannot be moved, but all expiries can, by the same amount. */
  async pass(ms: number): Promise<void> {
    const keys = await this.#meddler.keys('*');
    await Promise.all(
      keys.map(async (key) => {
        const expiresAt = await this.#meddler.pexpiretime(key);
        if (expiresAt >= 0) await this.#meddler.pexpireat(key, expiresAt - ms);
      }),
    );
  }

  async lose(key: string): Promise<void> {
    await this.#meddler.del(key);
  }

  async persist(key: string): Promise<void> {
    await this.#meddler.persist(key);
  }

  async forget(): Promise<void> {
    await this.#meddler.flushall();
  }

  async forgetScripts(): Promise<void> {
    await this.#meddler.script('FLUSH');
    // A server that loses its scripts again and again is looked at less and less often.
    // Nothing that is timed happens meanwhile: no answer could come in between.
    this.#clock.jump(60_000);
  }

  /** Read past the node, whose script may be what is wrong. */
  async contents(): Promise<Contents> {
    const locks: Record<string, InspectReply> = {};
    const counters: Record<string, string> = {};
    for (const key of KEYS) counters[key] = (await this.#meddler.get(counterOf(key))) ?? '0';
    const all = await this.#meddler.keys('*');
    for (const key of all) if (!key.endsWith(COUNTER_SUFFIX)) locks[key] = await this.#content(key);
    return { locks, counters };
  }

  async close(): Promise<void> {
    await this.ask.node.close(0);
    this.#meddler.disconnect();
  }

  async #content(key: string): Promise<InspectReply> {
    const [ownerToken, left] = await Promise.all([this.#meddler.get(key), this.#meddler.pttl(key)]);
    return {
      kind: 'held',
      ownerToken: ownerToken as string,
      remaining: left < 0 ? Number.POSITIVE_INFINITY : left,
      ...(isOwnerToken(ownerToken as string) ? {} : { foreign: 'value' as const }),
    };
  }
}
