import { describe, expect, it } from 'vitest';
import type { Lock, Redlock } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { connected, openRedlock, SLACK, startNodes, timed, UNGUARDED } from './fixtures/nodes.ts';
import { heardOn, UNWOKEN, waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** How soon a waiter hears again of a node that is back, at most, in ms: three times what is promised. */
const HEARS_WITHIN = 3_000;

interface Held {
  readonly servers: RedisServer[];
  readonly redlock: Redlock;
  readonly lock: Lock;
}

/** A lock of another Redlock on five servers; one that lost a node's keys would not be extended there for long. */
async function held(options = {}): Promise<Held> {
  const servers = await startNodes(5);
  const redlock = openRedlock(servers, { ...UNGUARDED, ...options });
  const holder = openRedlock(servers, { ...UNGUARDED, ...options });
  await connected(redlock, servers);
  await connected(holder, servers);
  return { servers, redlock, lock: await holder.acquire('r', { ttl: 30_000 }) };
}

/** Expects that whoever waits gets the lock at once when it is released, and gives it back. */
async function expectWoken(lock: Lock, call: Promise<Lock>): Promise<void> {
  void lock.release();
  const { ms } = await timed(call);
  expect(ms).toBeLessThan(SLACK);
  await (await call).release();
}

describe('a call that waits', () => {
  it('hears again of a node that was restarted', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers);
    const [restarted] = servers as [RedisServer];
    await restarted.restart();
    expect((await timed(heardOn([restarted]))).ms).toBeLessThan(HEARS_WITHIN);
    await expectWoken(lock, call);
  });

  it('hears again of all nodes that were restarted, one after the other', async () => {
    const { servers, redlock, lock } = await held({ ttl: 30_000 });
    const { call } = await waiter(redlock, servers);
    for (const server of servers.slice(0, 2)) {
      await server.restart();
      expect((await timed(heardOn([server]))).ms).toBeLessThan(HEARS_WITHIN);
      // What the node has forgotten is set again, so that it stays held by a quorum.
      await lock.extend();
    }
    await expectWoken(lock, call);
  });

  it('is woken by those that are left when two of five nodes have died', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers);
    await Promise.all(servers.slice(0, 2).map((server) => server.kill()));
    await eventually(async () => {
      const { nodes } = await redlock.inspect('r');
      return nodes.filter(({ kind }) => kind === 'unreachable').length === 2 || undefined;
    });
    await expectWoken(lock, call);
  });

  it('is woken by those that are left when two of five nodes had died before', async () => {
    const servers = await startNodes(5);
    await Promise.all(servers.slice(3).map((server) => server.kill()));
    const [redlock, holder] = [openRedlock(servers, UNGUARDED), openRedlock(servers, UNGUARDED)];
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const { call } = await waiter(redlock, servers.slice(0, 3));
    await expectWoken(lock, call);
  });

  it('hears again soon after all connections that hear of releases were cut', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers);
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect((await timed(heardOn(servers))).ms).toBeLessThan(HEARS_WITHIN);
    await expectWoken(lock, call);
  });

  it('hears of a lock that was released while those connections were cut', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers);
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    void lock.release();
    const { ms } = await timed(call);
    expect(ms).toBeLessThan(HEARS_WITHIN);
    await (await call).release();
  });

  it('gets a lock whose holder has died while nobody could tell, when a quorum has expired', async () => {
    const { servers, redlock } = await held();
    for (const server of servers) await server.cli('SET', 's', 'dead', 'PX', 3_000);
    const call = redlock.acquire('s', UNWOKEN);
    await heardOn(servers, 1, 's');
    const ends = await Promise.all(
      servers.map(async (server) => Number(await server.cli('PEXPIRETIME', 's'))),
    );
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const lock = await call;
    const late = Date.now() - (ends.toSorted((a, b) => a - b)[2] ?? 0);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(SLACK);
    await lock.release();
    for (const server of servers) await server.cli('DEL', 'r');
  });

  it('waits for a node that hangs no longer than for the others', async () => {
    const { servers, redlock, lock } = await held();
    const { call } = await waiter(redlock, servers);
    const hanging = servers.slice(0, 2);
    for (const server of hanging) server.pause();
    void lock.release();
    // The arbiter may be one of them: it is not waited for for longer than a tenth of nodeTimeout, 500 ms.
    const { ms, outcome } = await timed(call);
    expect(outcome.status).toBe('fulfilled');
    expect(ms).toBeLessThan(SLACK + 3 * 50);
    for (const server of hanging) server.resume();
    await (await call).release();
  });
});
