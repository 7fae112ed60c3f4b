import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { QuorumUnreachableError, Redlock } from '../../src/index.ts';
import { type RedisServer, startRedises } from '../../test/support/redis-server.ts';
import { startProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts';
import type { Take } from './load.ts';

/** Five servers and two Redlocks over them; the second one reaches the last two servers through proxies. */
export interface Setting {
  readonly servers: readonly RedisServer[];
  readonly proxies: readonly TcpProxy[];
  readonly direct: Redlock;
  readonly proxied: Redlock;
  close(): Promise<void>;
}

export async function openSetting(nodeTimeout: number): Promise<Setting> {
  const servers = await startRedises(5);
  const proxies = await Promise.all(servers.slice(3).map(({ port }) => startProxy(port)));
  const urls = servers.map(({ url }) => url);
  // What is measured is how soon a server is found again, not how long it must not vote.
  const options = { nodeTimeout, restartGuard: 'off' } as const;
  const direct = new Redlock(urls, options);
  const proxied = new Redlock([...urls.slice(0, 3), ...proxies.map(({ url }) => url)], options);
  return {
    servers,
    proxies,
    direct,
    proxied,
    close: async () => {
      await Promise.all([direct.close(), proxied.close()]);
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

export function takeWith(redlock: Redlock): Take {
  return async (resource) => {
    const lock = await redlock.tryAcquire(resource);
    if (!lock) throw new Error(`${resource} is held`);
    return async () => (await lock.release()).outcome === 'released';
  };
}

/** Resolves once locks are on all servers again, so that the next measurement starts from health. */
export async function healthy(redlock: Redlock, servers: readonly RedisServer[]): Promise<void> {
  for (;;) {
    const lock = await redlock.tryAcquire('everywhere').catch(() => null);
    const kept = lock && (await Promise.all(servers.map((server) => server.cli('EXISTS', 'everywhere'))));
    await lock?.release();
    if (kept?.every((exists) => exists === 1)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves once attempts fail because so many nodes have been given up on. */
export async function givenUp(redlock: Redlock, count: number): Promise<void> {
  for (;;) {
    const error = await redlock.tryAcquire('nothing').catch((reason: unknown) => reason);
    if (error instanceof QuorumUnreachableError) {
      if (error.votes.filter(({ kind }) => kind === 'unreachable').length >= count) return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves with how long it took until a lock could be had, in ms. */
export async function untilService(redlock: Redlock): Promise<number> {
  const began = performance.now();
  for (;;) {
    const lock = await redlock.tryAcquire('service').catch(() => null);
    const took = performance.now() - began;
    await lock?.release();
    if (lock) return took;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Used heap in MB, after a collection. */
export async function usedHeap(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
