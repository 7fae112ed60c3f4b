import { describe, expect, it } from 'vitest';
import { type Lock, type Redlock, ResourceHeldError } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { runFixture } from './fixtures/child.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { tokensIn } from './fixtures/commands.ts';
import {
  connected,
  openRedlock,
  rejection,
  SLACK,
  startNodes,
  startProxies,
  timed,
} from './fixtures/nodes.ts';
import { heardOn, subscribersOf, UNWOKEN, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** A holder in another process, on five servers. */
async function heldElsewhere(ttl = 30_000) {
  const servers = await startNodes(5);
  const holder = runFixture('holder.ts', [servers.map(({ url }) => url).join(','), String(ttl)]);
  await holder.printed('locked');
  return { servers, holder };
}

/** Two Redlocks, as of two processes, of which one holds the lock. */
async function held(count = 5): Promise<{ servers: RedisServer[]; redlock: Redlock; lock: Lock }> {
  const servers = await startNodes(count);
  const [redlock, holder] = [openRedlock(servers), openRedlock(servers)];
  await connected(redlock, servers);
  await connected(holder, servers);
  return { servers, redlock, lock: await holder.acquire('r', { ttl: 30_000 }) };
}

describe('a lock of another process', () => {
  it('is handed on as soon as it is released', async () => {
    const { servers, holder } = await heldElsewhere();
    const { call } = await waiter(openRedlock(servers), servers);
    holder.process.kill('SIGUSR2');
    const released = holder.printed('released');
    const { ms, outcome } = await timed(call);
    expect(outcome.status).toBe('fulfilled');
    await released;
    expect(ms).toBeLessThan(SLACK + 1_000);
    await (await call).release();
    expect(await holder.exit).toMatchObject({ code: 0 });
  });

  it('is handed on at once, measured from the release', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers);
    void lock.release();
    const { ms } = await timed(call);
    expect(ms).toBeLessThan(SLACK);
    await (await call).release();
  });

  it('is got soon after a quorum of its keys has expired, if that process has died', async () => {
    const { servers, holder } = await heldElsewhere(2_000);
    const { call } = await waiter(openRedlock(servers), servers);
    const ends = await Promise.all(
      servers.map(async (server) => Number(await server.cli('PEXPIRETIME', 'r'))),
    );
    holder.process.kill('SIGKILL');
    const lock = await call;
    const late = Date.now() - (ends.toSorted((a, b) => a - b)[2] ?? 0);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(3 * 20);
    await lock.release();
  });

  it('is handed on from one to the next, many times', async () => {
    const servers = await startNodes(3);
    const redlocks = Array.from({ length: 4 }, () => openRedlock(servers));
    await Promise.all(redlocks.map((redlock) => connected(redlock, servers)));
    const order: number[] = [];
    let holders = 0;
    await Promise.all(
      redlocks.map(async (redlock, index) => {
        for (let time = 0; time < 25; time++) {
          await redlock.using('r', { acquireTimeout: 20_000 }, async () => {
            expect(++holders).toBe(1);
            order.push(index);
            await new Promise((resolve) => setImmediate(resolve));
            holders--;
          });
        }
      }),
    );
    expect(order).toHaveLength(100);
  });
});

describe('the connection that hears of releases', () => {
  it('is there while somebody waits, and for some seconds more', async () => {
    const { servers, redlock, lock } = await held(3);
    for (const server of servers) expect(await subscribersOf(server)).toEqual([]);
    const { call } = await waiter(redlock, servers);
    const another = rejection(redlock.acquire('r', { acquireTimeout: 100 }));
    for (const server of servers) expect(await subscribersOf(server)).toHaveLength(1);
    await another;
    await lock.release();
    await (await call).release();
    for (const server of servers) expect(await subscribersOf(server)).toHaveLength(1);
    const { ms } = await timed(
      Promise.all(
        servers.map((server) =>
          eventually(async () => (await subscribersOf(server)).length === 0 || undefined),
        ),
      ),
    );
    expect(ms).toBeGreaterThan(2_500);
    expect(ms).toBeLessThan(15_000);
    expect(await redlock.tryAcquire('r').then((next) => next?.release())).toMatchObject({
      outcome: 'released',
    });
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
    const { servers, redlock, lock } = await held(3);
    const { call } = await waiter(redlock, servers);
    await redlock.close();
    expect(await rejection(call)).toMatchObject({ code: 'CLOSED' });
    await Promise.all(
      servers.map((server) =>
        eventually(async () => (await subscribersOf(server)).length === 0 || undefined),
      ),
    );
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
    const before = await Promise.all(servers.map(commandsOf));
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
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

  it('in many processes make no more attempts than one each for each release', async () => {
    const servers = await startNodes(5);
    const proxies = await startProxies(servers);
    const attempts = new Set<string>();
    for (const proxy of proxies) {
      void proxy.requests((chunk) => {
        for (const token of tokensIn(chunk, 'grant')) attempts.add(token);
        return false;
      });
    }
    const holder = openRedlock(servers);
    await connected(holder, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    // On three of five: the others are there to be fought for.
    for (const server of servers.slice(3)) await server.cli('DEL', 'r');
    // A tenth of it is how long the arbiter is waited for, which on a busy machine may take longer than usual.
    const redlocks = Array.from({ length: 20 }, () =>
      openRedlock(proxies, { nodeTimeout: 5_000, ttl: 20_000 }),
    );
    for (const redlock of redlocks) await connected(redlock, servers);
    const calls = redlocks.map((redlock) => redlock.acquire('r', { ...UNWOKEN, ttl: 20_000 }));
    for (const call of calls) call.catch(() => {});
    await heardOn(servers, redlocks.length);
    await settled(attempts);
    attempts.clear();
    void lock.release();
    const next = await Promise.race(calls);
    await settled(attempts);
    expect(attempts).toContain(next.ownerToken);
    expect(attempts.size).toBeLessThanOrEqual(redlocks.length);
    attempts.clear();
    void next.release();
    await Promise.all(calls.map(async (call) => (await call) === next || (await call).release()));
  });
});

/** Resolves once no attempts are made any more for as long as a hedge could take. */
async function settled(attempts: ReadonlySet<string>): Promise<void> {
  let [size, since] = [-1, performance.now()];
  await eventually(async () => {
    if (attempts.size !== size) [size, since] = [attempts.size, performance.now()];
    return performance.now() - since > 1_000 || undefined;
  });
}
