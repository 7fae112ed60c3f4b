import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import type { Random } from '../../../src/random.ts';
import type { LockClient } from './lock-client.ts';
import { jittered, POLLING } from './polling.ts';

/** Peers are dependencies of the bench alone: without them it still has to compile, so their types are not used. */
const load = createRequire(import.meta.url);

interface RedlockModule {
  readonly default: new (
    nodes: readonly Redis[],
    settings: { retryCount: number; retryDelay: number; retryJitter: number },
  ) => Redlock;
}
interface Redlock {
  acquire(resources: string[], ttl: number): Promise<unknown>;
  release(lock: unknown, settings: { retryCount: number }): Promise<unknown>;
  on(event: 'error', listener: () => void): void;
}

export function openRedlock(nodes: readonly Redis[]): LockClient {
  const { default: Redlock } = load('redlock') as RedlockModule;
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

interface RedisSemaphoreModule {
  readonly RedlockMutex: new (
    nodes: readonly Redis[],
    resource: string,
    options: {
      lockTimeout: number;
      acquireTimeout: number;
      retryInterval: number;
      refreshInterval: number;
    },
  ) => { acquire(): Promise<void>; release(): Promise<void> };
}

export function openRedisSemaphore(nodes: readonly Redis[], random: Random): LockClient {
  const { RedlockMutex } = load('redis-semaphore') as RedisSemaphoreModule;
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

interface RedlockUniversalModule {
  readonly IoredisAdapter: new (node: Redis) => object;
  readonly createRedlock: (config: {
    adapters: readonly object[];
    key: string;
    ttl: number;
    retryAttempts: number;
    retryDelay: number;
  }) => { acquire(): Promise<unknown>; release(handle: unknown): Promise<unknown> };
}

export function openRedlockUniversal(nodes: readonly Redis[], random: Random): LockClient {
  const { IoredisAdapter, createRedlock } = load('redlock-universal') as RedlockUniversalModule;
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
