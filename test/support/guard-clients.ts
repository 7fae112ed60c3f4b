import * as nodeRedis6 from '@redis/client';
import type { Cluster, Redis } from 'ioredis';
import ioredis5 from 'ioredis5';
import iovalkey from 'iovalkey';
import type { FencedRedis } from 'quorlock/fencing';
import * as nodeRedis5 from 'redis-client5';
import { clusterClient, redisClient } from './clients/ioredis.ts';

/** Where the guarded keys are: one server, all of a Cluster, or the sentinels. */
export type Place = 'server' | 'cluster' | 'sentinel';

export interface GuardClient {
  readonly redis: FencedRedis;
  connect(): Promise<unknown>;
  disconnect(): unknown;
}

export interface GuardClientKind {
  readonly name: string;
  readonly place: Place;
  /** Whether the client has a key prefix. */
  readonly prefixes: boolean;
  /** Whether commands that are given without waiting reach the server in order. */
  readonly ordered: boolean;
  /** Not connected yet. */
  make: (ports: readonly number[], keyPrefix?: string) => GuardClient;
}

interface Ioredises {
  readonly name: string;
  server: (port: number, keyPrefix: string) => Redis;
  cluster: (ports: readonly number[], keyPrefix: string) => Cluster;
}

const IOREDISES: readonly Ioredises[] = [
  {
    name: 'ioredis 6',
    server: (port, keyPrefix) => redisClient({ port, keyPrefix }),
    cluster: (ports, keyPrefix) =>
      clusterClient(
        ports.map((port) => ({ host: '127.0.0.1', port })),
        { keyPrefix },
      ),
  },
  {
    name: 'ioredis 5',
    server: (port, keyPrefix) =>
      new ioredis5.Redis({ port, keyPrefix, lazyConnect: true }) as unknown as Redis,
    cluster: (ports, keyPrefix) =>
      new ioredis5.Cluster([...ports], { keyPrefix, lazyConnect: true }) as unknown as Cluster,
  },
  {
    name: 'iovalkey',
    server: (port, keyPrefix) =>
      new iovalkey.Redis({ port, keyPrefix, lazyConnect: true }) as unknown as Redis,
    cluster: (ports, keyPrefix) =>
      new iovalkey.Cluster([...ports], { keyPrefix, lazyConnect: true }) as unknown as Cluster,
  },
];

function byIoredis(make: () => Redis | Cluster): GuardClient {
  const redis = make();
  return { redis, connect: () => redis.connect(), disconnect: () => redis.disconnect() };
}

/** What the clients, pools, clusters and Sentinel clients of node-redis have in common. */
type NodeRedis = FencedRedis & {
  on(event: 'error', listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
};

function byNodeRedis<Client extends NodeRedis>(
  client: Client,
  view: (client: Client) => FencedRedis = (same) => same,
): GuardClient {
  client.on('error', () => undefined);
  return {
    redis: view(client),
    connect: () => client.connect(),
    disconnect: () => client.destroy(),
  };
}

const NAME = 'quorlock';
const urls = (ports: readonly number[]) => ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
const hosts = (ports: readonly number[]) => ports.map((port) => ({ host: '127.0.0.1', port }));
const socket = ([port = 0]: readonly number[]) => ({ host: '127.0.0.1', port });
/** As many at most as at least: others come and go by timers. */
const POOL = { minimum: 2, maximum: 2 };

type Make = GuardClientKind['make'];

const BUFFERS = { [nodeRedis6.RESP_TYPES.BLOB_STRING]: Buffer };
const BUFFERS_5 = { [nodeRedis5.RESP_TYPES.BLOB_STRING]: Buffer };

const NODE_REDISES: readonly [name: string, place: Place, make: Make][] = [
  [
    'node-redis 6',
    'server',
    (ports, keyPrefix = '') => byNodeRedis(nodeRedis6.createClient({ socket: socket(ports), keyPrefix })),
  ],
  [
    'node-redis 6 with RESP2',
    'server',
    (ports, keyPrefix = '') =>
      byNodeRedis(nodeRedis6.createClient({ socket: socket(ports), keyPrefix, RESP: 2 })),
  ],
  [
    'node-redis 6 that answers with Buffers',
    'server',
    (ports, keyPrefix = '') =>
      byNodeRedis(nodeRedis6.createClient({ socket: socket(ports), keyPrefix }), (client) =>
        client.withTypeMapping(BUFFERS),
      ),
  ],
  [
    'a pool of node-redis 6',
    'server',
    (ports, keyPrefix = '') =>
      byNodeRedis(nodeRedis6.createClientPool({ socket: socket(ports), keyPrefix }, POOL)),
  ],
  [
    'node-redis 6',
    'cluster',
    (ports, keyPrefix = '') => byNodeRedis(nodeRedis6.createCluster({ rootNodes: urls(ports), keyPrefix })),
  ],
  [
    'node-redis 6 that answers with Buffers',
    'cluster',
    (ports, keyPrefix = '') =>
      byNodeRedis(nodeRedis6.createCluster({ rootNodes: urls(ports), keyPrefix }), (client) =>
        client.withTypeMapping(BUFFERS),
      ),
  ],
  [
    'node-redis 6',
    'sentinel',
    (ports, keyPrefix = '') =>
      byNodeRedis(nodeRedis6.createSentinel({ name: NAME, sentinelRootNodes: hosts(ports), keyPrefix })),
  ],
  ['node-redis 5', 'server', (ports) => byNodeRedis(nodeRedis5.createClient({ socket: socket(ports) }))],
  [
    'node-redis 5 with RESP3',
    'server',
    (ports) => byNodeRedis(nodeRedis5.createClient({ socket: socket(ports), RESP: 3 })),
  ],
  [
    'node-redis 5 that answers with Buffers',
    'server',
    (ports) =>
      byNodeRedis(nodeRedis5.createClient({ socket: socket(ports) }), (client) =>
        client.withTypeMapping(BUFFERS_5),
      ),
  ],
  [
    'a pool of node-redis 5',
    'server',
    (ports) => byNodeRedis(nodeRedis5.createClientPool({ socket: socket(ports) }, POOL)),
  ],
  ['node-redis 5', 'cluster', (ports) => byNodeRedis(nodeRedis5.createCluster({ rootNodes: urls(ports) }))],
  [
    'node-redis 5',
    'sentinel',
    (ports) => byNodeRedis(nodeRedis5.createSentinel({ name: NAME, sentinelRootNodes: hosts(ports) })),
  ],
];

/** Every client that the guards are documented to take. */
export const GUARD_CLIENTS: readonly GuardClientKind[] = [
  ...IOREDISES.flatMap(({ name, server, cluster }): GuardClientKind[] => [
    {
      name,
      place: 'server',
      prefixes: true,
      ordered: true,
      make: ([port = 0], keyPrefix = '') => byIoredis(() => server(port, keyPrefix)),
    },
    {
      name,
      place: 'cluster',
      prefixes: true,
      ordered: true,
      make: (ports, keyPrefix = '') => byIoredis(() => cluster(ports, keyPrefix)),
    },
  ]),
  ...NODE_REDISES.map(([name, place, make]): GuardClientKind => {
    const ordered = place !== 'sentinel' && !name.includes('pool');
    return { name, place, make, ordered, prefixes: name.includes('node-redis 6') };
  }),
];
