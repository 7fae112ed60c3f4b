import { describe, expect, it } from 'vitest';
import { LockLostError } from '../../src/index.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  aborted,
  connected,
  openRedlock,
  rejection,
  SLACK,
  startNodes,
  takenOnAll,
  timed,
} from './fixtures/nodes.ts';

enforceNoLeaks();

const kill = (servers: readonly RedisServer[]): Promise<unknown> =>
  Promise.all(servers.map((server) => server.kill()));

/** Another owner steps over the lock, as no Redlock would. */
const steal = (servers: readonly RedisServer[]): Promise<unknown> =>
  Promise.all(servers.map((server) => server.cli('SET', 'r', 'another', 'PX', 60_000)));

async function expectStolenKeys(servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) expect(await server.cli('GETDEL', 'r')).toBe('another');
}

describe('keys that somebody else meddles with', () => {
  it('are found to be taken by the next extension, and the lock is lost at once', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    const { signal } = lock;
    await steal(servers.slice(2));
    const error = await rejection(lock.extend());
    expect(error).toBeInstanceOf(LockLostError);
    expect(error).toMatchObject({ reason: 'taken' });
    expect(signal.reason).toEqual(error);
    expect(lock.state).toBe('lost');
    await expectNoKeys(servers.slice(0, 2));
    await expectStolenKeys(servers.slice(2));
  });

  it('are found to be taken by an automatic extension', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl: 3_000 });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r', { autoExtend: true });
    await takenOnAll(servers, 'r');
    await steal(servers.slice(2));
    await aborted(lock.signal);
    expect(lock.signal.reason).toMatchObject({ reason: 'taken' });
    await expectStolenKeys(servers.slice(2));
  });

  it('cost nothing while a majority is left', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    await steal(servers.slice(0, 2));
    await lock.extend();
    expect(lock.state).toBe('held');
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    await expectStolenKeys(servers.slice(0, 2));
  });

  it('are not taken for continuity when they were deleted: no extension succeeds any more', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl: 1_000 });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r', { autoExtend: true });
    await takenOnAll(servers, 'r');
    const validUntil = performance.now() + lock.remaining();
    await Promise.all(servers.map((server) => server.cli('DEL', 'r')));
    await rejection(lock.extend());
    await rejection(lock.extend());
    await aborted(lock.signal);
    expect(performance.now()).toBeLessThan(validUntil + SLACK);
    await expectNoKeys(servers);
  });

  it('are given back by nobody but their owner', async () => {
    const servers = await startNodes(3);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    for (const redlock of [one, two]) await connected(redlock, servers);
    const lock = await one.acquire('r', { ttl: 200 });
    await aborted(lock.signal);
    await using other = await two.acquire('r');
    await takenOnAll(servers, 'r');
    expect(await lock.release()).toMatchObject({ outcome: 'expired' });
    for (const server of servers) expect(await server.cli('GET', 'r')).toBe(other.ownerToken);
  });
});

describe('a release', () => {
  it('twice is one', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const lock = await redlock.acquire('r');
    const [first, second] = await Promise.all([lock.release(), lock.release()]);
    expect(first).toMatchObject({ outcome: 'released' });
    expect(second).toBe(first);
    expect(await lock.release()).toBe(first);
    expect(lock.state).toBe('released');
    expect(lock.signal.aborted).toBe(false);
  });

  it('of an expired lock resolves at once, and says so, also when no node can be reached', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 200, nodeTimeout: 150 });
    const lock = await redlock.acquire('r');
    for (const server of servers) server.pause();
    await aborted(lock.signal);
    const soon = new Promise((resolve) => setImmediate(resolve, 'not at once'));
    expect(await Promise.race([lock.release(), soon])).toEqual({ outcome: 'expired', votes: [] });
  });

  it('of a lock whose keys were deleted says so', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    await Promise.all(servers.map((server) => server.cli('DEL', 'r')));
    expect(await lock.release()).toMatchObject({ outcome: 'expired' });
  });
});

describe('what the routine did is never hidden', () => {
  const failure = new Error('the routine failed');

  it.each(['result', 'error'] as const)('its %s, by a release that fails', async (what) => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { nodeTimeout: 100 });
    await connected(redlock, servers);
    const { ms, outcome } = await timed(
      redlock.using('r', async () => {
        await kill(servers.slice(1));
        if (what === 'error') throw failure;
        return 42;
      }),
    );
    expect(outcome).toEqual(
      what === 'error' ? { status: 'rejected', reason: failure } : { status: 'fulfilled', value: 42 },
    );
    expect(ms).toBeLessThan(100 + 3 * SLACK);
  });

  it.each(['result', 'error'] as const)('its %s, by a loss', async (what) => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 300 });
    await connected(redlock, servers);
    const error = await rejection(
      redlock.using('r', async (lock) => {
        await kill(servers.slice(1));
        await aborted(lock.signal);
        if (what === 'error') throw failure;
        return 42;
      }),
    );
    expect(error).toBeInstanceOf(LockLostError);
    expect(error).toMatchObject({
      outcome:
        what === 'error' ? { status: 'rejected', reason: failure } : { status: 'fulfilled', value: 42 },
    });
  });

  it('not even the loss that it threw itself', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 300 });
    await connected(redlock, servers);
    let reason: unknown;
    const error = await rejection(
      redlock.using('r', async (lock) => {
        await kill(servers.slice(1));
        await aborted(lock.signal);
        reason = lock.signal.reason;
        lock.signal.throwIfAborted();
      }),
    );
    expect(error).toBe(reason);
  });
});
