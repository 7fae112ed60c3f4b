import { describe, expect, it } from 'vitest';
import { LockLostError, RedlockClosedError } from '../../src/index.ts';
import { counts, lockOver } from '../support/lock-over.ts';
import { peek } from '../support/peek.ts';

describe('a held lock', () => {
  it('names what it locks', async () => {
    const { lock, nodes } = await lockOver(3);
    expect(lock.resources).toEqual(['r']);
    expect(lock.ownerToken).toBe(nodes[0]?.requests[0]?.ownerToken);
  });

  it('is released where it stands, whatever is done to the names', async () => {
    const { lock, nodes } = await lockOver(1);
    (lock.resources as string[])[0] = 'other';
    await lock.release();
    expect(nodes[0]?.requests.map(({ keys }) => keys)).toEqual([['r'], ['r']]);
  });

  it('has its ttl less drift left at first', async () => {
    const { lock } = await lockOver(3);
    expect(lock.state).toBe('held');
    expect(lock.remaining()).toBe(988);
  });

  it('counts down by the clock', async () => {
    const { lock, clock } = await lockOver(3);
    clock.advance(900);
    expect(lock.remaining()).toBe(88);
  });

  it('has one signal, which has not aborted', async () => {
    const { lock } = await lockOver(3);
    expect(lock.signal.aborted).toBe(false);
    expect(lock.signal).toBe(lock.signal);
  });

  it('arms a single timer', async () => {
    const { clock } = await lockOver(3);
    expect(clock.pending).toBe(1);
  });
});

describe('a lock that nobody extends', () => {
  it('aborts its signal no later than its validity ends', async () => {
    const { lock, clock } = await lockOver(3);
    const { signal } = lock;
    let abortedAt = Number.NaN;
    signal.addEventListener('abort', () => {
      abortedAt = clock.now();
    });
    clock.advance(2_000);
    expect(abortedAt).toBeLessThanOrEqual(1_988);
    expect(abortedAt).toBeGreaterThanOrEqual(1_986);
  });

  it('gives the LockLostError as the reason of its signal', async () => {
    const { lock, clock } = await lockOver(3);
    const { signal } = lock;
    clock.advance(988);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      reason: 'expired',
      message: expect.stringContaining('"r"'),
    });
  });

  it('is lost for ever', async () => {
    const { lock, clock } = await lockOver(3);
    clock.advance(988);
    expect([lock.state, lock.remaining()]).toEqual(['lost', 0]);
    await lock.release();
    expect(lock.state).toBe('lost');
  });

  it('is released on every node, so that the keys do not outlive it', async () => {
    const { nodes, clock } = await lockOver(3);
    clock.advance(988);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('leaves no timer', async () => {
    const { clock } = await lockOver(3, { autoExtend: true });
    clock.advance(988);
    await clock.advanceAsync(0);
    expect(clock.pending).toBe(0);
  });

  it.each([1_987.999, 1_988])('is still held before %d', async (instant) => {
    const { lock, clock } = await lockOver(3);
    clock.jump(instant - clock.now());
    expect(lock.state).toBe(instant < 1_988 ? 'held' : 'lost');
  });
});

describe('after a blocked event loop', () => {
  it('the state says lost before any timer has run', async () => {
    const { lock, clock } = await lockOver(3);
    clock.jump(5_000);
    expect(lock.state).toBe('lost');
  });

  it('nothing remains before any timer has run', async () => {
    const { lock, clock } = await lockOver(3);
    clock.jump(5_000);
    expect(lock.remaining()).toBe(0);
  });

  it('a signal that was not asked for before has aborted', async () => {
    const { lock, clock } = await lockOver(3);
    clock.jump(5_000);
    expect(lock.signal.aborted).toBe(true);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  });

  it('the signal aborts when it is read', async () => {
    const { lock, clock } = await lockOver(3);
    const { signal } = lock;
    clock.jump(5_000);
    expect(signal.aborted).toBe(false);
    expect(lock.signal.aborted).toBe(true);
    expect(signal.aborted).toBe(true);
  });

  it('the signal aborts with the first timers that run', async () => {
    const { lock, clock } = await lockOver(3);
    const { signal } = lock;
    clock.jump(5_000);
    clock.advance(0);
    expect(signal.aborted).toBe(true);
  });

  it('automatic extension does not revive a lock', async () => {
    const { lock, nodes, clock } = await lockOver(3, { autoExtend: true });
    clock.jump(5_000);
    await clock.advanceAsync(1_000);
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
    expect(lock.state).toBe('lost');
  });
});

describe('maxHoldTime', () => {
  it('ends validity however long the ttl is', async () => {
    const { lock } = await lockOver(3, { maxHoldTime: 300 });
    expect(lock.remaining()).toBe(300);
  });

  it('is the reason why the lock is lost then', async () => {
    const { lock, nodes, clock } = await lockOver(3, { maxHoldTime: 300 });
    clock.advance(300);
    expect(lock.signal.reason).toMatchObject({ reason: 'maxHoldTime' });
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('bounds what extensions add up to', async () => {
    const { lock, nodes, clock, answerExtensions } = await lockOver(1, {
      maxHoldTime: 1_500,
      autoExtend: true,
    });
    for (let i = 0; i < 20 && lock.state === 'held'; i++) {
      await clock.advanceAsync(100);
      answerExtensions({ kind: 'extended' });
      await clock.advanceAsync(0);
      expect(clock.now() + lock.remaining()).toBeLessThanOrEqual(2_500);
    }
    expect(clock.now()).toBe(2_500);
    expect(lock.signal.reason).toMatchObject({ reason: 'maxHoldTime' });
    expect(nodes[0]?.of('extend').length).toBeLessThan(5);
  });

  it('leaves the reason alone when the lock is lost before', async () => {
    const { lock, clock } = await lockOver(3, { maxHoldTime: 1_500 });
    clock.advance(988);
    expect(lock.signal.reason).toMatchObject({ reason: 'expired' });
  });
});

describe('a lock whose Redlock is closed', () => {
  it('is lost for that reason', async () => {
    const { lock, redlock } = await lockOver(3);
    const { signal } = lock;
    await redlock.close();
    expect(lock.state).toBe('lost');
    expect(signal.reason).toMatchObject({ reason: 'closed', cause: expect.any(RedlockClosedError) });
  });

  it('is released on every node', async () => {
    const { nodes, redlock, clock } = await lockOver(3, { autoExtend: true });
    await redlock.close();
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('has expired for whoever releases it afterwards', async () => {
    const { lock, redlock } = await lockOver(3);
    await redlock.close();
    expect(await peek(lock.release())).toEqual({
      status: 'fulfilled',
      value: { outcome: 'expired', votes: [] },
    });
  });
});
