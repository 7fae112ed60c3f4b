import type { Cluster, Redis } from 'ioredis';
import {
  type FencedRedis,
  FencingMarkError,
  fencedCheck,
  fencedDelete,
  fencedSet,
  StaleFencingTokenError,
} from 'quorlock/fencing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterClient, redisClient } from '../support/clients/ioredis.ts';
import { GUARD_CLIENTS, type GuardClient, type Place } from '../support/guard-clients.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startSentinel } from '../support/sentinel.ts';

enforceNoLeaks();

const LARGEST = Number.MAX_SAFE_INTEGER;
const SEED = Number(process.env['SEED'] ?? 20_261_123);

interface Store {
  /** Those that keep the data. */
  readonly servers: readonly RedisServer[];
  /** What clients are given. */
  readonly ports: readonly number[];
  /** Looks at the keys, past the guards. */
  readonly observer: Redis | Cluster;
  stop: () => Promise<void>;
}

async function startServer(): Promise<Store> {
  const server = await startRedis();
  const { port } = server;
  return { servers: [server], ports: [port], observer: redisClient({ port }), stop: () => server.stop() };
}

async function startCluster(): Promise<Store> {
  const cluster = await startRedisCluster();
  const { servers, startupNodes } = cluster;
  return {
    servers,
    ports: servers.map(({ port }) => port),
    observer: clusterClient(startupNodes),
    stop: () => cluster.stop(),
  };
}

async function startSentinels(): Promise<Store> {
  const group = await startSentinel();
  const { master, sentinels } = group;
  return {
    servers: [master],
    ports: sentinels.map(({ port }) => port),
    observer: redisClient({ port: master.port }),
    stop: () => group.stop(),
  };
}

const stores = new Map<Place, Store>();
beforeAll(async () => {
  const [server, cluster, sentinel] = await Promise.all([startServer(), startCluster(), startSentinels()]);
  stores.set('server', server).set('cluster', cluster).set('sentinel', sentinel);
  for (const { observer } of stores.values()) {
    await observer.connect();
    // A Cluster connects to a node when it is first needed; the tests must find all connected.
    for (let i = 0; i < 100; i++) await observer.get(`warm:${i}`);
  }
});
afterAll(async () => {
  for (const { observer, stop } of stores.values()) {
    observer.disconnect();
    await stop();
  }
});

let tests = 0;
/** Another one for each test, all over a Cluster's slots. */
const newKey = (): string => `order:${++tests}`;

/** Of a key without a hash tag. */
const markOf = (key: string): string => `${key}:quorlock:mark:{${key}}`;

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`resolved to ${String(value)}`);
    },
    (error: unknown) => error,
  );

describe.each(GUARD_CLIENTS.map((kind) => [kind.name, kind.place, kind] as const))(
  'guarded keys by %s on a %s',
  (_name, place, { prefixes, ordered, make }) => {
    let store: Store;
    let redis: Redis | Cluster;
    let client: GuardClient;
    let guarded: FencedRedis;

    beforeAll(async () => {
      store = stores.get(place) as Store;
      redis = store.observer;
      client = make(store.ports);
      guarded = client.redis;
      await client.connect();
      // See above.
      for (let i = 0; i < 100; i++) await fencedCheck(guarded, `warm:${i}`, 1);
    });
    afterAll(() => client.disconnect());

    it('are plain strings for those who read', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'paid', 5);
      expect(await redis.get(key)).toBe('paid');
    });

    it('keep bytes as they are', async () => {
      const key = newKey();
      await fencedSet(guarded, key, Buffer.from([0, 255, 10]), 5);
      expect(await redis.getBuffer(key)).toEqual(Buffer.from([0, 255, 10]));
    });

    it('are written by one holder several times', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'first', 5);
      await fencedSet(guarded, key, 'second', 5);
      expect(await redis.get(key)).toBe('second');
    });

    it('are written by a later holder', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'earlier', 5);
      await fencedSet(guarded, key, 'later', 6);
      expect(await redis.get(key)).toBe('later');
    });

    it('refuse an earlier holder', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'later', 6);
      const error = await rejection(fencedSet(guarded, key, 'earlier', 5));
      expect(error).toBeInstanceOf(StaleFencingTokenError);
      expect(error).toMatchObject({ code: 'STALE_FENCING_TOKEN', key, fencingToken: 5, newest: 6 });
      expect(await redis.get(key)).toBe('later');
    });

    it('refuse an earlier holder that would delete', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'later', 6);
      await expect(fencedDelete(guarded, key, 5)).rejects.toThrow(StaleFencingTokenError);
      expect(await redis.get(key)).toBe('later');
    });

    it('refuse an earlier holder once a later one has shown its token, before it wrote', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'earlier', 5);
      await fencedCheck(guarded, key, 6);
      await expect(fencedSet(guarded, key, 'late', 5)).rejects.toThrow(StaleFencingTokenError);
      expect(await redis.get(key)).toBe('earlier');
    });

    it('are told apart: each has its own newest token', async () => {
      const [one, other] = [newKey(), newKey()];
      await fencedSet(guarded, one, 'v', 6);
      await fencedSet(guarded, other, 'v', 5);
      await expect(fencedSet(guarded, one, 'v', 5)).rejects.toThrow(StaleFencingTokenError);
    });

    it('go on refusing after they were deleted by a holder', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'v', 6);
      await fencedDelete(guarded, key, 6);
      expect(await redis.exists(key)).toBe(0);
      await expect(fencedSet(guarded, key, 'late', 5)).rejects.toThrow(StaleFencingTokenError);
    });

    it('go on refusing after they expired', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'v', 6, { ttl: 60_000 });
      expect(await redis.pttl(key)).toBeGreaterThan(0);
      expect(await redis.pttl(markOf(key))).toBe(-1);
      await redis.pexpireat(key, 1);
      await expect(fencedSet(guarded, key, 'late', 5)).rejects.toThrow(StaleFencingTokenError);
    });

    it('lose their ttl to a write without one, as by SET', async () => {
      const key = newKey();
      await fencedSet(guarded, key, 'v', 6, { ttl: 60_000 });
      await fencedSet(guarded, key, 'v', 6);
      expect(await redis.pttl(key)).toBe(-1);
    });

    if (prefixes)
      it('may be used with a key prefix', async () => {
        for (const keyPrefix of ['app:', 'app{tag}:', '{app}:']) {
          const prefixed = make(store.ports, keyPrefix);
          await prefixed.connect();
          try {
            const key = newKey();
            await fencedSet(prefixed.redis, key, 'later', 6);
            expect(await redis.get(keyPrefix + key)).toBe('later');
            // The same key, by clients with and without a prefix.
            await expect(fencedSet(guarded, keyPrefix + key, 'earlier', 5)).rejects.toThrow(
              StaleFencingTokenError,
            );
          } finally {
            await prefixed.disconnect();
          }
        }
      });

    it('may have a hash tag', async () => {
      const key = `{${newKey()}}:state`;
      await fencedSet(guarded, key, 'later', 6);
      await expect(fencedSet(guarded, key, 'earlier', 5)).rejects.toThrow(StaleFencingTokenError);
    });

    if (ordered)
      it('keep the order of one holder’s writes, also on a server that does not know the script', async () => {
        const key = newKey();
        for (const each of store.servers) await each.cli('SCRIPT', 'FLUSH');
        const writes = Array.from({ length: 50 }, (_, i) => fencedSet(guarded, key, String(i), 5));
        await writes[10];
        writes.push(fencedSet(guarded, key, 'last', 5));
        await Promise.all(writes);
        expect(await redis.get(key)).toBe('last');
      });

    describe('compare tokens exactly', () => {
      it.each([
        [LARGEST, LARGEST - 1],
        [LARGEST - 1, LARGEST - 2],
        [1_763_875_974_123_457, 1_763_875_974_123_456],
        [1_000_000_000_000_000, 999_999_999_999_999],
        [1_000, 999],
        [2, 1],
      ])('%i after %i', async (later, earlier) => {
        const key = newKey();
        await fencedSet(guarded, key, 'earlier', earlier);
        await fencedSet(guarded, key, 'later', later);
        expect(await redis.get(markOf(key))).toBe(String(later));
        const error = await rejection(fencedSet(guarded, key, 'late', earlier));
        expect(error).toMatchObject({ fencingToken: earlier, newest: later });
        expect(await redis.get(key)).toBe('later');
      });
    });

    describe('let nobody through when what is remembered is no token', () => {
      it.each([
        ['abc'],
        [''],
        ['0'],
        ['-5'],
        ['007'],
        ['1e3'],
        ['0x10'],
        [' 5'],
        ['5\n'],
        ['5.5'],
        ['inf'],
        ['9007199254740992'],
        ['9007199254740993'],
        ['1'.repeat(400)],
      ])('but %j', async (mark) => {
        const key = newKey();
        await redis.set(key, 'untouched');
        await redis.set(markOf(key), mark);
        const error = await rejection(fencedSet(guarded, key, 'v', LARGEST));
        expect(error).toBeInstanceOf(FencingMarkError);
        expect(error).toMatchObject({ code: 'FENCING_MARK_UNREADABLE', key, markKey: markOf(key) });
        expect((error as Error).message).toContain(`and is "${mark.slice(0, 64)}"`);
        await expect(fencedDelete(guarded, key, LARGEST)).rejects.toThrow(FencingMarkError);
        await expect(fencedCheck(guarded, key, LARGEST)).rejects.toThrow(FencingMarkError);
        expect(await redis.get(key)).toBe('untouched');
      });

      it('but a key of another type', async () => {
        const key = newKey();
        await redis.hset(markOf(key), 'field', 'value');
        await expect(fencedSet(guarded, key, 'v', 5)).rejects.toThrow(
          new FencingMarkError(key, 5, markOf(key), 'a hash'),
        );
        expect(await redis.exists(key)).toBe(0);
      });
    });

    it(`end with the value of the last holder, whatever the order of the writes (seed ${SEED})`, async () => {
      const random = seededRandom(SEED);
      const key = newKey();
      const writers = Array.from({ length: 6 }, () => make(store.ports));
      await Promise.all(writers.map((writer) => writer.connect()));
      try {
        // Several writes of each holder, by any of the connections, in random order.
        const tokens = Array.from({ length: 300 }, (_, i) => LARGEST - 1 - Math.floor(i / 3))
          .map((token) => ({ token, order: random.fraction() }))
          .sort((a, b) => a.order - b.order)
          .map(({ token }) => token);
        const seen: number[] = [];
        const over = new AbortController();
        const reader = (async () => {
          while (!over.signal.aborted) seen.push(Number(await redis.get(key)));
        })();
        const writes = await Promise.all(
          tokens.map(async (token) => {
            const writer = writers[Math.floor(random.fraction() * writers.length)] as GuardClient;
            const refusal: unknown = await fencedSet(writer.redis, key, String(token), token).catch(
              (error: unknown) => error,
            );
            return { token, refusal };
          }),
        );
        over.abort();
        await reader;

        expect(await redis.get(key)).toBe(String(LARGEST - 1));
        expect(seen).toEqual([...seen].sort((a, b) => a - b));
        const refused = writes.filter(({ refusal }) => refusal !== undefined);
        expect(refused.length).toBeGreaterThan(0);
        for (const { token, refusal } of refused) {
          expect(refusal).toBeInstanceOf(StaleFencingTokenError);
          expect((refusal as StaleFencingTokenError).newest).toBeGreaterThan(token);
        }
        expect(refused.map(({ token }) => token)).not.toContain(LARGEST - 1);
      } finally {
        for (const writer of writers) await writer.disconnect();
      }
    });
  },
);

describe('a user with few rights', () => {
  let guarded: RedisServer;
  const connectAs = async (username: string, ...rules: string[]): Promise<Redis> => {
    await guarded.cli(
      'ACL',
      'SETUSER',
      username,
      'on',
      '>secret',
      'resetkeys',
      '~order:*',
      '-@all',
      ...rules,
    );
    const redis = redisClient({
      port: guarded.port,
      username,
      password: 'secret',
      enableReadyCheck: false,
    });
    await redis.connect();
    return redis;
  };

  beforeAll(async () => {
    guarded = await startRedis();
  });
  afterAll(() => guarded.stop());

  it('needs no more than the documentation says', async () => {
    const redis = await connectAs('least', '+eval', '+get', '+set', '+del', '+type');
    try {
      await fencedSet(redis, 'order:1', 'v', 6, { ttl: 60_000 });
      await fencedDelete(redis, 'order:1', 6);
      await expect(fencedCheck(redis, 'order:1', 5)).rejects.toThrow(StaleFencingTokenError);
      await guarded.cli('RPUSH', 'order:2:quorlock:mark:{order:2}', 'x');
      await expect(fencedCheck(redis, 'order:2', 5)).rejects.toThrow('and is a list');
    } finally {
      redis.disconnect();
    }
  });

  it('that may not write the value has still shut out earlier holders', async () => {
    const redis = await connectAs('readers', '+eval', '+get', '+set');
    try {
      await expect(fencedDelete(redis, 'order:3', 6)).rejects.toThrow(/can't run this command|permission/);
      await expect(fencedSet(redis, 'order:3', 'late', 5)).rejects.toThrow(StaleFencingTokenError);
    } finally {
      redis.disconnect();
    }
  });

  it('that may not read the mark writes nothing', async () => {
    const redis = await connectAs('writers', '+eval', '+set', '+del');
    try {
      await expect(fencedSet(redis, 'order:4', 'v', 5)).rejects.toThrow(/can't run this command|permission/);
      expect(await guarded.cli('EXISTS', 'order:4')).toBe(0);
    } finally {
      redis.disconnect();
    }
  });
});
