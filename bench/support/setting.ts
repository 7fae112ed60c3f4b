import { QuorumUnreachableError, Redlock } from '../../src/index.ts';
import { type RedisServer, startRedises } from '../../test/support/redis-server.ts';
import type { Take } from './load.ts';
import { type Proxies, startProxies } from './proxies/proxies.ts';

/** Five servers and two Redlocks over them; the second one reaches the last two servers through proxies. */
export interface Setting {
  readonly servers: readonly RedisServer[];
  readonly proxies: Proxies;
  /** By which the nodes are reached, straight or through proxies. */
  readonly urls: { readonly direct: readonly string[]; readonly proxied: readonly string[] };
  readonly direct: Redlock;
  readonly proxied: Redlock;
  close(): Promise<void>;
}

export async function openSetting(nodeTimeout: number): Promise<Setting> {
  const servers = await startRedises(5);
  const proxies = await startProxies(servers.slice(3).map(({ port }) => port));
  const direct = servers.map(({ url }) => url);
  const urls = { direct, proxied: [...direct.slice(0, 3), ...proxies.urls] };
  // What is measured is how soon a server is found again, not how long it must not vote.
  const options = { nodeTimeout, restartGuard: 'off' } as const;
  const redlocks = { direct: new Redlock(urls.direct, options), proxied: new Redlock(urls.proxied, options) };
  return {
    servers,
    proxies,
    urls,
    ...redlocks,
    close: async () => {
      await Promise.all([redlocks.direct.close(), redlocks.proxied.close()]);
      proxies.stop();
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
