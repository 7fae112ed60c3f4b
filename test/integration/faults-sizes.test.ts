import { describe, expect, it } from 'vitest';
import { AcquireTimeoutError, QuorumUnreachableError } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  connected,
  openRedlock,
  rejection,
  startNodes,
  startProxies,
  takenOnAll,
  timed,
  UNGUARDED,
} from './fixtures/nodes.ts';

enforceNoLeaks();

/** A round that waited for its time to be up would take this long, in ms. */
const NODE_TIMEOUT = 1_500;
const AT_ONCE = NODE_TIMEOUT / 3;
/** The longest first pause of a waiter that is in no line, in ms of its clock. */
const FIRST_PAUSE = 50;

describe.each([1, 2, 3, 4, 5, 7])('%i nodes', (count) => {
  const quorum = Math.floor(count / 2) + 1;

  it('do everything', async () => {
    const servers = await startNodes(count);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    await connected(one, servers);
    await connected(two, servers);

    const lock = await one.acquire('r', { ttl: 5_000 });
    await takenOnAll(servers, 'r');
    expect(await two.tryAcquire('r')).toBeNull();
    const held = await two.inspect('r');
    expect(held).toMatchObject({ state: 'held' });
    expect(held.remaining).toBeGreaterThanOrEqual(lock.remaining());
    await lock.extend(10_000);
    expect(lock.remaining()).toBeGreaterThan(5_000);
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    expect(lock.state).toBe('released');

    expect(await two.using(['a', 'b'], ({ resources }) => resources)).toEqual(['a', 'b']);
    expect(await one.inspect('r')).toMatchObject({ state: 'free', remaining: 0 });
  });

  it('give no lock without a majority, and say so at once', async () => {
    const servers = await startNodes(count);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT, ttl: 20_000 });
    await connected(redlock, servers);
    await Promise.all(servers.slice(quorum - 1).map((server) => server.kill()));
    const { ms, outcome } = await timed(rejection(redlock.tryAcquire('r')));
    expect(outcome).toMatchObject({ value: expect.any(QuorumUnreachableError) });
    expect(ms).toBeLessThan(AT_ONCE);
  });
});

describe.each([3, 4, 5, 7])('%i nodes', (count) => {
  it('go on without a minority', async () => {
    const servers = await startNodes(count);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT, ttl: 20_000 });
    await connected(redlock, servers);
    const minority = servers.slice(Math.floor(count / 2) + 1);
    expect(minority).not.toEqual([]);
    await Promise.all(minority.map((server) => server.kill()));
    const { ms, outcome } = await timed(redlock.using('r', (lock) => lock.extend()));
    expect(outcome).toMatchObject({ status: 'fulfilled' });
    expect(ms).toBeLessThan(AT_ONCE);
  });
});

describe.each([2, 4])('a vote of %i nodes that is split in half', (count) => {
  it('is no answer to a call that does not wait, after nodeTimeout', async () => {
    const servers = await startNodes(count);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const others = servers.slice(count / 2);
    await Promise.all(others.map((server) => server.cli('SET', 'r', 'another', 'PX', 60_000)));
    expect(await rejection(redlock.tryAcquire('r'))).toBeInstanceOf(AcquireTimeoutError);
    for (const server of others) expect(await server.cli('GETDEL', 'r')).toBe('another');
  });

  it('is decided by the next attempt, after a first pause', async () => {
    const servers = await startNodes(count);
    // A call that can stand in line tries again as soon as it hears anything.
    for (const server of servers) await server.cli('ACL', 'SETUSER', 'default', '-ssubscribe');
    const halves = [servers.slice(0, count / 2), servers.slice(count / 2)] as const;
    const clients = await Promise.all(
      halves.map(async (own) => {
        const proxies = await startProxies(servers);
        const clock = new ManualClock(1_000);
        const redlock = openRedlock(proxies, { ...UNGUARDED, clock });
        await connected(redlock, servers);
        const others = proxies.filter((_, index) => !own.includes(servers[index] as RedisServer));
        return { own, clock, redlock, others };
      }),
    );
    const calls = clients.map(({ redlock, others }) => {
      for (const proxy of others) proxy.hold('requests');
      return redlock.acquire('r');
    });
    for (const { own } of clients) await takenOnAll(own, 'r');
    const owners = new Set(await Promise.all(servers.map((server) => server.cli('GET', 'r'))));
    expect(owners.size).toBe(2);
    // Neither may learn that it is refused, and take back its votes, before the other has been refused too.
    await Promise.all(
      clients.flatMap(({ others }) =>
        others.map((proxy) => {
          proxy.hold('answers');
          proxy.resumeFlow('requests');
          return proxy.held('answers');
        }),
      ),
    );
    for (const { others } of clients) for (const proxy of others) proxy.resumeFlow();
    // Both take back what they were granted.
    for (const server of servers)
      await eventually(async () => (await server.cli('EXISTS', 'r')) === 0 || undefined);
    for (const [index, { clock }] of clients.entries()) {
      await eventually(async () => clock.untilNext <= FIRST_PAUSE || undefined);
      clock.advance(FIRST_PAUSE);
      const lock = await calls[index];
      await takenOnAll(servers, 'r');
      await lock?.release();
      for (const server of servers)
        await eventually(async () => (await server.cli('EXISTS', 'r')) === 0 || undefined);
    }
  });
});
