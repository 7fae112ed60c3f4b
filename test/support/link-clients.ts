import { createRequire } from 'node:module';
import { type IoredisClient, ioredisLinks } from '../../src/link/ioredis.ts';
import type { OpenLink } from '../../src/link/link.ts';
import { type NodeRedisClient, nodeRedisLinks } from '../../src/link/node-redis.ts';

interface LinkOptions {
  username?: string;
  password?: string;
  db?: number;
  /** Options of TLS, which is used then. */
  tls?: object;
  /** More options, as the package itself has them. */
  more?: object;
}

/** An instance that a user could hand in, and how links come from it. */
interface LinkSource {
  readonly instance: { readonly options: object; listenerCount(event: string): number };
  readonly open: OpenLink;
}

/** One client and version behind the port. */
export interface LinkClient {
  readonly name: string;
  readonly family: 'ioredis' | 'node-redis';
  source(options?: LinkOptions): LinkSource;
}

const require = createRequire(import.meta.url);

type Ioredis = IoredisClient &
  LinkSource['instance'] & { duplicate(overrides: object): IoredisClient; status: string };

function ioredis(name: string, module: string): LinkClient {
  const Redis = require(module) as new (options: object) => Ioredis;
  return {
    name,
    family: 'ioredis',
    source({ more, ...options } = {}) {
      // Where nobody listens: it is not to be used.
      const instance = new Redis({ lazyConnect: true, port: 1, ...options, ...more });
      return { instance, open: ioredisLinks((overrides) => instance.duplicate(overrides)) };
    },
  };
}

type NodeRedis = NodeRedisClient & LinkSource['instance'] & { duplicate(overrides: object): NodeRedisClient };

function nodeRedis(name: string, module: string): LinkClient {
  const { createClient } = require(module) as { createClient: (options: object) => NodeRedis };
  return {
    name,
    family: 'node-redis',
    source({ more, tls, db, ...options } = {}) {
      const { socket, ...others } = { socket: {}, ...more };
      const instance = createClient({
        ...options,
        ...(db !== undefined && { database: db }),
        socket: { port: 1, ...(tls && { tls: true, ...tls }), ...socket },
        ...others,
      });
      return {
        instance,
        open: nodeRedisLinks((overrides) => instance.duplicate(overrides), instance.options),
      };
    },
  };
}

export const linkClients: readonly LinkClient[] = [
  ioredis('ioredis 6', 'ioredis'),
  ioredis('ioredis 5', 'ioredis5'),
  ioredis('ioredis 5.3', 'ioredis53'),
  ioredis('iovalkey', 'iovalkey'),
  nodeRedis('node-redis 6', '@redis/client'),
  nodeRedis('node-redis 5', 'redis-client5'),
];
