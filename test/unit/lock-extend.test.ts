import { describe, expect, it } from 'vitest';
import {
  LockLostError,
  LockReleasedError,
  QuorumUnreachableError,
  ResourceHeldError,
} from '../../src/index.ts';
import { counts, lockOver } from '../support/lock-over.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

const extended = { kind: 'extended' } as const;
const taken = { kind: 'taken', remaining: 700 } as const;

describe('extending a lock', () => {
  it('moves the end of its validity', async () => {
    const { lock, clock, answerExtensions } = await lockOver(3);
    clock.advance(500);
    const extension = lock.extend();
    answerExtensions(extended, extended);
    await extension;
    expect(lock.remaining()).toBe(988);
  });

  it('measures validity from before the round', async () => {
    const { lock, clock, answerExtensions } = await lockOver(3);
    const extension = lock.extend();
    clock.advance(60);
    answerExtensions(extended, extended);
    await extension;
    expect(lock.remaining()).toBe(928);
  });

  it('moves the moment at which its signal aborts', async () => {
    const { lock, clock, answerExtensions } = await lockOver(3);
    const { signal } = lock;
    clock.advance(500);
    const extension = lock.extend();
    answerExtensions(extended, extended);
    await extension;
    clock.advance(980);
    expect(signal.aborted).toBe(false);
    clock.advance(8);
    expect(signal.aborted).toBe(true);
  });

  it('takes a ttl of its own', async () => {
    const { lock, nodes, answerExtensions } = await lockOver(3);
    const extension = lock.extend(5_000);
    expect(nodes[0]?.requests.at(-1)?.ttl).toBe(5_000);
    answerExtensions(extended, extended);
    await extension;
    expect(lock.remaining()).toBe(4_948);
  });

  it('never shortens it', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const extension = lock.extend(300);
    answerExtensions(extended, extended);
    await extension;
    expect(lock.remaining()).toBe(988);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 30_001])(
    'by %d ms is a RangeError that sends nothing',
    async (ttl) => {
      const { lock, nodes } = await lockOver(3);
      const error = await rejectionOf(lock.extend(ttl));
      expect(error).toBeInstanceOf(RangeError);
      expect((error as Error).message).toContain(`ttl must be a whole number from 4 to 30000, not ${ttl}`);
      expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
      expect(lock.state).toBe('held');
    },
  );

  it.each(['5', null])('by %j is a TypeError', async (ttl) => {
    const { lock } = await lockOver(3);
    expect(await rejectionOf(lock.extend(ttl as unknown as number))).toBeInstanceOf(TypeError);
  });

  it('by a ttl that leaves no validity is a RangeError', async () => {
    const { lock } = await lockOver(3);
    expect(await rejectionOf(lock.extend(103))).toBeInstanceOf(RangeError);
  });

  it('goes one round at a time', async () => {
    const { lock, nodes, answerExtensions } = await lockOver(3);
    const ends: string[] = [];
    const all = ['first', 'second', 'third'].map((name) => lock.extend().then(() => ends.push(name)));
    for (let round = 1; round <= 3; round++) {
      expect(await peek(Promise.all(all))).toBe('pending');
      expect(counts(nodes, 'extend')).toEqual([round, round, round]);
      answerExtensions(extended, extended);
    }
    await Promise.all(all);
    expect(ends).toEqual(['first', 'second', 'third']);
  });
});

describe('an extension that fails', () => {
  it('leaves a valid lock valid', async () => {
    const { lock, clock, answerExtensions } = await lockOver(3);
    clock.advance(500);
    const extension = lock.extend();
    answerExtensions(unreachable(), unreachable());
    const error = await rejectionOf(extension);
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(error).toMatchObject({ votes: [{ node: 'a' }, { node: 'b' }, { node: 'c', kind: 'late' }] });
    expect([lock.state, lock.remaining(), lock.signal.aborted]).toEqual(['held', 488, false]);
  });

  it('says so within nodeTimeout', async () => {
    const { lock, clock } = await lockOver(3);
    const extension = lock.extend();
    clock.advance(100);
    expect(await peek(extension)).toMatchObject({ reason: { code: 'QUORUM_UNREACHABLE' } });
  });

  it('deletes nothing', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    const extension = rejectionOf(lock.extend());
    clock.advance(100);
    await extension;
    expect(counts(nodes, 'release')).toEqual([0, 0, 0]);
  });

  it('does not keep a later one from succeeding', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const first = rejectionOf(lock.extend());
    const second = lock.extend();
    answerExtensions(unreachable(), unreachable());
    expect(await first).toBeInstanceOf(QuorumUnreachableError);
    answerExtensions(extended, extended);
    await second;
  });

  it('because nodes lost the keys names them as held', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const extension = lock.extend();
    answerExtensions({ kind: 'repaired' }, { kind: 'repaired' }, extended);
    expect(await rejectionOf(extension)).toBeInstanceOf(ResourceHeldError);
    expect(lock.state).toBe('held');
  });
});

describe('a lock that a majority of nodes has forgotten', () => {
  const granted = { kind: 'granted' } as const;
  const denied = { kind: 'denied', remaining: 0 } as const;
  const repaired = { kind: 'repaired' } as const;

  it('is not extended, and the error says that too few nodes have held it all along', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const extension = lock.extend();
    answerExtensions(extended, repaired, repaired);
    const error = (await rejectionOf(extension)) as ResourceHeldError;
    expect(error.message).toBe(
      'cannot extend "r": too few nodes have held it all along (1 of 3 granted, 2 denied)',
    );
    expect(error.votes).toMatchObject([granted, denied, denied]);
  });

  it('is not extended by the next try either, although all nodes have it again', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const first = rejectionOf(lock.extend());
    answerExtensions(extended, repaired, repaired);
    await first;
    const second = lock.extend();
    answerExtensions(extended, extended, extended);
    const error = (await rejectionOf(second)) as ResourceHeldError;
    expect(error).toBeInstanceOf(ResourceHeldError);
    expect(error.message).toBe(
      'cannot extend "r": too few nodes have held it all along (1 of 3 granted, 2 denied)',
    );
    expect(error.votes).toMatchObject([granted, denied, denied]);
  });

  it('is held as long as it was before', async () => {
    const { lock, clock, answerExtensions } = await lockOver(3);
    clock.advance(500);
    const extension = rejectionOf(lock.extend());
    answerExtensions(extended, repaired, repaired);
    await extension;
    clock.advance(486);
    expect([lock.state, lock.remaining()]).toEqual(['held', 2]);
    clock.advance(2);
    expect(lock.state).toBe('lost');
  });
});

describe('a lock that others have taken', () => {
  it('is lost at once when they hold too many nodes', async () => {
    const { lock, nodes, answerExtensions } = await lockOver(3);
    const { signal } = lock;
    const extension = lock.extend();
    answerExtensions(taken, taken);
    const error = await rejectionOf(extension);
    expect(error).toBeInstanceOf(LockLostError);
    expect(signal.reason).toEqual(error);
    expect(error).toMatchObject({
      reason: 'taken',
      votes: [{ node: 'a', kind: 'denied', remaining: 700 }, { kind: 'denied' }, { kind: 'late' }],
    });
    expect(lock.state).toBe('lost');
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('is held while they hold a minority', async () => {
    const { lock, answerExtensions } = await lockOver(3);
    const extension = lock.extend();
    answerExtensions(taken, extended, extended);
    await extension;
    expect(lock.state).toBe('held');
  });
});

describe('extending a lock that has ended', () => {
  it('rejects with the reason of the loss', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    clock.jump(5_000);
    expect(await rejectionOf(lock.extend())).toEqual(lock.signal.reason);
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
  });

  it('ignores a success that comes after the loss', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    clock.advance(950);
    const extension = rejectionOf(lock.extend());
    clock.advance(38);
    for (const node of nodes) node.of('extend')[0]?.deliver(extended);
    expect(await extension).toBeInstanceOf(LockLostError);
    expect(lock.state).toBe('lost');
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('ignores a success that the clock says is too late', async () => {
    const { lock, clock, answerExtensions } = await lockOver(3);
    clock.advance(900);
    const extension = rejectionOf(lock.extend());
    clock.jump(500);
    answerExtensions(extended, extended);
    expect(await extension).toBeInstanceOf(LockLostError);
    expect([lock.state, lock.remaining()]).toEqual(['lost', 0]);
  });

  it('ignores a success that comes after the release', async () => {
    const { lock, nodes, answerExtensions } = await lockOver(3);
    const extension = rejectionOf(lock.extend());
    await lock.release();
    answerExtensions(extended, extended, extended);
    expect(await extension).toBeInstanceOf(LockReleasedError);
    expect(lock.state).toBe('released');
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('rejects the calls that queue up behind a round', async () => {
    const { lock } = await lockOver(3);
    const extensions = [lock.extend(), lock.extend()].map(rejectionOf);
    await lock.release();
    for (const error of await Promise.all(extensions)) expect(error).toBeInstanceOf(LockReleasedError);
  });

  it('leaves no timer', async () => {
    const { lock, clock } = await lockOver(3, { autoExtend: true });
    const extension = rejectionOf(lock.extend());
    await lock.release();
    await extension;
    expect(clock.pending).toBe(0);
  });
});
