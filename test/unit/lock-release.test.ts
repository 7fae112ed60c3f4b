import { describe, expect, it } from 'vitest';
import { LockReleasedError, RedlockError } from '../../src/index.ts';
import { counts, lockOver } from '../support/lock-over.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

describe('releasing a lock', () => {
  it('deletes its keys on every node', async () => {
    const { lock, nodes } = await lockOver(3);
    expect(await lock.release()).toEqual({
      outcome: 'released',
      votes: ['a', 'b', 'c'].map((node) => ({ node, kind: 'granted' })),
    });
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    for (const node of nodes) expect(node.of('release')[0]?.ownerToken).toBe(lock.ownerToken);
  });

  it('ends it before any node has answered', async () => {
    const { lock, nodes } = await lockOver(3);
    for (const node of nodes) delete node.atOnce.release;
    void lock.release();
    expect([lock.state, lock.remaining()]).toEqual(['released', 0]);
  });

  it('is one release, however often it is called', async () => {
    const { lock, nodes } = await lockOver(3);
    const first = lock.release();
    expect(lock.release()).toBe(first);
    await first;
    await lock[Symbol.asyncDispose]();
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('waits for a quorum only', async () => {
    const { lock, nodes } = await lockOver(5);
    for (const node of nodes.slice(3)) delete node.atOnce.release;
    expect(await peek(lock.release())).toMatchObject({
      value: {
        outcome: 'released',
        votes: [
          { kind: 'granted' },
          { kind: 'granted' },
          { kind: 'granted' },
          { kind: 'late' },
          { kind: 'late' },
        ],
      },
    });
  });

  it('is unconfirmed when too few nodes answer within nodeTimeout', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    for (const node of nodes) delete node.atOnce.release;
    const release = lock.release();
    nodes[0]?.answer({ kind: 'released' });
    nodes[1]?.answer(unreachable(true));
    clock.advance(100);
    expect(await release).toEqual({
      outcome: 'unconfirmed',
      votes: [
        { node: 'a', kind: 'granted' },
        { node: 'b', kind: 'unreachable', cause: expect.any(Error) },
        { node: 'c', kind: 'late' },
      ],
    });
    expect(clock.pending).toBe(0);
  });

  it('has expired at once after a loss, and asks nobody', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    clock.advance(988);
    expect(await peek(lock.release())).toMatchObject({ value: { outcome: 'expired', votes: [] } });
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('has expired when the clock says so before the timer does', async () => {
    const { lock, clock } = await lockOver(3);
    clock.jump(5_000);
    expect(await lock.release()).toMatchObject({ outcome: 'expired' });
  });

  it('has expired when the keys are gone from too many nodes', async () => {
    const { lock, nodes } = await lockOver(3);
    for (const node of nodes.slice(0, 2)) node.atOnce.release = { kind: 'absent' };
    expect(await lock.release()).toEqual({
      outcome: 'expired',
      votes: [
        { node: 'a', kind: 'denied', remaining: 0 },
        { node: 'b', kind: 'denied', remaining: 0 },
        expect.anything(),
      ],
    });
  });

  it('leaves no timer', async () => {
    const { lock, clock } = await lockOver(3, { autoExtend: true });
    await lock.release();
    expect(clock.pending).toBe(0);
  });
});

describe('a released lock', () => {
  it('never aborts its signal', async () => {
    const { lock, clock } = await lockOver(3, { autoExtend: true });
    const { signal } = lock;
    await lock.release();
    await clock.advanceAsync(100_000);
    expect([signal.aborted, lock.signal.aborted, lock.state]).toEqual([false, false, 'released']);
  });

  it('is not lost when its Redlock is closed', async () => {
    const { lock, redlock } = await lockOver(3);
    const { signal } = lock;
    await lock.release();
    await redlock.close();
    expect([signal.aborted, lock.state]).toEqual([false, 'released']);
  });

  it('cannot be extended', async () => {
    const { lock, nodes } = await lockOver(3);
    await lock.release();
    const error = await rejectionOf(lock.extend());
    expect(error).toBeInstanceOf(LockReleasedError);
    expect(error).toBeInstanceOf(RedlockError);
    expect(error).toMatchObject({ code: 'LOCK_RELEASED' });
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
  });

  it('is released by the end of a block that uses it', async () => {
    const { lock } = await lockOver(3);
    {
      await using used = lock;
      expect(used.state).toBe('held');
    }
    expect(lock.state).toBe('released');
  });
});
