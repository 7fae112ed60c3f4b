import { createRequire } from 'node:module';
import { type NodeSpec, Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KINDS, kind } from '../support/clients/kind.ts';
import { createClient, createCluster } from '../support/clients/node-redis.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, recovered } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { expectLockBy, expectLockOn } from '../support/try-lock.ts';
import { expectLocksOnAll } from './fixtures/masters.ts';

enforceNoLeaks();

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(() => expectNoKeys([redis]));

type Client = ReturnType<typeof createClient>;

/** A client of the user's, not connected. */
function client(options: object = {}): Client {
  return createClient({ socket: { port: redis.port }, ...options });
}

async function connectedClient(options: object = {}): Promise<Client> {
  const instance = client(options);
  instance.on('error', () => {});
  await instance.connect();
  onTestFinished(() => {
    if (instance.isOpen) instance.destroy();
  });
  return instance;
}

const OTHERS = Object.values(KINDS)
  .filter((other) => other.family === 'node-redis' && other !== kind)
  .map((other) => other.package);

describe('a node given as a client of node-redis', () => {
  it.each<[string, object]>([
    ['nothing special', {}],
    ['RESP 2', { RESP: 2 }],
    ['RESP 3', { RESP: 3 }],
    ['a time limit', { commandOptions: { timeout: 1 } }],
    ['values as Buffers', { commandOptions: { typeMapping: { 36: Buffer } } }],
    ['no offline queue', { disableOfflineQueue: true }],
    ['a queue of one command', { commandsQueueMaxLength: 1 }],
    ['pings', { pingInterval: 1 }],
    ['read-only mode', { readonly: true }],
    ['a name', { name: 'somebody' }],
    ['a cache', { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0 } }],
    ['scripts of its own', { scripts: {} }],
  ])('can have %s', async (_what, options) => {
    await expectLockOn(client(options), redis);
  });

  it.each<[string, (port: number) => object]>([
    ['no reconnection', (port) => ({ port, reconnectStrategy: false })],
    ['time limits', (port) => ({ port, connectTimeout: 1, socketTimeout: 1 })],
  ])('can have a socket with %s', async (_what, socket) => {
    await expectLockOn(client({ socket: socket(redis.port) }), redis);
  });

  it.each(OTHERS)('can come from another package than the one that is loaded: %s', async (other) => {
    const { createClient: create } = createRequire(import.meta.url)(other) as {
      createClient: (options: object) => NodeSpec;
    };
    await expectLockOn(create({ socket: { port: redis.port } }), redis);
  });

  it('can have a keyPrefix only if the option keyPrefix is given, which is what counts', async () => {
    const instance = client({ keyPrefix: 'no:' });
    expect(() => new Redlock([instance])).toThrow(/keyPrefix/);
    await using redlock = new Redlock([instance], { ...LONG_LOCK, keyPrefix: 'app:' });
    const lock = await redlock.acquire('r');
    expect(await redis.cli('GET', 'app:r')).toBe(lock.ownerToken);
    await lock.release();
  });

  it.each<[string, () => object]>([
    ['options', () => ({ database: 4 })],
    ['a URL', () => ({ url: `redis://127.0.0.1:${redis.port}/4` })],
  ])('keeps the database of %s', async (_what, options) => {
    await expectLockOn(client(options()), redis, 4);
  });

  it('is left alone', async () => {
    const instance = client();
    const options = { ...instance.options };
    const listeners = instance.eventNames().map((name) => instance.listenerCount(name));
    await expectLockOn(instance, redis);
    expect(instance.isOpen).toBe(false);
    expect({ ...instance.options }).toEqual(options);
    expect(instance.eventNames().map((name) => instance.listenerCount(name))).toEqual(listeners);
  });

  it('still works for its owner when the Redlock is closed', async () => {
    const instance = await connectedClient();
    await instance.set('x', '1');
    await expectLockOn(instance, redis);
    expect(await instance.get('x')).toBe('1');
    await instance.del('x');
  });

  it('works when its owner has closed it', async () => {
    const instance = await connectedClient();
    await instance.ping();
    instance.destroy();
    await expectLockOn(instance, redis);
  });

  it('connects again although its owner would not', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const socket = { port: server.port, reconnectStrategy: false };
    await using redlock = new Redlock([client({ socket })], LONG_LOCK);
    await expectLockBy(redlock, server);
    await server.kill();
    await failureOf(redlock);
    await server.restart();
    await recovered(redlock);
  });
});

describe('a node given as a Cluster of node-redis', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  afterEach(() => expectNoKeys(cluster.servers));

  it.each<[string, object]>([
    ['nothing special', {}],
    ['reads from replicas', { useReplicas: true }],
    ['no redirections', { maxCommandRedirections: 0 }],
    ['a connection to no more servers than needed', { minimizeConnections: true }],
    ['RESP 3', { RESP: 3 }],
  ])('can have %s', async (_what, options) => {
    const rootNodes = cluster.startupNodes.map((socket) => ({ socket }));
    const instance = createCluster({ rootNodes, ...options });
    await expectLocksOnAll(instance, cluster);
    expect(instance.isOpen).toBe(false);
  });
});
