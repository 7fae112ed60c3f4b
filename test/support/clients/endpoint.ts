// Stands in for `src/node/redis/endpoint.ts` where node-redis is under test, so that URLs and options lead to its clients.
import { type Endpoint, toEndpoint as toOwnEndpoint } from '../../../src/node/redis/endpoint.ts';
import { equivalentOf } from './node-redis.ts';

export * from '../../../src/node/redis/endpoint.ts';

export function toEndpoint(spec: unknown, position: number, keyPrefix: string): Endpoint {
  // What is refused is refused as it would be otherwise.
  const endpoint = toOwnEndpoint(spec, position, keyPrefix);
  if (!isForIoredis(spec)) return endpoint;
  return toOwnEndpoint(equivalentOf(spec), position, keyPrefix);
}

/** A URL, or an object with an address by the names that ioredis uses. */
function isForIoredis(spec: unknown): spec is string | URL {
  if (typeof spec === 'string' || spec instanceof URL) return true;
  const { prototype } = Object;
  return Object.getPrototypeOf(spec) === prototype && !('sentinelRootNodes' in (spec as object));
}
