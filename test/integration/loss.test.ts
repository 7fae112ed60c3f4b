import { describe, expect, it, onTestFinished } from 'vitest';
import { type Lock, LockLostError, QuorumUnreachableError } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  aborted,
  calls,
  connected,
  openRedlock,
  rejection,
  startNodes,
  takenOnAll,
  timed,
} from './fixtures/nodes.ts';

enforceNoLeaks();

type Fault = (servers: readonly RedisServer[]) => void | Promise<unknown>;

const FAULTS: [string, Fault][] = [
  ['killed', (servers) => Promise.all(servers.map((server) => server.kill()))],
  [
    'hung',
    (servers) => {
      for (const server of servers) server.pause();
    },
  ],
];

/** A timer has whole milliseconds, and so has the one that it is compared with. */
const RESOLUTION = 3;

/** Resolves with whether the signal had aborted when validity ended; a busy machine delays both alike. */
function abortedInTime(lock: Lock): Promise<boolean> {
  const { signal } = lock;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(signal.aborted), lock.remaining() + RESOLUTION);
    onTestFinished(() => clearTimeout(timer));
  });
}

describe.each(FAULTS)('when a majority is %s', (_, fault) => {
  it('the signal aborts no later than validity ends', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl: 1_200 });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r', { autoExtend: true });
    await takenOnAll(servers, 'r');
    await fault(servers.slice(2));
    expect(await abortedInTime(lock)).toBe(true);
    expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    expect(lock.remaining()).toBe(0);
  });

  it.each([false, true])(
    'the keys that are left have not expired by then (autoExtend: %s)',
    async (autoExtend) => {
      const servers = await startNodes(5);
      // A large drift, so that the keys have time to spare on a busy machine too.
      const redlock = openRedlock(servers, { ttl: 1_100, driftFactor: 0.5 });
      await connected(redlock, servers);
      const lock = await redlock.acquire('r', { autoExtend });
      await takenOnAll(servers, 'r');
      await fault(servers.slice(2));
      await aborted(lock.signal);
      await expectNoKeys(servers);
      // They went because they were released.
      for (const server of servers.slice(0, 2)) expect(await server.info('expired_keys')).toBe('0');
    },
  );

  it('using rejects, and says what the routine did', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl: 500 });
    await connected(redlock, servers);
    const { ms, outcome } = await timed(
      redlock.using('r', async (lock) => {
        await fault(servers.slice(2));
        await aborted(lock.signal);
        return 'done all the same';
      }),
    );
    expect(ms).toBeLessThan(3 * 500);
    if (outcome.status === 'fulfilled') throw new Error('using resolved');
    expect(outcome.reason).toBeInstanceOf(LockLostError);
    expect(outcome.reason).toMatchObject({
      reason: 'expired',
      outcome: { status: 'fulfilled', value: 'done all the same' },
    });
  });

  it('a failed extension leaves the lock as it was', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: 100 });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    const { validUntil } = lock;
    await fault(servers.slice(2));
    expect(await rejection(lock.extend(30_000))).toBeInstanceOf(QuorumUnreachableError);
    expect(lock.state).toBe('held');
    expect(lock.signal.aborted).toBe(false);
    expect(lock.validUntil).toBe(validUntil);
    await lock.release();
  });
});

describe('a majority that comes back before validity ends', () => {
  it('costs nothing', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl: 3_000 });
    await connected(redlock, servers);
    await redlock.using('r', async (lock) => {
      await takenOnAll(servers, 'r');
      const before = lock.validUntil;
      for (const server of servers.slice(2)) server.pause();
      await rejection(lock.extend());
      for (const server of servers.slice(2)) server.resume();
      await lock.extend();
      expect(lock.validUntil).toBeGreaterThan(before);
    });
  });
});

describe('the extension of a lock with a short ttl', () => {
  /** At most one extension in a tenth of the ttl; and as many again for the sake of other commands. */
  const PER_TTL = 2 * 10;

  it('is no hot loop', async () => {
    const ttl = 2_000;
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl });
    await connected(redlock, servers);
    await redlock.using('r', async (lock) => {
      const before = await Promise.all(servers.map((server) => calls(server, 'evalsha')));
      const { validUntil } = lock;
      // So long that it has been extended several times.
      await eventually(async () => lock.validUntil > validUntil + ttl || undefined);
      for (const [index, server] of servers.entries()) {
        const sent = (await calls(server, 'evalsha')) - (before[index] ?? 0);
        expect(sent).toBeLessThan(PER_TTL * ((lock.validUntil - validUntil) / ttl));
      }
    });
  });

  it.each(FAULTS)('is no hot loop either when all fail, a majority being %s', async (_, fault) => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { ttl: 400 });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r', { autoExtend: true });
    await fault(servers.slice(2));
    const healthy = servers.slice(0, 2);
    const before = await Promise.all(healthy.map((server) => calls(server, 'evalsha')));
    await aborted(lock.signal);
    await expectNoKeys(healthy);
    for (const [index, server] of healthy.entries()) {
      const sent = (await calls(server, 'evalsha')) - (before[index] ?? 0);
      expect(sent).toBeLessThan(PER_TTL);
    }
  });
});

describe('right after the event loop was blocked for longer than the validity', () => {
  it('the lock says that it is lost', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 200 });
    await connected(redlock, servers);
    const locks = await Promise.all(
      ['a', 'b', 'c'].map((resource) => redlock.acquire(resource, { autoExtend: true })),
    );
    const [first, second, third] = locks as [Lock, Lock, Lock];
    const { signal } = third;
    for (const until = performance.now() + 300; performance.now() < until; );
    expect(first.state).toBe('lost');
    expect(second.remaining()).toBe(0);
    expect(third.signal.aborted).toBe(true);
    expect(signal.aborted).toBe(true);
    expect(await first.release()).toEqual({ outcome: 'expired', votes: [] });
  });
});
