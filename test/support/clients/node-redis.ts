import type { LookupFunction } from 'node:net';
import type {
  RedisClientOptions,
  RedisClientType,
  RedisClusterOptions,
  RedisClusterType,
} from '@redis/client';
import type { RedisOptions } from 'ioredis';
import type { NodeRedisSentinelOptions, NodeSpec } from '../../../src/index.ts';
import type { ClusterSettings } from './client.ts';
import type { StartupNodes } from './ioredis.ts';
import { packageOf } from './kind.ts';

/*
 * Clients of node-redis, none of which is ever connected by itself: of the version under test, or of 6 if that is of another
 * family.
 */

interface Package {
  readonly createClient: (options: RedisClientOptions) => RedisClientType;
  readonly createCluster: (options: RedisClusterOptions) => RedisClusterType;
}

const nodeRedis = packageOf('node-redis') as Package;
export const createClient: Package['createClient'] = nodeRedis.createClient;
export const createCluster: Package['createCluster'] = nodeRedis.createCluster;

/** `createClient` builds a class for each set of options that it has not just seen, which costs some 20 ms; a duplicate costs nothing. */
const template = createClient({});

/** What corresponds to a URL or options of ioredis: a client, or the options of a Sentinel client. */
export function equivalentOf(address: string | URL | RedisOptions): NodeSpec {
  if (typeof address === 'string' || address instanceof URL)
    return template.duplicate({ url: String(address) });
  return address.sentinels ? sentinelOptions(address) : template.duplicate(clientOptions(address));
}

/** What corresponds to a Cluster of ioredis. */
export function equivalentCluster(nodes: StartupNodes, settings: ClusterSettings): RedisClusterType {
  const { natMap, redisOptions, dnsLookup } = settings;
  const { socket, ...login } = clientOptions(redisOptions ?? {});
  // In the options of ioredis' Cluster, a look-up has a shape of its own.
  const lookup: LookupFunction = (host, _options, found) =>
    dnsLookup?.(host, (error, address, family) => found(error ?? null, address ?? '', family ?? 4));
  return createCluster({
    rootNodes: nodes.map((node) =>
      typeof node === 'object' ? clientOptions(node as RedisOptions) : { url: String(node) },
    ),
    defaults: { ...login, socket: { ...socket, ...(dnsLookup && { lookup }) } },
    ...(natMap && { nodeAddressMap: natMap }),
  } as RedisClusterOptions);
}

function sentinelOptions(options: RedisOptions): NodeRedisSentinelOptions {
  const { sentinels = [], name = '', natMap, sentinelUsername, sentinelPassword } = options;
  const { username, password, db, tls, sentinelTLS, enableTLSForSentinelMode } = options;
  const master = { username, password, db, ...(enableTLSForSentinelMode && { tls }) };
  const finder = { username: sentinelUsername, password: sentinelPassword, tls: sentinelTLS };
  return {
    name,
    sentinelRootNodes: sentinels as { host: string; port: number }[],
    nodeClientOptions: clientOptions(master),
    sentinelClientOptions: clientOptions(finder),
    ...(natMap && { nodeAddressMap: natMap }),
  };
}

function clientOptions(options: RedisOptions): RedisClientOptions {
  const { host, port, path, family, username, password, db, tls, connectionName } = options;
  const socket = { host, port, path, family };
  return {
    ...defined({ username, password, database: db, name: connectionName }),
    // A user's options of TLS stand beside the address.
    socket: { ...defined(socket), ...(tls && { ...tls, tls: true }) },
  };
}

function defined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
