import { describe, expect, it } from 'vitest';
import { type Lock, type Redlock, ResourceHeldError } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { runFixture } from './fixtures/child.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { grantsIn } from './fixtures/commands.ts';
import { arbitersFor, LATE, lineIs, notifiedOnly, openRedlocks, queueUp, served } from './fixtures/line.ts';
import { connected, openRedlock, rejection, startNodes, startProxies } from './fixtures/nodes.ts';
import { heardOn, subscribersOf, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** A lock that a process holds which hears of nobody's wish, and a Redlock that is connected. */
async function heldElsewhere(ttl = 30_000) {
  const servers = await startNodes(5);
  const redlock = openRedlock(servers);
  await connected(redlock, servers);
  const holder = runFixture('holder.ts', [servers.map(({ url }) => url).join(','), String(ttl)]);
  await holder.printed('locked');
  return { servers, redlock, holder };
}

/** Two Redlocks, as of two processes, of which one holds the lock. */
async function held(count = 5): Promise<{
  servers: RedisServer[];
  arbiter: RedisServer;
  redlock: Redlock;
  lock: Lock;
}> {
  const servers = await startNodes(count);
  const [redlock, holder] = (await openRedlocks(2, servers)) as [Redlock, Redlock];
  const [arbiter] = arbitersFor(servers) as [RedisServer];
  return { servers, arbiter, redlock, lock: await holder.acquire('r', { ttl: 30_000 }) };
}

describe('a lock of another process', () => {
  it('is handed on when that process releases it', async () => {
    const { servers, redlock, holder } = await heldElsewhere();
    const { call } = await waiter(redlock, servers);
    holder.process.kill('SIGUSR2');
    await holder.printed('released');
    await (await call).release();
    expect(await holder.exit).toMatchObject({ code: 0 });
  });

  it('is handed on because its release notifies those that wait', async () => {
    const servers = await startNodes(5);
    const { options, begin } = notifiedOnly();
    const [holder, ...others] = (await openRedlocks(5, servers, options)) as [Redlock, ...Redlock[]];
    begin();
    const lock = await holder.acquire('r');
    const calls = await queueUp(others, arbitersFor(servers)[0] as RedisServer);
    await lock.release();
    expect(await served(calls)).toHaveLength(4);
  });

  it('is got soon after a quorum of its keys has expired, if that process has died', async () => {
    const { servers, redlock, holder } = await heldElsewhere(3_000);
    const { call } = await waiter(redlock, servers);
    const ends = await Promise.all(
      servers.map(async (server) => Number(await server.cli('PEXPIRETIME', 'r'))),
    );
    holder.process.kill('SIGKILL');
    const lock = await call;
    const late = Date.now() - (ends.toSorted((a, b) => a - b)[2] ?? 0);
    expect(late).toBeGreaterThanOrEqual(0);
    // Without a timer for the expiry it would be 1.6 s at least.
    expect(late).toBeLessThan(1_000);
    await lock.release();
  });
});

describe('the connection that hears of turns', () => {
  it('is there while somebody waits, to the arbiter alone, and is kept for the next one', async () => {
    const { servers, arbiter, redlock, lock } = await held(3);
    const counts = async (): Promise<number[]> =>
      Promise.all(servers.map(async (server) => (await subscribersOf(server)).length));
    expect(await counts()).toEqual([0, 0, 0]);
    const { call } = await waiter(redlock, servers);
    const another = rejection(redlock.acquire('r', { acquireTimeout: 100 }));
    const one = servers.map((server) => (server === arbiter ? 1 : 0));
    expect(await counts()).toEqual(one);
    const before = await subscribersOf(arbiter);
    await another;
    await lock.release();
    const next = await call;
    await rejection(redlock.acquire('r', { acquireTimeout: 100 }));
    await next.release();
    expect(await counts()).toEqual(one);
    expect(await subscribersOf(arbiter)).toEqual(before);
  });

  it('is not made by calls that get their locks at once, or do not wait', async () => {
    const { servers, redlock, lock } = await held(3);
    await redlock.using('another', () => {});
    expect(await redlock.tryAcquire('r')).toBeNull();
    await expect(redlock.acquire('r', { acquireTimeout: 0 })).rejects.toBeInstanceOf(ResourceHeldError);
    for (const server of servers) expect(await subscribersOf(server)).toEqual([]);
    await lock.release();
  });

  it('is gone when the Redlock is closed, though somebody waits', async () => {
    const { servers, arbiter, redlock, lock } = await held(3);
    const { call } = await waiter(redlock, servers);
    await redlock.close();
    expect(await rejection(call)).toMatchObject({ code: 'CLOSED' });
    await eventually(async () => (await subscribersOf(arbiter)).length === 0 || undefined);
    await lineIs(arbiter, 0);
    await lock.release();
  });
});

describe('many that wait', () => {
  it('in one process are one to the nodes, and ask hardly ever', async () => {
    const { servers, redlock, lock } = await held();
    const controller = new AbortController();
    const calls = Array.from({ length: 100 }, () =>
      redlock.acquire('r', { acquireTimeout: 20_000, signal: controller.signal }),
    );
    for (const call of calls) call.catch(() => {});
    await heardOn(servers);
    // The first in line has asked again a few times, each time later than before.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const before = await Promise.all(servers.map(commandsOf));
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const seconds = (performance.now() - began) / 1_000;
    for (const [index, server] of servers.entries()) {
      const sent = Object.entries(await commandsSince(before[index], server));
      // INFO is the test's own; two attempts may have been under way, with their rollbacks.
      const count = sent.reduce((sum, [name, times]) => (name === 'info' ? sum : sum + times), 0);
      expect(count).toBeLessThanOrEqual(seconds + 4);
    }
    // They are there all the same.
    await lock.release();
    await (await Promise.race(calls)).release();
    controller.abort();
    for (const call of await Promise.allSettled(calls))
      if (call.status === 'fulfilled') await call.value.release();
  });

  it('in many processes make few attempts for each acquisition, however many they are', async () => {
    const servers = await startNodes(5);
    const proxies = await startProxies(servers);
    const attempts = new Set<string>();
    for (const proxy of proxies) {
      void proxy.requests((chunk) => {
        for (const token of grantsIn(chunk)) attempts.add(token);
        return false;
      });
    }
    const arbiter = servers[proxies.indexOf(arbitersFor(proxies)[0] as never)] as RedisServer;
    const { options, begin } = notifiedOnly(LATE);
    const all = await openRedlocks(21, servers, options, proxies);
    const [holder, ...others] = all as [Redlock, ...Redlock[]];
    begin();
    const lock = await holder.acquire('r');
    const calls = await queueUp(others, arbiter);
    attempts.clear();
    await lock.release();
    await served(calls);
    // On a busy machine some have to try again, and the second in line looks after the first.
    expect(attempts.size).toBeLessThanOrEqual(3 * others.length);
  });
});
