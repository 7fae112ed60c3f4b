import { describe, expect, it } from 'vitest';
import type { Redlock, RedlockOptions } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, WAITING_ACL } from '../support/least-acl.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { connected, openRedlock, SLACK, startNodes, timed } from './fixtures/nodes.ts';
import { subscribersOf, UNWOKEN, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** A Redlock whose user has these rights, on all servers. */
async function openAs(
  servers: readonly RedisServer[],
  user: string,
  rights: readonly string[],
  options: RedlockOptions = {},
): Promise<Redlock> {
  for (const server of servers) await server.cli('ACL', 'SETUSER', user, 'on', '>secret', '~*', ...rights);
  const redlock = openRedlock(
    servers.map(({ port }) => ({ host: '127.0.0.1', port, username: user, password: 'secret' })),
    options,
  );
  await connected(redlock, servers);
  return redlock;
}

const ALL = [...LEAST_ACL, ...WAITING_ACL];

describe('with the rights that waiting needs', () => {
  it('a call is woken, and those rights are enough', async () => {
    const servers = await startNodes(3);
    const [holder, redlock] = [await openAs(servers, 'holder', ALL), await openAs(servers, 'waiter', ALL)];
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const { call } = await waiter(redlock, servers);
    void lock.release();
    expect((await timed(call)).ms).toBeLessThan(SLACK);
    await (await call).release();
  });
});

describe('without the right', () => {
  it.each([
    ['to publish', ALL.filter((rule) => rule !== '+spublish'), ALL],
    ['to publish on the channels', ALL.filter((rule) => !rule.startsWith('&')), ALL],
    ['to subscribe', ALL, ALL.filter((rule) => rule !== '+ssubscribe')],
    ['to subscribe to the channels', ALL, ALL.filter((rule) => !rule.startsWith('&'))],
    ['to either', LEAST_ACL, LEAST_ACL],
  ])('%s a lock is released and got all the same, only later', async (_what, holders, waiters) => {
    const servers = await startNodes(3);
    const holder = await openAs(servers, 'holder', holders);
    const redlock = await openAs(servers, 'waiter', waiters);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const call = redlock.acquire('r', { acquireTimeout: 20_000, retry: { maxTimeout: 100 } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    // Who is told of releases relies on it for 5 s.
    expect((await timed(call)).ms).toBeLessThan(5_000 + SLACK);
    expect(await (await call).release()).toMatchObject({ outcome: 'released' });
  });

  it('to subscribe nobody asks for it again and again', async () => {
    const servers = await startNodes(3);
    const holder = await openAs(servers, 'holder', ALL);
    const redlock = await openAs(servers, 'waiter', LEAST_ACL);
    const before = await Promise.all(servers.map(commandsOf));
    for (let time = 0; time < 20; time++) {
      const lock = await holder.acquire('r', { ttl: 30_000 });
      const call = redlock.acquire('r', { ...UNWOKEN, retry: { minTimeout: 5, maxTimeout: 5 } });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await lock.release();
      await (await call).release();
    }
    for (const [index, server] of servers.entries()) {
      const { auth = 0, hello = 0, ssubscribe = 0 } = await commandsSince(before[index], server);
      expect(ssubscribe).toBeLessThanOrEqual(1);
      expect(auth + hello).toBeLessThanOrEqual(2);
      expect(await subscribersOf(server)).toEqual([]);
    }
  });
});
