import type { Cluster, Redis } from 'ioredis';
import ioredis5 from 'ioredis5';
import {
  FencingMarkError,
  fencedCheck,
  fencedDelete,
  fencedSet,
  StaleFencingTokenError,
} from 'quorlock/fencing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterClient, redisClient } from '../support/ioredis-clients.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';

enforceNoLeaks();

const LARGEST = Number.MAX_SAFE_INTEGER;
const SEED = Number(process.env['SEED'] ?? 20_261_123);

type Client = Redis | Cluster;

interface Store {
  readonly servers: readonly RedisServer[];
  /** A client of its own, not connected yet. */
  client(keyPrefix?: string): Client;
  stop(): Promise<void>;
}

async function server(): Promise<Store> {
  const [first] = (await startRedises(1)) as [RedisServer];
  return {
    servers: [first],
    client: (keyPrefix = '') => redisClient({ port: first.port, keyPrefix }),
    stop: () => first.stop(),
  };
}

async function cluster(): Promise<Store> {
  const started = await startRedisCluster();
  const { servers, startupNodes } = started;
  const client = (keyPrefix = ''): Client => clusterClient(startupNodes, { keyPrefix });
  return { servers, client, stop: () => started.stop() };
}

async function serverByIoredis5(): Promise<Store> {
  const store = await server();
  const [{ port }] = store.servers as [RedisServer];
  const client = (keyPrefix = ''): Client =>
    new ioredis5.Redis({ port, keyPrefix, lazyConnect: true }) as unknown as Redis;
  return { ...store, client };
}

async function clusterByIoredis5(): Promise<Store> {
  const store = await cluster();
  const startupNodes = store.servers.map(({ port }) => port);
  const client = (keyPrefix = ''): Client =>
    new ioredis5.Cluster(startupNodes, { keyPrefix, lazyConnect: true }) as unknown as Cluster;
  return { ...store, client };
}

/** Of a key without a hash tag. */
const markOf = (key: string): string => `${key}:quorlock:mark:{${key}}`;

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`resolved to ${String(value)}`);
    },
    (error: unknown) => error,
  );

describe.each([
  ['a server', server],
  ['a Redis Cluster', cluster],
  ['a server, by ioredis 5', serverByIoredis5],
  ['a Redis Cluster, by ioredis 5', clusterByIoredis5],
])('guarded keys on %s', (_, start) => {
  let store: Store;
  let redis: Client;
  let tests = 0;
  /** Another one for each test, all over a Cluster's slots. */
  const newKey = (): string => `order:${++tests}`;

  beforeAll(async () => {
    store = await start();
    redis = store.client();
    await redis.connect();
    // A Cluster connects to a node when it is first needed; the tests must find all connected.
    for (let i = 0; i < 100; i++) await redis.get(`warm:${i}`);
  });
  afterAll(async () => {
    redis.disconnect();
    await store.stop();
  });

  it('are plain strings for those who read', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'paid', 5);
    expect(await redis.get(key)).toBe('paid');
  });

  it('keep bytes as they are', async () => {
    const key = newKey();
    await fencedSet(redis, key, Buffer.from([0, 255, 10]), 5);
    expect(await redis.getBuffer(key)).toEqual(Buffer.from([0, 255, 10]));
  });

  it('are written by one holder several times', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'first', 5);
    await fencedSet(redis, key, 'second', 5);
    expect(await redis.get(key)).toBe('second');
  });

  it('are written by a later holder', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'earlier', 5);
    await fencedSet(redis, key, 'later', 6);
    expect(await redis.get(key)).toBe('later');
  });

  it('refuse an earlier holder', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'later', 6);
    const error = await rejection(fencedSet(redis, key, 'earlier', 5));
    expect(error).toBeInstanceOf(StaleFencingTokenError);
    expect(error).toMatchObject({ code: 'STALE_FENCING_TOKEN', key, fencingToken: 5, newest: 6 });
    expect(await redis.get(key)).toBe('later');
  });

  it('refuse an earlier holder that would delete', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'later', 6);
    await expect(fencedDelete(redis, key, 5)).rejects.toThrow(StaleFencingTokenError);
    expect(await redis.get(key)).toBe('later');
  });

  it('refuse an earlier holder once a later one has shown its token, before it wrote', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'earlier', 5);
    await fencedCheck(redis, key, 6);
    await expect(fencedSet(redis, key, 'late', 5)).rejects.toThrow(StaleFencingTokenError);
    expect(await redis.get(key)).toBe('earlier');
  });

  it('are told apart: each has its own newest token', async () => {
    const [one, other] = [newKey(), newKey()];
    await fencedSet(redis, one, 'v', 6);
    await fencedSet(redis, other, 'v', 5);
    await expect(fencedSet(redis, one, 'v', 5)).rejects.toThrow(StaleFencingTokenError);
  });

  it('go on refusing after they were deleted by a holder', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'v', 6);
    await fencedDelete(redis, key, 6);
    expect(await redis.exists(key)).toBe(0);
    await expect(fencedSet(redis, key, 'late', 5)).rejects.toThrow(StaleFencingTokenError);
  });

  it('go on refusing after they expired', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'v', 6, { ttl: 60_000 });
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    expect(await redis.pttl(markOf(key))).toBe(-1);
    await redis.pexpireat(key, 1);
    await expect(fencedSet(redis, key, 'late', 5)).rejects.toThrow(StaleFencingTokenError);
  });

  it('lose their ttl to a write without one, as by SET', async () => {
    const key = newKey();
    await fencedSet(redis, key, 'v', 6, { ttl: 60_000 });
    await fencedSet(redis, key, 'v', 6);
    expect(await redis.pttl(key)).toBe(-1);
  });

  it('may be used with a key prefix', async () => {
    for (const keyPrefix of ['app:', 'app{tag}:', '{app}:']) {
      const prefixed = store.client(keyPrefix);
      await prefixed.connect();
      try {
        const key = newKey();
        await fencedSet(prefixed, key, 'later', 6);
        expect(await redis.get(keyPrefix + key)).toBe('later');
        // The same key, by clients with and without a prefix.
        await expect(fencedSet(redis, keyPrefix + key, 'earlier', 5)).rejects.toThrow(StaleFencingTokenError);
      } finally {
        prefixed.disconnect();
      }
    }
  });

  it('may have a hash tag', async () => {
    const key = `{${newKey()}}:state`;
    await fencedSet(redis, key, 'later', 6);
    await expect(fencedSet(redis, key, 'earlier', 5)).rejects.toThrow(StaleFencingTokenError);
  });

  it('keep the order of one holder’s writes, also on a server that does not know the script', async () => {
    const key = newKey();
    for (const each of store.servers) await each.cli('SCRIPT', 'FLUSH');
    const writes = Array.from({ length: 50 }, (_, i) => fencedSet(redis, key, String(i), 5));
    await writes[10];
    writes.push(fencedSet(redis, key, 'last', 5));
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
      await fencedSet(redis, key, 'earlier', earlier);
      await fencedSet(redis, key, 'later', later);
      expect(await redis.get(markOf(key))).toBe(String(later));
      const error = await rejection(fencedSet(redis, key, 'late', earlier));
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
      const error = await rejection(fencedSet(redis, key, 'v', LARGEST));
      expect(error).toBeInstanceOf(FencingMarkError);
      expect(error).toMatchObject({ code: 'FENCING_MARK_UNREADABLE', key, markKey: markOf(key) });
      expect((error as Error).message).toContain(`and is "${mark.slice(0, 64)}"`);
      await expect(fencedDelete(redis, key, LARGEST)).rejects.toThrow(FencingMarkError);
      await expect(fencedCheck(redis, key, LARGEST)).rejects.toThrow(FencingMarkError);
      expect(await redis.get(key)).toBe('untouched');
    });

    it('but a key of another type', async () => {
      const key = newKey();
      await redis.hset(markOf(key), 'field', 'value');
      await expect(fencedSet(redis, key, 'v', 5)).rejects.toThrow(
        new FencingMarkError(key, 5, markOf(key), 'a hash'),
      );
      expect(await redis.exists(key)).toBe(0);
    });
  });

  it(`end with the value of the last holder, whatever the order of the writes (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const key = newKey();
    const writers = Array.from({ length: 6 }, () => store.client());
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
          const writer = writers[Math.floor(random.fraction() * writers.length)] as Client;
          const refusal: unknown = await fencedSet(writer, key, String(token), token).catch(
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
      for (const writer of writers) writer.disconnect();
    }
  });
});

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
    [guarded] = (await startRedises(1)) as [RedisServer];
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
