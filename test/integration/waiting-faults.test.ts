import { describe, expect, it } from 'vitest';
import type { Lock, Redlock, RedlockOptions } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { arbitersFor, lineIs, openRedlocks } from './fixtures/line.ts';
import { openRedlock, startNodes, timed, UNGUARDED } from './fixtures/nodes.ts';
import { heardOn, subscribersOf, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** With the usual pauses, in which a waiter finds out that a node is down. */
const LONG = { acquireTimeout: 25_000 };

interface Held {
  readonly servers: RedisServer[];
  readonly arbiter: RedisServer;
  /** The node that stands in for the arbiter. */
  readonly next: RedisServer;
  readonly redlock: Redlock;
  readonly lock: Lock;
}

/** A lock of another Redlock on five servers; one that lost a node's keys would not be extended there for long. */
async function held(options: RedlockOptions = {}): Promise<Held> {
  const servers = await startNodes(5);
  const [arbiter, next] = arbitersFor(servers) as [RedisServer, RedisServer];
  const redlocks = await openRedlocks(2, servers, { ...UNGUARDED, nodeTimeout: 1_000, ...options });
  const [redlock, holder] = redlocks as [Redlock, Redlock];
  return { servers, arbiter, next, redlock, lock: await holder.acquire('r', { ttl: 30_000 }) };
}

/** Expects that whoever waits gets the lock when it is released, and gives it back. */
async function expectServed(lock: Lock, call: Promise<Lock>): Promise<void> {
  void lock.release();
  await (await call).release();
}

describe('a call that waits', () => {
  it('stands again in the line of its arbiter when that was restarted', async () => {
    const { servers, arbiter, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers, LONG);
    await arbiter.restart();
    await lineIs(arbiter, 1);
    await expectServed(lock, call);
  });

  it('stands in a line when one node after the other was restarted', async () => {
    const { servers, arbiter, next, redlock, lock } = await held({ ttl: 30_000 });
    const { call } = await waiter(redlock, servers, LONG);
    for (const server of [arbiter, next]) {
      await server.restart();
      await heardOn(servers);
      // What the node has forgotten is set again, so that it stays held by a quorum.
      await lock.extend();
    }
    await expectServed(lock, call);
  });

  it('is served by those that are left when two of five nodes have died, its arbiter among them', async () => {
    const { servers, arbiter, next, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers, LONG);
    await Promise.all([arbiter, next].map((server) => server.kill()));
    await eventually(async () => {
      const { nodes } = await redlock.inspect('r');
      return nodes.filter(({ kind }) => kind === 'unreachable').length === 2 || undefined;
    });
    await expectServed(lock, call);
  });

  it('is served by those that are left when two of five nodes had died before', async () => {
    const servers = await startNodes(5);
    await Promise.all(
      arbitersFor(servers)
        .slice(0, 2)
        .map((server) => server.kill()),
    );
    const [redlock, holder] = [openRedlock(servers, UNGUARDED), openRedlock(servers, UNGUARDED)];
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const { call } = await waiter(redlock, servers, LONG);
    await expectServed(lock, call);
  });

  it('hears again after all connections that hear of turns were cut', async () => {
    const { servers, arbiter, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers, LONG);
    const before = await subscribersOf(arbiter);
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(async () => {
      const [now] = await subscribersOf(arbiter);
      return (now !== undefined && now !== before[0]) || undefined;
    });
    await expectServed(lock, call);
  });

  it('gets a lock that was released while those connections were cut', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers, LONG);
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await expectServed(lock, call);
  });

  it('gets a lock whose holder has died while it heard nothing, when a quorum has expired', async () => {
    const { servers, redlock, lock } = await held();
    await lock.release();
    for (const server of servers) await server.cli('SET', 'r', DEAD, 'PX', 2_000);
    const call = redlock.acquire('r');
    const ends = await Promise.all(
      servers.map(async (server) => Number(await server.cli('PEXPIRETIME', 'r'))),
    );
    await heardOn(servers);
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const next = await call;
    expect(Date.now()).toBeGreaterThanOrEqual(ends.toSorted((a, b) => a - b)[2] ?? 0);
    await next.release();
  });

  it('gets its turn again until what a dead process has left on other nodes has expired', async () => {
    const { servers, arbiter, redlock, lock } = await held();
    await lock.release();
    const others = servers.filter((server) => server !== arbiter).slice(0, 3);
    for (const server of others) await server.cli('SET', 'r', DEAD, 'PX', 1_000);
    const ends = await Promise.all(
      others.map(async (server) => Number(await server.cli('PEXPIRETIME', 'r'))),
    );
    const [first, second] = await Promise.all([
      redlock.acquire('r').then(async (next) => [Date.now(), await next.release()] as const),
      openRedlock(servers, UNGUARDED)
        .acquire('r')
        .then(async (next) => [Date.now(), await next.release()] as const),
    ]);
    for (const [at] of [first, second]) expect(at).toBeGreaterThanOrEqual(Math.min(...ends));
  });

  it('waits for nodes that hang no longer than for the others', async () => {
    const { servers, arbiter, next, redlock, lock } = await held({ nodeTimeout: 5_000 });
    const { call } = await waiter(redlock, servers, LONG);
    for (const server of [arbiter, next]) server.pause();
    void lock.release();
    const { ms, outcome } = await timed(call);
    expect(outcome.status).toBe('fulfilled');
    // A round that waits for them takes nodeTimeout.
    expect(ms).toBeLessThan(5_000);
    for (const server of [arbiter, next]) server.resume();
    await (await call).release();
  });
});

/** An owner token of a process that is no more. */
const DEAD = 'd'.repeat(40);
