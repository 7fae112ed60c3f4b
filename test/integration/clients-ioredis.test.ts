import { createRequire } from 'node:module';
import type { ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Client, clusterClient, redisClient } from '../support/clients/ioredis.ts';
import { KINDS, kind } from '../support/clients/kind.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, recovered } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedis, startRedises } from '../support/redis-server.ts';
import { expectLockBy, expectLockOn } from '../support/try-lock.ts';
import { expectLocksOnAll } from './fixtures/masters.ts';

enforceNoLeaks();

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(() => expectNoKeys([redis]));

/** A client of the user's; connects when it is first used. */
function client(options: RedisOptions = {}): Redis {
  const instance = redisClient({ port: redis.port, ...options });
  onTestFinished(() => {
    if (instance.status !== 'end') instance.disconnect();
  });
  return instance;
}

const OTHERS = Object.values(KINDS)
  .filter((other) => other.family === 'ioredis' && other !== kind)
  .map((other) => other.package);

describe('a node given as an instance of ioredis or iovalkey', () => {
  it.each<[string, RedisOptions]>([
    ['nothing special', {}],
    ['automatic pipelining', { enableAutoPipelining: true }],
    ['a command timeout', { commandTimeout: 1 }],
    ['no offline queue', { enableOfflineQueue: false }],
    ['endless retries of a command', { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: true }],
    ['read-only mode', { readOnly: true }],
    ['numbers as strings', { stringNumbers: true }],
    ['no reconnection', { retryStrategy: () => null }],
    ['a reconnection that sends again', { reconnectOnError: () => 2 }],
    ['a name', { connectionName: 'somebody' }],
    ['no ready check', { enableReadyCheck: false }],
    ['scripts of its own', { scripts: { evalsha2: { lua: 'return 1', numberOfKeys: 0 } } }],
    ['friendly stacks', { showFriendlyErrorStack: true }],
    ['RESP3', { protocol: 3 }],
    ['RESP3 shapes', { protocol: 3, replyMapping: 'resp3' } as unknown as RedisOptions],
  ])('can have %s', async (_what, options) => {
    await expectLockOn(client(options), redis);
  });

  it.each(OTHERS)('can come from another package than the one that URLs lead to: %s', async (other) => {
    const OtherRedis = createRequire(import.meta.url)(other) as typeof Client;
    await expectLockOn(new OtherRedis({ port: redis.port, lazyConnect: true }), redis);
  });

  it('can have a keyPrefix only if the option keyPrefix is given, which is what counts', async () => {
    const instance = client({ keyPrefix: 'no:' });
    expect(() => new Redlock([instance])).toThrow(/keyPrefix/);
    await using redlock = new Redlock([instance], { ...LONG_LOCK, keyPrefix: 'app:' });
    const lock = await redlock.acquire('r');
    expect(await redis.cli('GET', 'app:r')).toBe(lock.ownerToken);
    await lock.release();
  });

  it('keeps its database', async () => {
    await expectLockOn(client({ db: 4 }), redis, 4);
  });

  it('is left alone', async () => {
    const instance = client({ enableOfflineQueue: true });
    const options = { ...instance.options };
    const listeners = instance.eventNames().map((name) => instance.listenerCount(name));
    await expectLockOn(instance, redis);
    expect(instance.status).toBe('wait');
    expect({ ...instance.options }).toEqual(options);
    expect(instance.eventNames().map((name) => instance.listenerCount(name))).toEqual(listeners);
  });

  it('still works for its owner when the Redlock is closed', async () => {
    const instance = client();
    await instance.set('x', '1');
    await expectLockOn(instance, redis);
    expect(await instance.get('x')).toBe('1');
    await instance.del('x');
  });

  it('works when its owner has closed it', async () => {
    const instance = client();
    await instance.ping();
    instance.disconnect();
    await expectLockOn(instance, redis);
  });

  it('connects again although its owner would not', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    await using redlock = new Redlock([client({ port: server.port, retryStrategy: () => null })], LONG_LOCK);
    await expectLockBy(redlock, server);
    await server.kill();
    await failureOf(redlock);
    await server.restart();
    await recovered(redlock);
  });

  it('is recognised by its shape', async () => {
    const instance = client();
    const other = new Proxy(instance, { getPrototypeOf: () => Object.prototype });
    expect(other instanceof Client).toBe(false);
    await expectLockOn(other, redis);
  });
});

describe('a node given as a Cluster of ioredis or iovalkey', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  afterEach(() => expectNoKeys(cluster.servers));

  it.each<[string, ClusterOptions]>([
    ['nothing special', {}],
    ['reads from replicas', { scaleReads: 'slave' }],
    ['automatic pipelining', { enableAutoPipelining: true }],
    ['no offline queue', { enableOfflineQueue: false }],
    ['no redirections', { maxRedirections: 0 }],
    ['no reconnection', { clusterRetryStrategy: () => null }],
  ])('can have %s', async (_what, options) => {
    const instance = clusterClient(cluster.startupNodes, options);
    await expectLocksOnAll(instance, cluster);
    expect(instance.status).toBe('wait');
  });
});

describe('another program that takes locks by SET NX PX', () => {
  const RELEASE =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

  it('excludes quorlock, and is excluded', async () => {
    const servers = await startRedises(3);
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.stop()));
    });
    const clients = servers.map(({ port }) => client({ port }));
    const take = (token: string): Promise<unknown[]> =>
      Promise.all(clients.map((each) => each.set('app:r', token, 'PX', 60_000, 'NX')));
    const giveBack = (token: string): Promise<unknown[]> =>
      Promise.all(clients.map((each) => each.eval(RELEASE, 1, 'app:r', token)));
    await using redlock = new Redlock(
      servers.map(({ url }) => url),
      { ...LONG_LOCK, keyPrefix: 'app:' },
    );

    expect(await take('theirs')).toEqual(['OK', 'OK', 'OK']);
    expect(await redlock.tryAcquire('r')).toBeNull();
    expect(await redlock.inspect('r')).toMatchObject({ state: 'held' });
    expect(await giveBack('theirs')).toEqual([1, 1, 1]);

    const ours = await redlock.acquire('r');
    await expect
      .poll(() => Promise.all(clients.map((each) => each.get('app:r'))))
      .toEqual(servers.map(() => ours.ownerToken));
    expect(await take('theirs')).toEqual([null, null, null]);
    expect(await giveBack('theirs')).toEqual([0, 0, 0]);
    await ours.release();
    await expectNoKeys(servers);

    const moved = await redlock.acquire('r');
    await expect.poll(() => giveBack(moved.ownerToken)).toEqual([0, 0, 0]);
    expect((await moved.release()).outcome).not.toBe('released');
  });
});
