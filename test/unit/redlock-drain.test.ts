import { describe, expect, it } from 'vitest';
import { RedlockClosedError } from '../../src/index.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';

const TTL = 1_000;

/** A routine that runs under a lock for so many ms. */
function working(ms: number) {
  const world = memoryRedlock(3, { ttl: TTL });
  const { redlock, clock } = world;
  const work = redlock.using('r', async (lock) => {
    await new Promise<void>((resolve) => {
      clock.after(ms, resolve);
    });
    return lock.state;
  });
  work.catch(() => {});
  return { ...world, work };
}

describe('a Redlock that is closed with a drain', () => {
  it('lets routines end, and keeps their locks extended until then', async () => {
    const { redlock, clock, work } = working(5 * TTL);
    await clock.advanceAsync(100);
    const closed = redlock.close({ drain: 10 * TTL });
    await clock.advanceAsync(3 * TTL);
    expect(await peek(closed)).toBe('pending');
    await clock.advanceAsync(2 * TTL);
    expect(await peek(work)).toEqual({ status: 'fulfilled', value: 'held' });
    expect(await peek(closed)).toMatchObject({ status: 'fulfilled' });
    expect(clock.pending).toBe(0);
  });

  it('takes the locks of those that have not ended by then', async () => {
    const { redlock, clock, work } = working(5 * TTL);
    await clock.advanceAsync(100);
    const closed = redlock.close({ drain: TTL });
    await clock.advanceAsync(TTL);
    expect(await peek(closed)).toMatchObject({ status: 'fulfilled' });
    await clock.advanceAsync(5 * TTL);
    expect(await rejectionOf(work)).toMatchObject({ code: 'LOCK_LOST', reason: 'closed' });
  });

  it('refuses new calls at once, and those that wait', async () => {
    const { redlock, clock } = working(TTL);
    const waiting = rejectionOf(redlock.acquire('r'));
    await clock.advanceAsync(100);
    const closed = redlock.close({ drain: 10 * TTL });
    expect(await waiting).toBeInstanceOf(RedlockClosedError);
    expect(await rejectionOf(redlock.acquire('s'))).toBeInstanceOf(RedlockClosedError);
    expect(await rejectionOf(redlock.inspect('s'))).toBeInstanceOf(RedlockClosedError);
    expect(await peek(closed)).toBe('pending');
    await clock.advanceAsync(TTL);
    await closed;
  });

  it('waits for locks of acquire to be released, too', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r', { autoExtend: true });
    const closed = redlock.close({ drain: 10 * TTL });
    await clock.advanceAsync(2 * TTL);
    expect(lock.state).toBe('held');
    await lock.release();
    expect(await peek(closed)).toMatchObject({ status: 'fulfilled' });
    expect(lock.state).toBe('released');
  });

  it('also waits for a routine whose lock is lost', async () => {
    const { redlock, clock, nodes, work } = working(5 * TTL);
    await clock.advanceAsync(100);
    for (const node of nodes) node.fail();
    await clock.advanceAsync(TTL);
    const closed = redlock.close({ drain: 10 * TTL });
    await clock.advanceAsync(TTL);
    expect(await peek(closed)).toBe('pending');
    await clock.advanceAsync(3 * TTL);
    expect(await rejectionOf(work)).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    await closed;
  });

  it('is closed at once where nothing is held', async () => {
    const { redlock, clock } = memoryRedlock(3);
    await redlock.close({ drain: 10 * TTL });
    expect(clock.pending).toBe(0);
  });

  it('drains no longer when it is closed again without', async () => {
    const { redlock, clock, work } = working(5 * TTL);
    await clock.advanceAsync(100);
    const closed = redlock.close({ drain: 10 * TTL });
    expect(redlock.close({ drain: 1 })).toBe(closed);
    expect(await peek(closed)).toBe('pending');
    void redlock.close();
    expect(await peek(closed)).toMatchObject({ status: 'fulfilled' });
    await clock.advanceAsync(5 * TTL);
    expect(await rejectionOf(work)).toMatchObject({ reason: 'closed' });
  });

  it.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY], ['5']])(
    'cannot drain for %j ms',
    async (drain) => {
      const { redlock } = memoryRedlock(3);
      const closing = redlock.close({ drain: drain as number });
      await expect(closing).rejects.toThrow(/drain must be a number from 0 to 2147483647/);
      expect(redlock.toJSON()).toMatchObject({ state: 'open' });
    },
  );
});
