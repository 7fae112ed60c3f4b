import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  connected,
  openRedlock,
  SLACK,
  startNodes,
  startProxies,
  timed,
  UNGUARDED,
} from './fixtures/nodes.ts';
import { heardOn, subscribersOf, UNWOKEN, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** How soon a waiter hears again of a node that is back, at most, in ms: three times what is promised. */
const HEARS_WITHIN = 3_000;

describe('a call that waits', () => {
  it('gets a lock that was released while nobody could tell', async () => {
    const servers = await startNodes(5);
    const holder = openRedlock(servers, UNGUARDED);
    await connected(holder, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const proxies = await startProxies(servers);
    const redlock = openRedlock(proxies, UNGUARDED);
    await connected(redlock, servers);
    const { call } = await waiter(redlock, servers);
    for (const proxy of proxies) proxy.refuse();
    await lock.release();
    await Promise.all(proxies.map((proxy) => proxy.accept()));
    const { ms } = await timed(call);
    expect(ms).toBeLessThan(HEARS_WITHIN);
    await (await call).release();
  });

  it('notices connections that have died without a word', async () => {
    const servers = await startNodes(5);
    const holder = openRedlock(servers, UNGUARDED);
    await connected(holder, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const proxies = await startProxies(servers);
    const redlock = openRedlock(proxies, { ...UNGUARDED, nodeTimeout: 200 });
    await connected(redlock, servers);
    const { call } = await waiter(redlock, servers);
    const before = await Promise.all(servers.map(subscribersOf));
    await Promise.all(proxies.map((proxy) => proxy.blackhole()));
    await Promise.all(proxies.map((proxy) => proxy.accept()));
    const anew = async (server: RedisServer, index: number): Promise<true | undefined> =>
      (await subscribersOf(server)).some((id) => !before[index]?.includes(id)) || undefined;
    const { ms } = await timed(
      Promise.all(servers.map((server, index) => eventually(() => anew(server, index)))),
    );
    expect(ms).toBeLessThan(15_000);
    // The connections of its commands are not the ones it hears by, and are found dead at another time.
    await connected(redlock, servers);
    void lock.release();
    expect((await timed(call)).ms).toBeLessThan(SLACK);
    await (await call).release();
  });

  it('can be ended while a server hangs that it would listen to: nothing is left', async () => {
    const servers = await startNodes(3);
    const [holder, redlock] = [openRedlock(servers, UNGUARDED), openRedlock(servers, UNGUARDED)];
    await connected(holder, servers);
    await connected(redlock, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const [hanging, ...others] = servers as [RedisServer, ...RedisServer[]];
    hanging.pause();
    const controller = new AbortController();
    const call = redlock.acquire('r', { ...UNWOKEN, signal: controller.signal });
    call.catch(() => {});
    await heardOn(others);
    controller.abort();
    await expect(call).rejects.toBe(controller.signal.reason);
    await redlock.close();
    hanging.resume();
    await lock.release();
  });

  it('is ended by close while no server can be reached: nothing is left', async () => {
    const servers = await startNodes(3);
    const proxies = await startProxies(servers);
    const holder = openRedlock(servers, UNGUARDED);
    const redlock = openRedlock(proxies, UNGUARDED);
    await connected(holder, servers);
    await connected(redlock, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const { call } = await waiter(redlock, servers);
    for (const proxy of proxies) proxy.refuse();
    await redlock.close();
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    await lock.release();
  });
});
