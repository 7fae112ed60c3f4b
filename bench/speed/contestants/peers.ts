import { Redis } from 'ioredis';
import {
  type NodeRedisClient,
  type RedisKitLock,
  type Redlock,
  type Redlock4Lock,
  type RedlockClass,
  type RedlockMutex,
  redisKit,
  redlock4,
  redlockMutex,
  redlockUniversal,
} from '../../support/peer-modules.ts';
import type { Contestant, Terms } from './contestant.ts';

/** Nobody competes, so nobody has to try again: who fails, fails. */
const NO_RETRY = { retryCount: 0 };

function connect(urls: readonly string[]): { nodes: Redis[]; readonly close: () => Promise<void> } {
  const nodes = urls.map((url) => new Redis(url));
  return {
    nodes,
    close: async () => {
      for (const node of nodes) node.disconnect();
    },
  };
}

/** A lock that is held for as long as a routine runs. */
interface Using {
  end(): void;
  readonly ended: Promise<void>;
}

/** Libraries that extend by themselves only while a routine runs get one that waits. */
function hold(using: (routine: () => Promise<void>) => Promise<void>): Promise<Using> {
  return new Promise((resolve, reject) => {
    const ended = using(
      () =>
        new Promise((end) => {
          resolve({ end, ended });
        }),
    );
    ended.catch(reject);
  });
}

function letGo(held: Using): Promise<void> {
  held.end();
  return held.ended;
}

export async function openRedlock(
  urls: readonly string[],
  { ttl, autoExtend }: Terms,
  Redlock: RedlockClass,
): Promise<Contestant> {
  const { nodes, close } = connect(urls);
  const redlock: Redlock = new Redlock(nodes, NO_RETRY);
  redlock.on('error', () => {});
  if (autoExtend) {
    return {
      acquire: (resource) => hold((routine) => redlock.using([resource], ttl, routine)),
      release: letGo,
      close,
    } satisfies Contestant<Using>;
  }
  return {
    acquire: (resource) => redlock.acquire([resource], ttl),
    release: (lock) => redlock.release(lock),
    close,
  };
}

export async function openRedlock4(
  urls: readonly string[],
  { ttl, autoExtend }: Terms,
): Promise<Contestant<Redlock4Lock>> {
  if (autoExtend) throw new Error('redlock 4 has no automatic extension');
  const { nodes, close } = connect(urls);
  const Redlock4 = redlock4();
  const redlock = new Redlock4(nodes, NO_RETRY);
  redlock.on('clientError', () => {});
  return {
    acquire: (resource) => redlock.lock(resource, ttl),
    release: (lock) => lock.unlock(),
    close,
  };
}

export async function openRedisSemaphore(
  urls: readonly string[],
  { ttl, autoExtend }: Terms,
): Promise<Contestant<RedlockMutex>> {
  const { nodes, close } = connect(urls);
  const RedlockMutex = redlockMutex();
  const options = {
    lockTimeout: ttl,
    acquireTimeout: 10_000,
    retryInterval: 10,
    ...(!autoExtend && { refreshInterval: 0 }),
  };
  return {
    acquire: async (resource) => {
      const mutex = new RedlockMutex(nodes, resource, options);
      await mutex.acquire();
      return mutex;
    },
    release: (mutex) => mutex.release(),
    close,
  };
}

export async function openRedlockUniversal(
  urls: readonly string[],
  { ttl, autoExtend }: Terms,
): Promise<Contestant> {
  const { nodes, close } = connect(urls);
  const { IoredisAdapter, createRedlock } = redlockUniversal();
  const adapters = nodes.map((node) => new IoredisAdapter(node));
  const lockOn = (key: string): ReturnType<typeof createRedlock> =>
    createRedlock({ adapters, key, ttl, retryAttempts: 0, retryDelay: 10 });
  if (autoExtend) {
    return {
      acquire: (resource) => hold((routine) => lockOn(resource).using(routine)),
      release: letGo,
      close,
    } satisfies Contestant<Using>;
  }
  interface Held {
    readonly lock: ReturnType<typeof lockOn>;
    readonly handle: unknown;
  }
  return {
    acquire: async (resource) => {
      const lock = lockOn(resource);
      return { lock, handle: await lock.acquire() };
    },
    release: ({ lock, handle }) => lock.release(handle),
    close,
  } satisfies Contestant<Held>;
}

export async function openRedisKit(
  urls: readonly string[],
  { ttl, autoExtend }: Terms,
): Promise<Contestant<RedisKitLock>> {
  const { createClient, Redlock } = redisKit();
  const nodes = urls.map((url): NodeRedisClient => createClient({ url }));
  for (const node of nodes) node.on('error', () => {});
  await Promise.all(nodes.map((node) => node.connect()));
  const redlock = new Redlock(nodes, { maxRetryAttempts: 0 });
  return {
    acquire: async (resource) => {
      const lock = await redlock.acquire(resource, ttl);
      if (!lock) throw new Error(`${resource} is held`);
      // From when on quorlock and others do it too, more or less.
      if (autoExtend) lock.startAutoExtension(Math.round(ttl / 3));
      return lock;
    },
    release: (lock) => lock.release(),
    close: async () => {
      for (const node of nodes) node.destroy();
    },
  };
}
