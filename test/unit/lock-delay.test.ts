import { describe, expect, it, vi } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { createMemoryNodes } from '../../src/testing.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { seededRandom } from '../support/seeded-random.ts';

const TTL = 3_000;
/** `driftOf(TTL, 0.01)` */
const DRIFT = 32;

/** For how long two terms of a leader overlap, if the first stops so late after it has lost its lock; in ms. */
async function overlap(lockDelay: number, late: number, isNotified: boolean): Promise<number> {
  const { redlock, another, clock } = memoryRedlock(3, { ttl: TTL, nodeTimeout: 100 });
  const term = await redlock.acquire('leader', { lockDelay });
  const next = another().acquire('leader', { acquireTimeout: Number.POSITIVE_INFINITY });
  if (isNotified) await clock.advanceAsync(100);
  let stoppedAt = Number.POSITIVE_INFINITY;
  term.signal.addEventListener('abort', () => {
    stoppedAt = clock.now() + late;
  });
  const takenAt = next.then(() => clock.now());
  while ((await peek(takenAt)) === 'pending') await clock.advanceAsync(50);
  return Math.max(0, stoppedAt - (await takenAt));
}

describe('a lock with a lockDelay', () => {
  it('is valid for so much less', async () => {
    const { redlock } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r', { lockDelay: 500 });
    expect(lock.remaining()).toBe(TTL - DRIFT - 500);
    await lock.extend(2_000);
    expect(lock.remaining()).toBe(TTL - DRIFT - 500);
  });

  it('keeps others out for that long after it has expired', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r', { lockDelay: 500 });
    const other = another();
    await clock.advanceAsync(lock.remaining());
    expect(lock.state).toBe('lost');
    await clock.advanceAsync(500);
    expect(await other.tryAcquire('r')).toBeNull();
    await clock.advanceAsync(DRIFT);
    expect(await other.tryAcquire('r')).toMatchObject({ state: 'held' });
  });

  it('is free at once when it is released', async () => {
    const { redlock, another } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r', { lockDelay: 500 });
    await lock.release();
    expect(await another().tryAcquire('r')).toMatchObject({ state: 'held' });
  });

  it('keeps others out when its Redlock is closed: its holder may go on for a moment', async () => {
    const { redlock, another, clock, keys } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r', { lockDelay: 500 });
    await redlock.close();
    expect(lock.signal.reason).toMatchObject({ reason: 'closed' });
    expect(await another().tryAcquire('r')).toBeNull();
    await clock.advanceAsync(TTL);
    expect(keys()).toEqual([[], [], []]);
  });

  it('is undone at once where it was never held', async () => {
    const { redlock, nodes, keys } = memoryRedlock(3, { ttl: TTL });
    for (const node of nodes.slice(1)) node.fail();
    await rejectionOf(redlock.acquire('r', { lockDelay: 500, acquireTimeout: 0 }));
    expect(keys()).toEqual([[], [], []]);
  });

  it('extends itself as often as its validity needs', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r', { lockDelay: 1_500, autoExtend: true });
    await clock.advanceAsync(20 * TTL);
    expect(lock.state).toBe('held');
  });

  it('is extended again in time if an extension fails, also if the delay is most of the ttl', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3, { ttl: 30_000 });
    const lock = await redlock.acquire('r', { lockDelay: 27_000, autoExtend: true });
    for (const node of nodes.slice(1))
      vi.spyOn(node, 'extend').mockImplementationOnce((_operation, reply) =>
        reply({ kind: 'unreachable', cause: new Error('timed out'), maybeExecuted: true }),
      );
    await clock.advanceAsync(10_000);
    expect(lock.state).toBe('held');
  });

  it('must leave validity', () => {
    const nodes = createMemoryNodes(3);
    const options = { ttl: 1_000, nodeTimeout: 100, lockDelay: 900 };
    expect(() => new Redlock(nodes, options)).toThrow(
      'ttl 1000 ms is too short: less a drift of 12 ms (driftFactor 0.01), a lockDelay of 900 ms and a nodeTimeout of 100 ms it leaves -12 ms of validity; at least 1 ms is needed',
    );
  });
});

describe('a leader that stops up to 400 ms after it has lost its lock', () => {
  const random = seededRandom(1);
  const lates = Array.from({ length: 40 }, () => 400 * random.fraction());

  it.each([false, true])(
    'is never overlapped by the next with a lockDelay of 500 ms (waiting: %s)',
    async (isNotified) => {
      for (const late of lates) expect(await overlap(500, late, isNotified)).toBe(0);
    },
  );

  it('is overlapped nearly always without', async () => {
    let overlapped = 0;
    for (const late of lates) if ((await overlap(0, late, true)) > 0) overlapped++;
    expect(overlapped).toBeGreaterThan(35);
  });
});
