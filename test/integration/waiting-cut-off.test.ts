import { describe, expect, it } from 'vitest';
import type { Lock, Redlock } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { lineIs } from './fixtures/line.ts';
import { connected, openRedlock, startNodes, startProxies, UNGUARDED } from './fixtures/nodes.ts';
import { heardOn, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** With the usual pauses, in which a waiter finds out that a node is down. */
const LONG = { acquireTimeout: 25_000 };

interface CutOff {
  readonly servers: RedisServer[];
  readonly proxies: TcpProxy[];
  readonly lock: Lock;
  /** Behind the proxies. */
  readonly redlock: Redlock;
}

/** A lock, and a Redlock that can be cut off from all nodes. */
async function scene(count = 5): Promise<CutOff> {
  const servers = await startNodes(count);
  const proxies = await startProxies(servers);
  const holder = openRedlock(servers, UNGUARDED);
  await connected(holder, servers);
  const redlock = openRedlock(proxies, { ...UNGUARDED, nodeTimeout: 200 });
  await connected(redlock, servers);
  const lock = await holder.acquire('r', { ttl: 30_000 });
  return { servers, proxies, lock, redlock };
}

describe('a call that waits', () => {
  it('gets a lock that was released while it was cut off', async () => {
    const { servers, proxies, lock, redlock } = await scene();
    const { call } = await waiter(redlock, servers, LONG);
    for (const proxy of proxies) proxy.refuse();
    await lock.release();
    await Promise.all(proxies.map((proxy) => proxy.accept()));
    await (await call).release();
  });

  it('gets a lock that was released after all its connections had died without a word', async () => {
    const { servers, proxies, lock, redlock } = await scene();
    const { call } = await waiter(redlock, servers, LONG);
    await Promise.all(proxies.map((proxy) => proxy.blackhole()));
    await Promise.all(proxies.map((proxy) => proxy.accept()));
    await lock.release();
    await (await call).release();
  });

  it('can be ended while a server hangs that it would stand at: nothing is left', async () => {
    const servers = await startNodes(3);
    const [holder, redlock] = [openRedlock(servers, UNGUARDED), openRedlock(servers, UNGUARDED)];
    await connected(holder, servers);
    await connected(redlock, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const [hanging, ...others] = servers as [RedisServer, ...RedisServer[]];
    hanging.pause();
    const controller = new AbortController();
    const call = redlock.acquire('r', { ...LONG, signal: controller.signal });
    call.catch(() => {});
    await heardOn(others);
    controller.abort();
    await expect(call).rejects.toBe(controller.signal.reason);
    for (const server of others) await lineIs(server, 0);
    await redlock.close();
    hanging.resume();
    await lock.release();
  });

  it('is ended by close while no server can be reached: nothing is left', async () => {
    const { servers, proxies, lock, redlock } = await scene(3);
    const { call } = await waiter(redlock, servers, LONG);
    for (const proxy of proxies) proxy.refuse();
    await redlock.close();
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    await lock.release();
  });
});
