import { Redlock } from '../../../src/index.ts';
import type { LockClient } from './lock-client.ts';

/** With its defaults, but for a waiter's patience. */
export function openQuorlock(urls: readonly string[]): LockClient {
  const redlock = new Redlock(urls, { acquireTimeout: Number.POSITIVE_INFINITY });
  return {
    acquire: async (resource, ttl) => {
      const lock = await redlock.acquire(resource, { ttl });
      return () => lock.release();
    },
  };
}
