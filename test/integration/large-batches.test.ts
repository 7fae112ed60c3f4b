import { Redlock } from 'quorlock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { LONG_LOCK } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

enforceNoLeaks();

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('the largest locks', () => {
  it('can be taken in one tick, many at once', async () => {
    await using redlock = new Redlock([redis.url], { ...LONG_LOCK, nodeTimeout: 25_000 });
    await (await redlock.acquire('r')).release();
    const calls = Array.from({ length: 128 }, (_, call) =>
      redlock.acquire(
        Array.from({ length: 1_000 }, (_, resource) => `${call}:${resource}`),
        { acquireTimeout: 0 },
      ),
    );
    const locks = await Promise.all(calls);
    // Each with its counter, and that of the first one.
    expect(await redis.cli('DBSIZE')).toBe(2 * 128_000 + 1);
    const releases = await Promise.all(locks.map((lock) => lock.release()));
    expect(new Set(releases.map(({ outcome }) => outcome))).toEqual(new Set(['released']));
    await expectNoKeys([redis]);
  }, 60_000);
});
