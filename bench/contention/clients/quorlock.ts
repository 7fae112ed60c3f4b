import { Redlock } from '../../../src/index.ts';
import type { LockClient } from './lock-client.ts';

/** With its defaults, but for a waiter's patience and the ttl of a lock that is held all the time. */
export function openQuorlock(urls: readonly string[]): LockClient {
  const redlock = new Redlock(urls, { acquireTimeout: Number.POSITIVE_INFINITY, maxTtl: 60_000 });
  return {
    acquire: async (resource, ttl) => {
      const lock = await redlock.acquire(resource, { ttl });
      return () => lock.release();
    },
    tryAcquire: async (resource, ttl) => {
      const lock = await redlock.tryAcquire(resource, { ttl });
      return lock && (() => lock.release());
    },
  };
}
