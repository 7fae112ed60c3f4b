import {
  createClient,
  type createClientPool,
  createCluster,
  type createSentinel,
  type RedisSentinelOptions,
} from '@redis/client';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { Cluster as Cluster5, type RedisOptions as Options5, Redis as Redis5 } from 'ioredis5';
import { Redis as Valkey, Cluster as ValkeyCluster } from 'iovalkey';
import type { NodeSpec, RedisNodeOptions, Redlock } from 'quorlock';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-client5';
import { describe, expectTypeOf, it } from 'vitest';

/*
 * The compiler is what tests here: `tsc` fails if a real client cannot be given as a node, or if something else can. Nothing is called
 * but `expectTypeOf`, which does nothing when it runs.
 */

const command = { parseCommand() {}, transformReply: undefined as unknown as () => string };

// Only their types matter.
const clients6 = () => [
  createClient(),
  createClient({ RESP: 2 }),
  createClient({ RESP: 3, commandOptions: { typeMapping: { 36: Buffer } } }),
  createClient().withTypeMapping({ 36: Buffer }),
  createClient({ modules: { m: { get: command } }, scripts: {} }),
  createCluster({ rootNodes: [] }),
  createCluster({ rootNodes: [], RESP: 2, modules: { m: { get: command } } }),
];

const clients5 = () => [
  createClient5(),
  createClient5({ RESP: 3 }),
  createClient5({ commandOptions: { typeMapping: { 36: Buffer } } }),
  createClient5().withTypeMapping({ 36: Buffer }),
  createCluster5({ rootNodes: [] }),
  createCluster5({ rootNodes: [], RESP: 3 }),
];

type Nodes = ConstructorParameters<typeof Redlock>[0];

describe('the type of a node', () => {
  it('accepts URLs', () => {
    expectTypeOf<string>().toExtend<NodeSpec>();
    expectTypeOf<URL>().toExtend<NodeSpec>();
  });

  it('accepts clients and Clusters of ioredis and iovalkey', () => {
    expectTypeOf<Redis>().toExtend<NodeSpec>();
    expectTypeOf<Cluster>().toExtend<NodeSpec>();
    expectTypeOf<Redis5>().toExtend<NodeSpec>();
    expectTypeOf<Cluster5>().toExtend<NodeSpec>();
    expectTypeOf<Valkey>().toExtend<NodeSpec>();
    expectTypeOf<ValkeyCluster>().toExtend<NodeSpec>();
  });

  it('accepts the options of ioredis', () => {
    expectTypeOf<RedisOptions>().toExtend<RedisNodeOptions>();
    expectTypeOf<Options5>().toExtend<RedisNodeOptions>();
  });

  it('accepts clients and Clusters of node-redis, whatever their modules, RESP and type mapping', () => {
    expectTypeOf<ReturnType<typeof clients6>[number]>().toExtend<NodeSpec>();
  });

  it('accepts clients and Clusters of node-redis 5.12', () => {
    expectTypeOf<ReturnType<typeof clients5>[number]>().toExtend<NodeSpec>();
  });

  it('accepts the options of a Sentinel of node-redis', () => {
    expectTypeOf<RedisSentinelOptions>().toExtend<NodeSpec>();
    expectTypeOf([{ name: 'main', sentinelRootNodes: [{ host: 'a', port: 1 }] }]).toExtend<Nodes>();
  });

  it('refuses pools, Sentinel clients, promises of clients and foreign options', () => {
    expectTypeOf<ReturnType<typeof createClientPool>>().not.toExtend<NodeSpec>();
    expectTypeOf<ReturnType<typeof createSentinel>>().not.toExtend<NodeSpec>();
    expectTypeOf<ReturnType<ReturnType<typeof createClient>['connect']>>().not.toExtend<NodeSpec>();
    expectTypeOf<{ options: object }>().not.toExtend<NodeSpec>();
    expectTypeOf<{ url: string }>().not.toExtend<NodeSpec>();
    expectTypeOf<{ socket: { host: string } }>().not.toExtend<NodeSpec>();
    expectTypeOf<() => string>().not.toExtend<NodeSpec>();
    expectTypeOf<number>().not.toExtend<NodeSpec>();
  });
});
