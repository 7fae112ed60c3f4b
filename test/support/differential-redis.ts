import type { Redis } from 'ioredis';
import { COUNTER_SUFFIX, counterOf } from '../../src/node/counter.ts';
import { isReservation, TURN } from '../../src/node/inbox.ts';
import { LINE_SUFFIX, lineOf } from '../../src/node/line.ts';
import type { InspectReply, LockNode } from '../../src/node/lock-node.ts';
import { isOwnerToken } from '../../src/node/owner.ts';
import { createNodes } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { Asker } from './asker.ts';
import { redisClient } from './clients/ioredis.ts';
import { Audience } from './differential-audience.ts';
import { KEYS } from './differential-history.ts';
import type { Contents, InLine, Side } from './differential-side.ts';
import { ManualClock } from './manual-clock.ts';
import type { RedisServer } from './redis-server.ts';

/** A real server's side. Everything happens over two connections: the node's, and that of whoever meddles with the server. */
export class RedisSide implements Side {
  readonly ask: Asker;
  readonly audience: Audience;
  /** By a clock that stands still, no answer is ever late, however busy the machine. */
  readonly #clock = new ManualClock();
  readonly #meddler: Redis;

  constructor(server: RedisServer) {
    const settings = resolveSettings({ clock: this.#clock });
    this.ask = new Asker(createNodes([server.url], settings).all[0] as LockNode);
    this.audience = new Audience(this.ask);
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
    const lines: Record<string, InLine[]> = {};
    for (const key of KEYS) {
      counters[key] = (await this.#meddler.get(counterOf(key))) ?? '0';
      lines[key] = await this.#line(key);
    }
    for (const key of await this.#meddler.keys('*'))
      if (!key.endsWith(COUNTER_SUFFIX) && !key.endsWith(LINE_SUFFIX)) locks[key] = await this.#content(key);
    return { locks, counters, lines };
  }

  async close(): Promise<void> {
    await this.ask.node.close(0);
    this.#meddler.disconnect();
  }

  async #content(key: string): Promise<InspectReply> {
    const [value, left] = await Promise.all([this.#meddler.get(key), this.#meddler.pttl(key)]);
    const ownerToken = value as string;
    const held = { kind: 'held', remaining: left < 0 ? Number.POSITIVE_INFINITY : left } as const;
    if (isReservation(ownerToken)) return { ...held, ownerToken: ownerToken.slice(TURN.length) };
    return { ...held, ownerToken, ...(isOwnerToken(ownerToken) ? {} : { foreign: 'value' as const }) };
  }

  async #line(key: string): Promise<InLine[]> {
    const line = await this.#meddler.zrange(lineOf(key), 0, '-1');
    return Promise.all(
      line.map(async (inbox) => ({
        waiter: inbox.slice(TURN.length),
        since: Number(await this.#meddler.zscore(lineOf(key), inbox)),
      })),
    );
  }
}
