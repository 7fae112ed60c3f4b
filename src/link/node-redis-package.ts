import { createRequire } from 'node:module';
import type { NodeRedisClient } from './node-redis.ts';

export interface NodeRedisPackage {
  readonly createClient: (options: object) => NodeRedisClient & {
    duplicate(overrides: object): NodeRedisClient;
  };
}

let loaded: NodeRedisPackage | undefined;

/**
 * node-redis, for what has no instance of a single client to duplicate.
 *
 * @throws {Error} when neither of its packages is installed
 */
export function loadNodeRedis(): NodeRedisPackage {
  loaded ??= load();
  return loaded;
}

function load(): NodeRedisPackage {
  const require = createRequire(import.meta.url);
  for (const name of ['@redis/client', 'redis'])
    try {
      return require(name) as NodeRedisPackage;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // One of its own dependencies may be what is missing.
      if (code !== 'MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw error;
    }
  throw new Error(
    'a cluster or Sentinel of node-redis needs the package @redis/client, which is not installed: npm install @redis/client',
  );
}
