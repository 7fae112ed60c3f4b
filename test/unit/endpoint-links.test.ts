import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createClient, createCluster } from '@redis/client';
import * as ioredis5 from 'ioredis5';
import * as iovalkey from 'iovalkey';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-client5';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link, OpenLink } from '../../src/link/link.ts';
import { type Endpoint, toEndpoint } from '../../src/node/redis/endpoint.ts';
import { clusterClient, redisClient } from '../support/clients/ioredis.ts';
import { type FakeRedis, startFakeRedis } from '../support/fake-redis.ts';

let server: FakeRedis;
beforeEach(async () => {
  server = await startFakeRedis(() => '+OK\r\n');
});
afterEach(() => server.stop());

/** What a server is asked before a link to it is up. A login within HELLO, which only tells the protocol, is a login. */
async function handshakeBy(openLink: OpenLink): Promise<string[][]> {
  let link: Link | undefined;
  await new Promise<void>((up, down) => {
    link = openLink(
      { host: '127.0.0.1', port: server.port },
      { connected() {}, up, down, message() {}, moved() {} },
    );
  });
  link?.cut();
  return server.commands.map(([name = '', ...args]) =>
    name.toUpperCase() === 'HELLO' ? args.slice(1) : [name.toUpperCase(), ...args],
  );
}

/** Whether the first byte that a server gets is that of a TLS handshake. */
async function startsTls(openLink: OpenLink): Promise<boolean> {
  const plain = createServer();
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const first = new Promise<Buffer>((resolve) => {
    plain.on('connection', (socket) => socket.on('error', () => {}).once('data', resolve));
  });
  const { port } = plain.address() as AddressInfo;
  const listener = { connected() {}, up() {}, down() {}, message() {}, moved() {} };
  const link = openLink({ host: '127.0.0.1', port }, listener);
  // Without TLS and without a handshake nothing would be sent.
  const send = setInterval(() => link.send(['PING'], () => {}), 5);
  const data = await first;
  clearInterval(send);
  link.cut();
  plain.close();
  return data[0] === 0x16;
}

function sentinelLinksOf({ place }: Endpoint): OpenLink {
  if (place.kind !== 'sentinel') throw new Error('expected Sentinels');
  return place.openSentinel;
}

const of = (spec: unknown): Endpoint => toEndpoint(spec, 0, 'locks:');
const Cluster5 = ioredis5.Cluster as unknown as new (...args: unknown[]) => object;
const ValkeyCluster = iovalkey.Cluster as unknown as new (...args: unknown[]) => object;
const lazyConnect = true;

describe('a link to a server', () => {
  const LOGIN = { username: 'alice', password: 's3cret' };
  const ALICE = ['AUTH', 'alice', 's3cret'];
  const DEFAULT = ['AUTH', 'default', 's3cret'];
  const SELECT = ['SELECT', '2'];

  it.each<[string, () => unknown, string[][]]>([
    ['a URL', () => 'redis://alice:s3cret@host/2', [ALICE, SELECT]],
    ['a URL without a user', () => 'redis://:s3cret@host', [DEFAULT]],
    ['a URL without credentials', () => 'redis://host', []],
    ['a URL object', () => new URL('redis://alice:s3cret@host/2'), [ALICE, SELECT]],
    ['options', () => ({ host: 'host', ...LOGIN, db: 2, keyPrefix: 'app:' }), [ALICE, SELECT]],
    ['ioredis', () => redisClient({ host: 'host', ...LOGIN, db: 2, keyPrefix: 'app:' }), [ALICE, SELECT]],
    ['ioredis without a user', () => redisClient({ host: 'host', password: 's3cret' }), [DEFAULT]],
    ['iovalkey', () => new iovalkey.Redis({ host: 'host', ...LOGIN, db: 2, lazyConnect }), [ALICE, SELECT]],
    [
      'ioredis behind Sentinels',
      () =>
        redisClient({ sentinels: [{ host: 's' }], name: 'main', sentinelPassword: 'pw', ...LOGIN, db: 2 }),
      [ALICE, SELECT],
    ],
    ['a Cluster of ioredis', () => clusterClient([{ host: 'a' }], { redisOptions: LOGIN }), [ALICE]],
    [
      'a Cluster of ioredis whose options and nodes differ',
      () => clusterClient(['redis://bob:pw@a'], { redisOptions: LOGIN }),
      [ALICE],
    ],
    [
      'a Cluster of ioredis of which one node has a user',
      () => clusterClient([{ host: 'a' }, 'redis://alice:s3cret@b/2']),
      [ALICE],
    ],
    [
      'a Cluster of ioredis 5',
      () => new Cluster5([{ host: 'a', password: 's3cret' }], { lazyConnect }),
      [DEFAULT],
    ],
    [
      'a Cluster of iovalkey',
      () => new ValkeyCluster(['a:1'], { lazyConnect, redisOptions: LOGIN }),
      [ALICE],
    ],
    [
      'node-redis',
      () => createClient({ url: 'redis://alice:s3cret@host/2', name: 'n', RESP: 3 }),
      [ALICE, SELECT],
    ],
    ['node-redis without a user', () => createClient({ password: 's3cret' }), [DEFAULT]],
    ['node-redis by URL without a user', () => createClient({ url: 'redis://:s3cret@host' }), [DEFAULT]],
    ['node-redis without credentials', () => createClient(), []],
    ['node-redis 5', () => createClient5({ ...LOGIN, database: 2 }), [ALICE, SELECT]],
    ['node-redis 5 without a user', () => createClient5({ url: 'redis://:s3cret@host' }), [DEFAULT]],
    [
      'node-redis with a provider of credentials',
      () =>
        createClient({
          credentialsProvider: {
            type: 'async-credentials-provider',
            credentials: async () => ({ password: 's3cret' }),
          },
        }),
      [DEFAULT],
    ],
    [
      'a Cluster of node-redis',
      () => createCluster({ rootNodes: [{ url: 'redis://bob:pw@a' }], defaults: LOGIN }),
      [ALICE],
    ],
    [
      'a Cluster of node-redis of which one node has a user',
      () => createCluster5({ rootNodes: [{ socket: { host: 'a' } }, { url: 'redis://:s3cret@b' }] }),
      [DEFAULT],
    ],
    [
      'a Sentinel of node-redis',
      () => ({
        name: 'main',
        sentinelRootNodes: [{ host: 's', port: 1 }],
        nodeClientOptions: { ...LOGIN, database: 2 },
        sentinelClientOptions: { password: 'pw' },
      }),
      [ALICE, SELECT],
    ],
  ])('logs in and selects the database as the node says: %s', async (_form, spec, handshake) => {
    expect(await handshakeBy(of(spec()).openLink)).toEqual(handshake);
  });

  const tls = { rejectUnauthorized: false };
  it.each<[string, () => unknown, boolean]>([
    ['a URL', () => 'rediss://host', true],
    ['a URL without', () => 'redis://host', false],
    ['options', () => ({ host: 'host', tls: {} }), true],
    ['ioredis', () => redisClient({ host: 'host', tls }), true],
    [
      'a profile of ioredis',
      () => new ioredis5.Redis({ host: 'host', tls: 'RedisCloudFixed' as never, lazyConnect }),
      true,
    ],
    ['ioredis behind Sentinels', () => redisClient({ sentinels: [{ host: 's' }], name: 'main', tls }), false],
    [
      'ioredis behind Sentinels, for the master',
      () => redisClient({ sentinels: [{ host: 's' }], name: 'main', tls, enableTLSForSentinelMode: true }),
      true,
    ],
    ['a Cluster of ioredis', () => clusterClient(['a:1'], { redisOptions: { tls } }), true],
    ['a Cluster of ioredis by a node', () => clusterClient(['a:1', 'rediss://b']), true],
    ['node-redis', () => createClient({ url: 'rediss://host' }), true],
    [
      'a Cluster of node-redis',
      () => createCluster({ rootNodes: [{ url: 'redis://a' }], defaults: { socket: { tls: true } } }),
      true,
    ],
    ['a Cluster of node-redis by a node', () => createCluster({ rootNodes: [{ url: 'rediss://a' }] }), true],
  ])('uses TLS as the node says: %s', async (_form, spec, isTls) => {
    expect(await startsTls(of(spec()).openLink)).toBe(isTls);
  });
});

describe('a link to a Sentinel', () => {
  const sentinels = [{ host: 's', port: 1 }];

  it.each<[string, () => unknown, string[][]]>([
    [
      'options',
      () => ({
        sentinels,
        name: 'main',
        username: 'alice',
        password: 's3cret',
        db: 2,
        sentinelPassword: 'pw',
      }),
      [['AUTH', 'default', 'pw']],
    ],
    [
      'ioredis',
      () => redisClient({ sentinels, name: 'main', db: 2, sentinelUsername: 'bob', sentinelPassword: 'pw' }),
      [['AUTH', 'bob', 'pw']],
    ],
    [
      'ioredis without a login',
      () => redisClient({ sentinels, name: 'main', password: 's3cret', db: 2 }),
      [],
    ],
    [
      'node-redis',
      () => ({
        name: 'main',
        sentinelRootNodes: sentinels,
        nodeClientOptions: { password: 's3cret', database: 2 },
        sentinelClientOptions: { username: 'bob', password: 'pw', database: 2 },
      }),
      [['AUTH', 'bob', 'pw']],
    ],
  ])('logs in as its own user and selects no database: %s', async (_form, spec, handshake) => {
    expect(await handshakeBy(sentinelLinksOf(of(spec())))).toEqual(handshake);
  });

  it.each<[string, object, boolean]>([
    ['the master has TLS', { tls: {}, enableTLSForSentinelMode: true }, false],
    ['Sentinels have TLS', { sentinelTLS: { rejectUnauthorized: false } }, true],
  ])('uses TLS of its own if %s', async (_what, options, isTls) => {
    expect(await startsTls(sentinelLinksOf(of({ sentinels, name: 'main', ...options })))).toBe(isTls);
  });
});

it('the user’s own client is neither connected nor changed', async () => {
  const client = redisClient({ host: '127.0.0.1', port: server.port, password: 's3cret', keyPrefix: 'app:' });
  const before = { ...client.options };
  await handshakeBy(of(client).openLink);
  expect(client.status).toBe('wait');
  expect(client.options).toEqual(before);
});
