import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';

/** Peers are dependencies of the bench alone: without them it still has to compile, so their types are not used. */
const load = createRequire(import.meta.url);

/** Of redlock 5, and of what was made from it. */
export interface Redlock {
  acquire(resources: string[], ttl: number): Promise<unknown>;
  release(lock: unknown, settings?: { retryCount: number }): Promise<unknown>;
  using(resources: string[], ttl: number, routine: () => Promise<void>): Promise<void>;
  on(event: 'error', listener: () => void): void;
}
export type RedlockClass = new (
  nodes: readonly Redis[],
  settings: { retryCount: number; retryDelay?: number; retryJitter?: number },
) => Redlock;

export function redlock5(): RedlockClass {
  return (load('redlock') as { default: RedlockClass }).default;
}

export function sesamecareRedlock(): RedlockClass {
  return (load('@sesamecare-oss/redlock') as { Redlock: RedlockClass }).Redlock;
}

interface Redlock4 {
  lock(resource: string, ttl: number): Promise<Redlock4Lock>;
  on(event: 'clientError', listener: () => void): void;
}
export interface Redlock4Lock {
  unlock(): Promise<void>;
}

export function redlock4(): new (nodes: readonly Redis[], settings: { retryCount: number }) => Redlock4 {
  return load('redlock4') as ReturnType<typeof redlock4>;
}

export interface RedlockMutex {
  acquire(): Promise<void>;
  release(): Promise<void>;
}
export type RedlockMutexClass = new (
  nodes: readonly Redis[],
  resource: string,
  options: { lockTimeout: number; acquireTimeout: number; retryInterval: number; refreshInterval?: number },
) => RedlockMutex;

export function redlockMutex(): RedlockMutexClass {
  return (load('redis-semaphore') as { RedlockMutex: RedlockMutexClass }).RedlockMutex;
}

interface UniversalLock {
  acquire(): Promise<unknown>;
  release(handle: unknown): Promise<unknown>;
  using(routine: () => Promise<void>): Promise<void>;
}
interface RedlockUniversal {
  readonly IoredisAdapter: new (node: Redis) => object;
  readonly createRedlock: (config: {
    adapters: readonly object[];
    key: string;
    ttl: number;
    retryAttempts: number;
    retryDelay: number;
  }) => UniversalLock;
}

export function redlockUniversal(): RedlockUniversal {
  return load('redlock-universal') as RedlockUniversal;
}

/** Of node-redis, which @redis-kit/lock needs. */
export interface NodeRedisClient {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: () => void): unknown;
}
export interface RedisKitLock {
  release(): Promise<boolean>;
  startAutoExtension(threshold: number): void;
}
interface RedisKit {
  readonly createClient: (options: { url: string }) => NodeRedisClient;
  readonly Redlock: new (
    nodes: readonly NodeRedisClient[],
    options: { maxRetryAttempts: number },
  ) => { acquire(resource: string, ttl: number): Promise<RedisKitLock | null> };
}

export function redisKit(): RedisKit {
  const { createClient } = load('redis') as Pick<RedisKit, 'createClient'>;
  const { Redlock } = load('@redis-kit/lock') as Pick<RedisKit, 'Redlock'>;
  return { createClient, Redlock };
}
