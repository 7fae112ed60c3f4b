import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { packageOf } from './kind.ts';

/*
 * Clients of the ioredis family: of the package under test, or of ioredis 6 if that is of another family. The constructors of
 * ioredis 6 tell options with RESP3 shapes from others in their types, and so take no options of a wider type.
 */

export type StartupNodes = ConstructorParameters<typeof Cluster>[0];

interface Package {
  new (options: RedisOptions): Redis;
  new (url: string, options: RedisOptions): Redis;
  readonly Cluster: new (nodes: StartupNodes, options: ClusterOptions) => Cluster;
}

// ioredis 5.3 and iovalkey have no export named `Redis`.
export const Client: Package = packageOf('ioredis') as Package;

/** Connects when it is first used. */
export function redisClient(options: RedisOptions): Redis {
  return new Client({ lazyConnect: true, ...options });
}

/** Connects when it is first used. */
export function clusterClient(nodes: StartupNodes, options: ClusterOptions = {}): Cluster {
  return new Client.Cluster(nodes, { lazyConnect: true, ...options });
}
