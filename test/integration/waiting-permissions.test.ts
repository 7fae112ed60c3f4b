import { describe, expect, it } from 'vitest';
import type { Redlock, RedlockOptions } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, WAITING_ACL } from '../support/least-acl.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { connected, openRedlock, SLACK, startNodes, timed } from './fixtures/nodes.ts';
import { subscribersOf, UNWOKEN, waiter, wokenByRelease } from './fixtures/waiters.ts';

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
const LINE_COMMANDS = WAITING_ACL.filter((rule) => rule.startsWith('+z'));
const SUBSCRIPTIONS = ['+ssubscribe', '+sunsubscribe'];

function without(...rules: string[]): string[] {
  return ALL.filter((rule) => !rules.includes(rule));
}

/** How each node says that waiters have to poll. */
function pollingOf(redlock: Redlock): (string | undefined)[] {
  const { nodes } = redlock.toJSON() as { nodes: { polling?: string }[] };
  return nodes.map(({ polling }) => polling);
}

describe('with the rights that waiting needs', () => {
  it('a call is woken, and those rights are enough', async () => {
    const servers = await startNodes(3);
    const [holder, redlock] = [await openAs(servers, 'holder', ALL), await openAs(servers, 'waiter', ALL)];
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const { call } = await waiter(redlock, servers);
    expect(pollingOf(redlock)).toEqual([undefined, undefined, undefined]);
    await (await wokenByRelease(lock, call)).release();
  });
});

describe('without the right', () => {
  it.each([
    ['to publish', without('+spublish'), ALL],
    ['to publish on the channels', without('&quorlock:turn:*'), ALL],
    ['to subscribe', ALL, without('+ssubscribe')],
    ['to subscribe to the channels', ALL, without('&quorlock:turn:*')],
    ['to read or write lines', without(...LINE_COMMANDS), without(...LINE_COMMANDS)],
    ['to read or write lines, as only the holder,', without(...LINE_COMMANDS), ALL],
    ['to read or write lines, as only the waiter,', ALL, without(...LINE_COMMANDS)],
    ...LINE_COMMANDS.map((rule): [string, string[], string[]] => [
      `to run ${rule.slice(1)}`,
      without(rule),
      without(rule),
    ]),
    ['to any of it', LEAST_ACL, LEAST_ACL],
  ])('%s a lock is released and got all the same, only later', async (_what, holders, waiters) => {
    const servers = await startNodes(3);
    const holder = await openAs(servers, 'holder', holders);
    const redlock = await openAs(servers, 'waiter', waiters);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const call = redlock.acquire('r', { acquireTimeout: 20_000, retry: { maxTimeout: 100 } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    // A waiter that counts on being told asks by itself after 5 s at the latest.
    expect((await timed(call)).ms).toBeLessThan(5_000 + SLACK);
    expect(await (await call).release()).toMatchObject({ outcome: 'released' });
  });

  it('to subscribe nobody asks for it again and again, and the nodes say why waiters poll', async () => {
    const servers = await startNodes(3);
    const holder = await openAs(servers, 'holder', ALL);
    const redlock = await openAs(servers, 'waiter', without(...SUBSCRIPTIONS));
    const before = await Promise.all(servers.map(commandsOf));
    for (let time = 0; time < 20; time++) {
      // The holder may subscribe, but never waits: whatever the servers hear of subscriptions comes from the other.
      const lock = await eventually(async () => (await holder.tryAcquire('r', { ttl: 30_000 })) ?? undefined);
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
    // They stand in line at one node, or at another if that is late to answer.
    const reasons = pollingOf(redlock).filter((why) => why !== undefined);
    expect(reasons).not.toEqual([]);
    for (const why of reasons) expect(why).toMatch(/^the server refuses subscriptions: NOPERM .*ssubscribe/);
  });
});
