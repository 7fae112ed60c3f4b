import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { NodeSpec } from '../../../src/index.ts';
import { Client, clusterClient, redisClient, type StartupNodes } from './ioredis.ts';
import { kind } from './kind.ts';
import { equivalentCluster, equivalentOf } from './node-redis.ts';

/*
 * Nodes given as a client of the package under test, whichever it is. The options are those of ioredis that have an equivalent in
 * each; a test of options that only one package has makes its clients by `ioredis.ts` or `node-redis.ts`.
 */

/** Of one server, or of a master behind Sentinels. */
export function client(options: RedisOptions): NodeSpec {
  return kind.family === 'ioredis' ? redisClient(options) : equivalentOf(options);
}

export type ClusterSettings = Pick<ClusterOptions, 'dnsLookup' | 'natMap' | 'redisOptions'>;

export function cluster(nodes: StartupNodes, settings: ClusterSettings = {}): NodeSpec {
  return kind.family === 'ioredis' ? clusterClient(nodes, settings) : equivalentCluster(nodes, settings);
}

/** For programs that tests start, where URLs would lead to ioredis 6: clients of the package under test. */
export function nodesAt(urls: readonly string[]): NodeSpec[] {
  return urls.map((url) => {
    if (!process.env['REDIS_CLIENT']) return url;
    return kind.family === 'ioredis' ? new Client(url, { lazyConnect: true }) : equivalentOf(url);
  });
}
