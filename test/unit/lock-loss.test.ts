import { describe, expect, it } from 'vitest';
import { LockLostError, QuorumUnreachableError, ResourceHeldError } from '../../src/index.ts';
import { lockOver } from '../support/lock-over.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { rejectionOf } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

const extended = { kind: 'extended' } as const;
const missing = { kind: 'repaired' } as const;
const taken = { kind: 'taken', remaining: 700 } as const;

const LOST = 'lost the lock on "r": it was not extended in time';

describe('a lost lock says why', () => {
  it('by the last automatic extension that failed', async () => {
    const { lock, clock, nodes } = await lockOver(3, { autoExtend: true });
    for (const node of nodes) node.atOnce.extend = unreachable();
    await clock.advanceAsync(900);
    for (const node of nodes) node.atOnce.extend = missing;
    await clock.advanceAsync(88);
    const { reason } = lock.signal;
    expect(reason).toBeInstanceOf(LockLostError);
    expect(reason.cause).toBeInstanceOf(ResourceHeldError);
    expect(reason).toMatchObject({
      reason: 'expired',
      message: `${LOST}; the last extension failed: too few nodes have held it all along (0 of 3 granted, 3 denied)`,
      votes: [{ node: 'a', kind: 'denied' }, { kind: 'denied' }, { kind: 'denied' }],
    });
    expect(reason.votes).toBe(reason.cause.votes);
  });

  it('by an extension of the caller, if that failed last', async () => {
    const { lock, clock, nodes } = await lockOver(3);
    for (const node of nodes.slice(1)) node.atOnce.extend = unreachable();
    const error = await rejectionOf(lock.extend());
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    clock.advance(988);
    expect(lock.signal.reason).toMatchObject({
      cause: error,
      votes: (error as QuorumUnreachableError).votes,
    });
    expect(lock.signal.reason.message).toContain('0 of 3 granted, a had not answered, b unreachable');
  });

  it('by an extension that has no answer when validity ends', async () => {
    const { lock, clock } = await lockOver(3, { nodeTimeout: 900 });
    clock.advance(500);
    const extension = rejectionOf(lock.extend());
    await clock.advanceAsync(488);
    expect(lock.signal.reason).toMatchObject({
      cause: { code: 'QUORUM_UNREACHABLE' },
      votes: [{ kind: 'late' }, { kind: 'late' }, { kind: 'late' }],
    });
    expect(await extension).toMatchObject({ code: 'QUORUM_UNREACHABLE' });
  });

  it('not by an extension that failed before the last success', async () => {
    const { lock, clock, nodes } = await lockOver(3);
    for (const node of nodes) node.atOnce.extend = unreachable();
    await rejectionOf(lock.extend());
    for (const node of nodes) node.atOnce.extend = extended;
    await lock.extend();
    clock.advance(2_000);
    expect(lock.signal.reason.message).toBe(LOST);
    expect(lock.signal.reason.votes).toEqual([]);
    expect('cause' in lock.signal.reason).toBe(false);
  });

  it('by the votes for another owner, if it was taken', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const { signal } = lock;
    const extension = rejectionOf(lock.extend());
    answerExtensions(taken, taken, extended);
    await extension;
    expect(signal.reason).toMatchObject({
      reason: 'taken',
      message:
        'lost the lock on "r": too many nodes name another owner (0 of 3 granted, 2 denied, c had not answered)',
      votes: [{ kind: 'denied' }, { kind: 'denied' }, { kind: 'late' }],
      cause: { code: 'RESOURCE_HELD' },
    });
  });

  it('by nothing that did not end it', async () => {
    const { lock, clock, nodes } = await lockOver(3, { maxHoldTime: 500 });
    for (const node of nodes) node.atOnce.extend = unreachable();
    await rejectionOf(lock.extend());
    clock.advance(500);
    expect(lock.signal.reason).toMatchObject({ reason: 'maxHoldTime', votes: [] });
    expect('cause' in lock.signal.reason).toBe(false);
  });

  it('also in the error of using', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3, { ttl: 1_000 });
    const using = rejectionOf(
      redlock.using(
        'r',
        (lock) =>
          new Promise((done) => {
            lock.signal.addEventListener('abort', done);
          }),
      ),
    );
    await clock.advanceAsync(0);
    for (const node of nodes) node.fail();
    await clock.advanceAsync(1_000);
    const error = await using;
    expect(error).toMatchObject({ code: 'LOCK_LOST', cause: { code: 'QUORUM_UNREACHABLE' } });
    expect((error as LockLostError).votes).toMatchObject([
      { node: 'memory-1', kind: 'unreachable' },
      { kind: 'unreachable' },
      // The first two have decided.
      { kind: 'late' },
    ]);
  });
});
