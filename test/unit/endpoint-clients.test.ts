import dns from 'node:dns';
import { createClient, createCluster } from '@redis/client';
import * as ioredis from 'ioredis';
import * as ioredis5 from 'ioredis5';
import * as ioredis53 from 'ioredis53';
import * as iovalkey from 'iovalkey';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-client5';
import { describe, expect, it } from 'vitest';
import { type Place, toEndpoint } from '../../src/node/redis/endpoint.ts';

/** The constructors of different releases differ in their types. */
interface Ioredis {
  Redis: new (...args: unknown[]) => object;
  Cluster: new (...args: unknown[]) => object;
}

const FAMILY = [
  ['ioredis 6', ioredis],
  ['ioredis 5', ioredis5],
  // An older release, which names its exports only by its default.
  ['ioredis 5.3', (ioredis53 as { default?: unknown }).default ?? ioredis53],
  ['iovalkey', iovalkey],
] as unknown as [string, Ioredis][];

function mapOf(place: Place): (host: string, port: number) => unknown {
  if (place.kind === 'server') throw new Error('expected more than a server');
  return place.natMap;
}

function dnsLookup(name: string, found: (error: null, address: string) => void): void {
  found(null, name);
}

/** As `net.connect` takes it. */
function lookup(name: string, options: object, found: (...args: unknown[]) => void): void {
  found(null, `10.0.0.${name.length + Object.keys(options).length}`, 4);
}

describe.each(FAMILY)('a client of %s', (_release, { Redis, Cluster }) => {
  const lazy = { lazyConnect: true };

  it('says where its server is', () => {
    const client = new Redis('redis://alice:s3cret@host:7001/2', { ...lazy, family: 6 });
    expect(toEndpoint(client, 0, '')).toMatchObject({
      name: 'host:7001',
      place: { kind: 'server', at: { host: 'host', port: 7001 } },
      credentials: { users: ['alice'], passwords: ['s3cret'], node: 'host:7001' },
      lookup: { family: 6 },
    });
  });

  it('on a unix socket says its path', () => {
    const client = new Redis({ ...lazy, path: '/run/redis.sock' });
    expect(toEndpoint(client, 0, '')).toMatchObject({
      name: '/run/redis.sock',
      place: { kind: 'server', at: { path: '/run/redis.sock' } },
    });
  });

  it('behind Sentinels says where they are, and both users', () => {
    const endpoint = toEndpoint(
      new Redis({
        ...lazy,
        sentinels: [{ host: 's', port: 1 }],
        name: 'main',
        password: 's3cret',
        sentinelUsername: 'bob',
        sentinelPassword: 'pw',
        natMap: { '10.0.0.1:1': { host: 'outside', port: 2 } },
      }),
      0,
      '',
    );
    expect(endpoint).toMatchObject({
      name: 'sentinel(main@s:1)',
      place: { kind: 'sentinel', group: 'main', sentinels: [{ host: 's', port: 1 }] },
      credentials: { users: ['bob'], passwords: ['s3cret', 'pw'] },
    });
    expect(mapOf(endpoint.place)('10.0.0.1', 1)).toEqual({ host: 'outside', port: 2 });
  });

  it.each([
    [[{ host: 'a', port: 1 }, { host: 'b' }], 'cluster(a:1,b:6379)'],
    [['redis://u:pw@a:1'], 'cluster(a:1)'],
    [['redis://a:1?family=6'], 'cluster(a:1)'],
    [['localhost:7001'], 'cluster(localhost:7001)'],
    [['127.0.0.1:7001'], 'cluster(127.0.0.1:7001)'],
    [[7001, '7002'], 'cluster(127.0.0.1:7001,127.0.0.1:7002)'],
  ])('that is a Cluster is named by its startup nodes: %j', (startupNodes, name) => {
    const { name: actual, lookup } = toEndpoint(new Cluster(startupNodes, lazy), 0, '');
    expect(actual).toBe(name);
    expect(lookup).not.toHaveProperty('lookup');
  });

  it('that is a Cluster has all its secrets, its address map and its way to look up names', () => {
    const endpoint = toEndpoint(
      new Cluster(['redis://bob:pw@a:1', { host: 'b', password: 'other' }], {
        ...lazy,
        dnsLookup,
        natMap: (key: string) => (key === '10.0.0.1:1' ? { host: 'outside', port: 2 } : null),
        redisOptions: { username: 'alice', password: 's3cret', family: 6 },
      }),
      0,
      '',
    );
    expect(endpoint.credentials).toMatchObject({
      users: ['alice', 'bob'],
      passwords: ['s3cret', 'pw', 'other'],
    });
    expect(endpoint.lookup).toEqual({ family: 6, lookup: dnsLookup });
    expect(mapOf(endpoint.place)('10.0.0.1', 1)).toEqual({ host: 'outside', port: 2 });
    expect(mapOf(endpoint.place)('10.0.0.1', 3)).toBeUndefined();
  });

  it('that is a Cluster may say that names are looked up as everywhere', () => {
    const cluster = new Cluster(['a:1'], { ...lazy, dnsLookup: dns.lookup });
    expect(toEndpoint(cluster, 0, '').lookup).not.toHaveProperty('lookup');
  });
});

describe.each([
  ['node-redis 6', { createClient, createCluster }],
  ['node-redis 5', { createClient: createClient5, createCluster: createCluster5 }],
] as unknown as [string, Record<'createClient' | 'createCluster', (options?: object) => object>][])(
  'a client of %s',
  (_release, { createClient: client, createCluster: cluster }) => {
    it('says by its URL where its server is', () => {
      expect(toEndpoint(client({ url: 'redis://alice:s3cret@host:7001/2' }), 0, '')).toMatchObject({
        name: 'host:7001',
        place: { kind: 'server', at: { host: 'host', port: 7001 } },
        credentials: { users: ['alice'], passwords: ['s3cret'], node: 'host:7001' },
        lookup: { family: 0 },
      });
    });

    it.each([
      [undefined, 'localhost:6379'],
      [{ socket: { host: 'host' } }, 'host:6379'],
      [{ socket: { path: '/run/redis.sock' } }, '/run/redis.sock'],
    ])('says by its options where its server is: %j', (options, name) => {
      expect(toEndpoint(client(options), 0, '').name).toBe(name);
    });

    it('may look up names in its own way', async () => {
      const { lookup: settings } = toEndpoint(client({ socket: { host: 'host', family: 4, lookup } }), 0, '');
      expect(settings.family).toBe(4);
      const answer = await new Promise((resolve) =>
        settings.lookup?.('host', (...result) => resolve(result)),
      );
      expect(answer).toEqual([null, '10.0.0.6', 4]);
    });

    it('that is a Cluster is named by its root nodes, and has all its secrets', () => {
      const endpoint = toEndpoint(
        cluster({
          rootNodes: [{ url: 'redis://bob:pw@a:1' }, { socket: { host: 'b' }, password: 'other' }, {}],
          defaults: { username: 'alice', password: 's3cret', socket: { port: 7, family: 6 } },
          nodeAddressMap: { '10.0.0.1:1': { host: 'outside', port: 2 } },
        }),
        0,
        '',
      );
      expect(endpoint).toMatchObject({
        name: 'cluster(a:1,b:7,localhost:7)',
        credentials: { users: ['alice', 'bob'], passwords: ['s3cret', 'pw', 'other'] },
        lookup: { family: 6 },
      });
      expect(mapOf(endpoint.place)('10.0.0.1', 1)).toEqual({ host: 'outside', port: 2 });
    });

    it.each([
      [{ rootNodes: [] }, 'nodes[0] is a Cluster without rootNodes; give it at least one of its servers'],
      [
        { rootNodes: [{ url: 'alice:s3cret@host' }] },
        'nodes[0]: rootNodes[0].url must be a URL that begins with redis:// or rediss://, not "***"',
      ],
    ])('that is a Cluster is refused if it does not say where it is: %j', (options, message) => {
      expect(() => toEndpoint(cluster(options), 0, '')).toThrow(new TypeError(message));
    });
  },
);
