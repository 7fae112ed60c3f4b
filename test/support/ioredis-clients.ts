import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';

/*
 * The constructors of ioredis 6 tell options with RESP3 shapes from others in their types, and so take no options
 * of a wider type. Both connect when they are first used.
 */

export function redisClient(options: RedisOptions): Redis {
  return new (Redis as new (options: RedisOptions) => Redis)({ lazyConnect: true, ...options });
}

export type StartupNodes = ConstructorParameters<typeof Cluster>[0];

export function clusterClient(nodes: StartupNodes, options: ClusterOptions = {}): Cluster {
  const Client = Cluster as unknown as new (nodes: StartupNodes, options: ClusterOptions) => Cluster;
  return new Client(nodes, { lazyConnect: true, ...options });
}
