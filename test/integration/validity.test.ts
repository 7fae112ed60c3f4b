import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Lock, QuorumUnreachableError, ValidityExhaustedError } from '../../src/index.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import {
  aborted,
  connected,
  openRedlock,
  rejection,
  startNodes,
  startProxies,
  takenOnAll,
} from './fixtures/nodes.ts';

enforceNoLeaks();
afterEach(() => {
  vi.restoreAllMocks();
});

const validUntil = (lock: Lock): number => performance.now() + lock.remaining();

/** Asserts that no server that has the lock forgets it before the lock says that it ends. */
async function expectCovered(lock: Lock, servers: readonly RedisServer[], key: string): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      const before = validUntil(lock);
      const left = (await server.cli('PTTL', key)) as number;
      // Read after the answer: by then it is less than it was when the server read its own clock.
      const remaining = lock.remaining();
      const extendedMeanwhile = validUntil(lock) - before > 1;
      if (!extendedMeanwhile) expect(remaining).toBeLessThanOrEqual(left);
    }),
  );
}

describe('remaining() is at most what every node still has', () => {
  const SEED = Number(process.env['SEED'] ?? 20_261_122);
  const random = seededRandom(SEED);
  const between = (from: number, to: number): number => from + Math.floor(random.fraction() * (to - from));

  it(`whatever the ttl and the delays, across extensions (seed ${SEED})`, async () => {
    const servers = await startNodes(5);
    const proxies = await startProxies(servers);
    const redlock = openRedlock(proxies, { nodeTimeout: 200 });
    await connected(redlock, servers);
    for (let i = 0; i < 25; i++) {
      const ttls = Array.from({ length: 3 }, () => between(2_000, 30_000));
      for (const proxy of proxies) proxy.delay(between(0, 30));
      await using lock = await redlock.acquire('r', { ttl: ttls[0] as number });
      await takenOnAll(servers, 'r');
      expect(lock.remaining()).toBeGreaterThan((ttls[0] as number) / 2);
      await expectCovered(lock, servers, 'r');
      for (const ttl of ttls.slice(1)) {
        const before = lock.remaining();
        await lock.extend(ttl);
        // Never shortened, but for the time that has passed.
        expect(lock.remaining()).toBeGreaterThan(Math.max(before, ttl * 0.99) - 1_000);
        await expectCovered(lock, servers, 'r');
      }
    }
  });

  it('also when the lock extends itself', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 1_000 });
    await connected(redlock, servers);
    await redlock.using('r', async (lock) => {
      await takenOnAll(servers, 'r');
      for (const until = performance.now() + 1_500; performance.now() < until; ) {
        await expectCovered(lock, servers, 'r');
      }
      expect(lock.state).toBe('held');
    });
  });
});

/** Three servers behind proxies whose answers are so late. */
async function delayed(ms: number): Promise<{ servers: RedisServer[]; proxies: TcpProxy[] }> {
  const servers = await startNodes(3);
  const proxies = await startProxies(servers);
  for (const proxy of proxies) proxy.delay(ms);
  return { servers, proxies };
}

describe('validity counts from before the first byte', () => {
  it('of the attempt', async () => {
    const { servers, proxies } = await delayed(0);
    const redlock = openRedlock(proxies, { ttl: 1_000, nodeTimeout: 900 });
    await connected(redlock, servers);
    for (const proxy of proxies) proxy.delay(300);
    const lock = await redlock.acquire('r');
    expect(lock.remaining()).toBeLessThanOrEqual(1_000 - 300 - 12);
    expect(lock.remaining()).toBeGreaterThan(0);
    for (const proxy of proxies) proxy.delay(0);
    await lock.release();
  });

  it('of the attempt that won, not of the first', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    await Promise.all(servers.map((server) => server.cli('SET', 'r', 'another', 'PX', 1_500)));
    await using lock = await redlock.acquire('r', { ttl: 1_200, retry: { maxTimeout: 50 } });
    expect(lock.remaining()).toBeGreaterThan(1_200 / 3);
  });

  it('of an extension', async () => {
    const { servers, proxies } = await delayed(0);
    const redlock = openRedlock(proxies, { ttl: 1_000, nodeTimeout: 900 });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    for (const proxy of proxies) proxy.delay(300);
    await lock.extend();
    expect(lock.remaining()).toBeLessThanOrEqual(1_000 - 300 - 12);
    for (const proxy of proxies) proxy.delay(0);
    await lock.release();
  });

  it('includes the time for the first connection', async () => {
    const { proxies } = await delayed(100);
    const redlock = openRedlock(proxies, { ttl: 10_000 });
    await using lock = await redlock.acquire('r');
    // INFO, the script and the grant, each answered after 100 ms.
    expect(lock.remaining()).toBeLessThanOrEqual(10_000 - 3 * 100 - 102);
  });
});

describe('a lock whose validity is used up is not returned', () => {
  it('nor waited for, when the first connection takes longer than the ttl', async () => {
    const servers = await startNodes(3);
    const proxies = await startProxies(servers);
    for (const proxy of proxies) proxy.delay(60);
    const redlock = openRedlock(proxies, { ttl: 150, nodeTimeout: 140 });
    const error = await rejection(redlock.tryAcquire('r'));
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(error).toMatchObject({ code: 'QUORUM_UNREACHABLE', votes: { length: 3 } });
    for (const proxy of proxies) proxy.delay(0);
    await expectNoKeys(servers);
  });

  it('when maxHoldTime passed before the grants came', async () => {
    const servers = await startNodes(3);
    const proxies = await startProxies(servers);
    const redlock = openRedlock(proxies);
    await connected(redlock, servers);
    for (const proxy of proxies) proxy.delay(100);
    const error = await rejection(redlock.tryAcquire('r', { maxHoldTime: 50 }));
    expect(error).toBeInstanceOf(ValidityExhaustedError);
    for (const proxy of proxies) proxy.delay(0);
    await expectNoKeys(servers);
  });

  it('when the event loop was blocked for longer than the ttl', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 300 });
    await connected(redlock, servers);
    const acquiring = rejection(redlock.tryAcquire('r'));
    // The requests have left, the answers cannot have been read.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    for (const until = performance.now() + 400; performance.now() < until; );
    expect(await acquiring).toMatchObject({
      code: expect.stringMatching(/^(VALIDITY_EXHAUSTED|QUORUM_UNREACHABLE)$/),
    });
    await expectNoKeys(servers);
  });
});

describe('steps of the wall clock', () => {
  const HOUR = 3_600_000;

  it.each([
    ['forward by less than an hour', 0.9 * HOUR],
    ['back', -24 * HOUR],
  ])('%s do not matter', async (_, step) => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 2_000 });
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r');
    const stepped = Date.now() + step;
    vi.spyOn(Date, 'now').mockImplementation(() => stepped);
    expect(lock.state).toBe('held');
    expect(lock.remaining()).toBeGreaterThan(1_000);
    await lock.extend();
    await expectCovered(lock, servers, 'r');
    expect(await redlock.tryAcquire('r')).toBeNull();
    await redlock.using('s', { ttl: 1_000 }, async (other) => {
      for (const until = performance.now() + 1_500; performance.now() < until; ) {
        await expectCovered(other, servers, 's');
      }
    });
    const short = await redlock.acquire('t', { ttl: 100 });
    await aborted(short.signal);
    expect(short.state).toBe('lost');
  });

  it('forward by a day cost no lock that is held, and no lock without fencing', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 2_000 });
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r');
    const stepped = Date.now() + 24 * HOUR;
    vi.spyOn(Date, 'now').mockImplementation(() => stepped);
    await lock.extend();
    await (await redlock.acquire('s', { fencing: false })).release();
    expect(await rejection(redlock.tryAcquire('t'))).toMatchObject({
      code: 'NODE_MISCONFIGURED',
      message: expect.stringContaining('clock'),
    });
  });
});
