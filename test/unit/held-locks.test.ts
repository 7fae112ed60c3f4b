import { describe, expect, it } from 'vitest';
import { LockLostError } from '../../src/index.ts';
import { lockOver } from '../support/lock-over.ts';
import { rejectionOf } from '../support/peek.ts';

describe('after an event loop that was blocked past the end of a lock, its signal has aborted as', () => {
  it('another call to acquire returns', async () => {
    const { lock, redlock, clock } = await lockOver(3);
    const { signal } = lock;
    clock.jump(1_000);
    await redlock.acquire('s');
    expect(signal.aborted).toBe(true);
  });

  it('another call to acquire is aborted', async () => {
    const { lock, redlock, clock, nodes } = await lockOver(3);
    const { signal } = lock;
    for (const node of nodes) delete node.atOnce.grant;
    const controller = new AbortController();
    const waiting = rejectionOf(redlock.acquire('s', { signal: controller.signal }));
    clock.jump(1_000);
    controller.abort(new Error('enough'));
    await waiting;
    expect(signal.aborted).toBe(true);
  });

  it('inspect returns', async () => {
    const { lock, redlock, clock, nodes } = await lockOver(3);
    const { signal } = lock;
    const inspection = redlock.inspect('s');
    clock.jump(1_000);
    for (const node of nodes) node.answer({ kind: 'free' });
    await inspection;
    expect(signal.aborted).toBe(true);
  });

  it.each(['extension', 'release', 'second release'] as const)(
    'the %s of another lock returns',
    async (what) => {
      const { lock, redlock, clock, nodes, answerExtensions } = await lockOver(3);
      const { signal } = lock;
      const other = await redlock.acquire('s', { ttl: 10_000 });
      if (what === 'second release') await other.release();
      for (const node of nodes) delete node.atOnce.release;
      const returned = what === 'extension' ? other.extend() : other.release();
      clock.jump(1_000);
      if (what === 'extension') answerExtensions({ kind: 'extended' }, { kind: 'extended' });
      if (what === 'release') for (const node of nodes) node.answer({ kind: 'released' });
      await returned;
      if (what === 'second release') await other.release();
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBeInstanceOf(LockLostError);
    },
  );

  it('an extension of another lock is refused for its ttl', async () => {
    const { lock, redlock, clock } = await lockOver(3);
    const { signal } = lock;
    const other = await redlock.acquire('s', { ttl: 10_000 });
    clock.jump(1_000);
    await expect(other.extend(-1)).rejects.toThrow(RangeError);
    expect(signal.aborted).toBe(true);
  });
});

describe('a lock that was extended', () => {
  it('is not taken for one that is over', async () => {
    const { lock, redlock, clock, answerExtensions } = await lockOver(3);
    const { signal } = lock;
    clock.advance(500);
    const extended = lock.extend();
    answerExtensions({ kind: 'extended' }, { kind: 'extended' });
    await extended;
    clock.jump(600);
    await redlock.acquire('s');
    expect([signal.aborted, lock.state]).toEqual([false, 'held']);
    clock.jump(500);
    await redlock.acquire('t');
    expect([signal.aborted, lock.state]).toEqual([true, 'lost']);
  });
});

it('a node that throws, which none may, does not keep a lock among those that are held', async () => {
  const { lock, nodes, clock } = await lockOver(3);
  for (const node of nodes)
    node.release = () => {
      throw new Error('boom');
    };
  await expect(lock.release()).rejects.toThrow('boom');
  clock.advance(2_000);
  expect(lock.state).toBe('released');
  expect(clock.pending).toBe(0);
});

it('a node that throws as a lock is lost, which none may, does not keep its holder from being told', async () => {
  const { lock, nodes, clock } = await lockOver(3);
  for (const node of nodes)
    node.release = () => {
      throw new Error('boom');
    };
  const { signal } = lock;
  expect(() => clock.advance(lock.remaining())).toThrow('boom');
  expect(signal.aborted).toBe(true);
  expect(lock.state).toBe('lost');
  expect(clock.pending).toBe(0);
});
