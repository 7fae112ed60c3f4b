import { createClient, createClientPool, createSentinel } from '@redis/client';
import {
  createClient as createClient5,
  createClientPool as createPool5,
  createSentinel as createSentinel5,
} from 'redis-client5';
import { describe, expect, it } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { clusterClient, redisClient } from '../support/clients/ioredis.ts';
import { refusalOf } from '../support/refusal-of.ts';

const FORMS =
  'nodes[2] must be a redis:// or rediss:// URL, { host, port, … }, a client of ioredis, iovalkey or node-redis, or a LockNode';

/** An object with these methods. */
function having(...methods: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(methods.map((method) => [method, () => undefined]));
}

const url = 'redis://alice:s3cret@host';
const sentinel = { name: 'main', sentinelRootNodes: [{ host: 's', port: 1 }] };
const ioredis = having('duplicate', 'connect', 'disconnect', 'evalsha', 'quit');
const nodeRedis = having(
  'duplicate',
  'connect',
  'disconnect',
  'quit',
  'evalSha',
  'sSubscribe',
  'sendCommand',
);

describe('a client that quorlock cannot use is refused with what to do instead:', () => {
  it.each<[string, () => unknown, string]>([
    [
      'a promise of a client',
      () => Promise.resolve(createClient({ url })),
      'is a promise; await it first, or give the client without connecting it: quorlock makes its own connections',
    ],
    [
      'ioredis-mock 8',
      () => ({ ...ioredis, options: {}, data: {}, connected: false }),
      "is a client of ioredis-mock, which cannot run quorlock's scripts; use createMemoryNodes of quorlock/testing instead",
    ],
    [
      'GLIDE 2',
      () => having('customCommand', 'invokeScript', 'scriptExists', 'close', 'ping'),
      "is a client of Valkey GLIDE, which sends a command late after its connection is lost; give the server's URL or a client of ioredis, iovalkey or node-redis",
    ],
    [
      "Bun's RedisClient",
      () => ({
        ...having('duplicate', 'connect', 'close', 'evalsha', 'send'),
        bufferedAmount: 0,
        connected: false,
      }),
      "is Bun's RedisClient, which has no sharded subscriptions; give the server's URL or a client of ioredis, iovalkey or node-redis, which run in Bun too",
    ],
    [
      'node-redis 3',
      () => ({ ...having('duplicate', 'internal_send_command', 'evalsha', 'quit'), options: { url } }),
      "is a client of node-redis 3 or older; update the package redis to 5.12 or later, or give the server's URL",
    ],
    [
      'node-redis 4',
      () => ({ ...nodeRedis, options: { url } }),
      "is a client of node-redis 4; update the package redis to 5.12 or later, or give the server's URL",
    ],
    [
      'node-redis 4 in its legacy mode',
      () => ({ ...nodeRedis, ...having('evalsha'), options: { url } }),
      "is a client of node-redis 4; update the package redis to 5.12 or later, or give the server's URL",
    ],
    [
      'a Cluster of node-redis 4',
      () => ({ ...nodeRedis, slots: [], masters: [] }),
      "is a client of node-redis 4; update the package redis to 5.12 or later, or give the server's URL",
    ],
    [
      'node-redis 5.11',
      () => ({ ...nodeRedis, ...having('destroy'), options: { url } }),
      'is a client of node-redis 5 before 5.12; update the package redis to 5.12 or later',
    ],
    [
      'a Cluster of node-redis 5.11',
      () => ({
        ...nodeRedis,
        ...having('destroy'),
        slots: [],
        masters: [],
        _options: { rootNodes: [{ url }] },
      }),
      'is a client of node-redis 5 before 5.12; update the package redis to 5.12 or later',
    ],
    [
      'a pool of node-redis 6',
      () => createClientPool({ url }),
      'is a pool of node-redis, whose options cannot be read; give a client by createClient(...) instead',
    ],
    [
      'a pool of node-redis 5',
      () => createPool5({ url }),
      'is a pool of node-redis, whose options cannot be read; give a client by createClient(...) instead',
    ],
    [
      'legacy() of node-redis 6',
      () => createClient({ url }).legacy(),
      'is the legacy() form of a node-redis client; give the client itself',
    ],
    [
      'legacy() of node-redis 5',
      () => createClient5({ url }).legacy(),
      'is the legacy() form of a node-redis client; give the client itself',
    ],
    [
      'a Sentinel of node-redis 6',
      () => createSentinel(sentinel),
      'is a Sentinel client of node-redis, whose options cannot be read; give { sentinelRootNodes, name } and its other options instead',
    ],
    [
      'a Sentinel of node-redis 5',
      () => createSentinel5(sentinel),
      'is a Sentinel client of node-redis, whose options cannot be read; give { sentinelRootNodes, name } and its other options instead',
    ],
    [
      'ioredis 4',
      () => ({ ...ioredis, options: { host: 'host' } }),
      'is a client of ioredis 4 or older; update the package ioredis to 5.3 or later',
    ],
    [
      'a Cluster of ioredis 4',
      () => ({ ...ioredis, options: {}, isCluster: true, startupNodes: [url], _addedScriptHashes: {} }),
      'is a client of ioredis 4 or older; update the package ioredis to 5.3 or later',
    ],
  ])('%s', (_which, client, why) => {
    expect(refusalOf(client())).toBe(`nodes[2] ${why}`);
  });
});

describe('a client with a keyPrefix', () => {
  const keyPrefix = 'app:';
  const clients = [
    ['ioredis', () => redisClient({ keyPrefix })],
    ['an ioredis Cluster', () => clusterClient([{ host: 'a' }], { keyPrefix })],
    [
      'the servers of an ioredis Cluster',
      () => clusterClient([{ host: 'a' }], { redisOptions: { keyPrefix } }),
    ],
    ['node-redis', () => createClient({ keyPrefix })],
  ] as const;

  it.each(clients)('is refused, because locks would lack it: %s', (_which, client) => {
    expect(refusalOf(client())).toBe(
      'nodes[2] has the keyPrefix "app:", which quorlock does not use; ' +
        'pass it to Redlock instead: new Redlock(nodes, { keyPrefix: "app:" })',
    );
  });

  it.each(clients)('is accepted if Redlock has a keyPrefix: %s', (_which, client) => {
    expect(() => refusalOf(client(), 'locks:')).toThrow('expected a refusal');
  });
});

describe('a Cluster that does not say where it is', () => {
  it('is refused if its nodes are SRV records', () => {
    expect(refusalOf(clusterClient([{ host: 'a' }], { useSRVRecords: true }))).toBe(
      'nodes[2] is a Cluster with useSRVRecords, which quorlock does not resolve; ' +
        'give the Cluster some of its servers by host and port',
    );
  });

  it('is refused if ioredis keeps no startup nodes', () => {
    expect(refusalOf({ ...ioredis, options: {}, isCluster: true })).toBe(
      'nodes[2] is a Cluster without startup nodes; give it at least one of its servers',
    );
  });
});

describe('anything else', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [5, '5'],
    [true, 'true'],
    [() => url, 'a function'],
    [redisClient, 'a function'],
    [new Map([['host', 'a']]), 'an object'],
    [new Error(url), 'an object'],
    [{ ...having('duplicate'), host: 'host' }, 'an object'],
    [{ ...ioredis, host: 'host' }, 'an object'],
    [{ ...ioredis, connect: undefined, options: {}, isCluster: false }, 'an object'],
    [{ ...ioredis, evalsha: undefined, options: {}, isCluster: false }, 'an object'],
    [{ ...ioredis, duplicate: true, options: {}, isCluster: false }, 'an object'],
  ])('is refused with the forms of a node: %o', (spec, shown) => {
    expect(refusalOf(spec)).toBe(`${FORMS}, not ${shown}`);
  });

  it('that is a list is refused with the forms of several servers', () => {
    expect(refusalOf([{ host: 'a' }, { host: 'b' }])).toBe(
      'nodes[2] must be one node, not an array; list each node by itself, ' +
        'or give several servers of one node as a Cluster or as { sentinels, name }',
    );
  });

  it('is named by its place in the list, and nothing is connected to', () => {
    const specs = ['redis://127.0.0.1:1', { url }] as ConstructorParameters<typeof Redlock>[0];
    expect(() => new Redlock(specs)).toThrow(/^nodes\[1\] has the option url of node-redis; /);
    expect(() => new Redlock(['redis://127.0.0.1:1', 'nonsense'])).toThrow(TypeError);
  });
});
