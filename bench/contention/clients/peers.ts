import type { Redis } from 'ioredis';
import type { Random } from '../../../src/random.ts';
import { redlock5, redlockMutex, redlockUniversal } from '../../support/peer-modules.ts';
import type { LockClient } from './lock-client.ts';
import { jittered, POLLING } from './polling.ts';

export function openRedlock(nodes: readonly Redis[]): LockClient {
  const Redlock = redlock5();
  const { delay, jitter } = POLLING.redlock;
  const redlock = new Redlock(nodes, { retryCount: -1, retryDelay: delay, retryJitter: jitter });
  redlock.on('error', () => {});
  return {
    acquire: async (resource, ttl) => {
      const lock = await redlock.acquire([resource], ttl);
      // Its release retries as often as its acquire does, which here is for ever.
      return () => redlock.release(lock, { retryCount: 0 });
    },
  };
}

export function openRedisSemaphore(nodes: readonly Redis[], random: Random): LockClient {
  const RedlockMutex = redlockMutex();
  return {
    acquire: async (resource, ttl) => {
      // One object holds one lock. Its interval is fixed: waiters are kept out of step by each having its own.
      const mutex = new RedlockMutex(nodes, resource, {
        lockTimeout: ttl,
        acquireTimeout: 3_600_000,
        retryInterval: jittered(POLLING.redisSemaphore, random),
        refreshInterval: 0,
      });
      await mutex.acquire();
      return () => mutex.release();
    },
  };
}

export function openRedlockUniversal(nodes: readonly Redis[], random: Random): LockClient {
  const { IoredisAdapter, createRedlock } = redlockUniversal();
  const adapters = nodes.map((node) => new IoredisAdapter(node));
  return {
    acquire: async (resource, ttl) => {
      const retryDelay = jittered(POLLING.redlockUniversal, random);
      const lock = createRedlock({ adapters, key: resource, ttl, retryAttempts: 1_000_000, retryDelay });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    },
  };
}
