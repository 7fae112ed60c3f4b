import { describe, expect, it } from 'vitest';
import { QuorumUnreachableError, RedlockClosedError, ResourceHeldError } from '../../src/index.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';

function onEach(n: number, keys: readonly string[]): (readonly string[])[] {
  return Array.from({ length: n }, () => keys);
}

describe('acquire', () => {
  it.each([1, 2, 3, 4, 5, 7])('takes a lock on all of %d nodes', async (n) => {
    const { redlock, keys } = memoryRedlock(n);
    const lock = await redlock.acquire('r');
    expect(keys()).toEqual(onEach(n, ['r']));
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    expect(keys()).toEqual(onEach(n, []));
  });

  it.each([
    [3, 1],
    [4, 1],
    [5, 2],
    [7, 3],
  ])('of %d nodes does without %d that hang', async (n, hung) => {
    const { redlock, nodes } = memoryRedlock(n);
    for (const node of nodes.slice(0, hung)) node.hang();
    expect(await peek(redlock.acquire('r'))).toMatchObject({ status: 'fulfilled' });
  });

  it('puts the prefix before each resource', async () => {
    const { redlock, keys } = memoryRedlock(1, { keyPrefix: 'app:' });
    const lock = await redlock.acquire('r');
    expect(lock.resources).toEqual(['r']);
    expect(keys()).toEqual([['app:r']]);
  });

  it('gives every lock an owner token of its own', async () => {
    const { redlock } = memoryRedlock(3);
    const locks = [await redlock.acquire('r'), await redlock.acquire('s')];
    expect(locks[0]?.ownerToken).not.toBe(locks[1]?.ownerToken);
  });

  it('with the same Redlock excludes itself', async () => {
    const { redlock } = memoryRedlock(3);
    const lock = await redlock.acquire('r');
    expect(await redlock.tryAcquire('r')).toBeNull();
    await lock.release();
    expect(await redlock.tryAcquire('r')).not.toBeNull();
  });

  it('leaves a held lock alone when a second call fails', async () => {
    const { redlock, keys } = memoryRedlock(3);
    const lock = await redlock.acquire('r');
    await redlock.tryAcquire('r');
    expect(lock.state).toBe('held');
    expect(keys()).toEqual([['r'], ['r'], ['r']]);
  });

  it('gets a lock that its holder let expire', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { ttl: 1_000 });
    await another().acquire('r');
    const call = redlock.acquire('r', { ttl: 10_000 });
    await clock.advanceAsync(2_500);
    expect((await call).state).toBe('held');
  });
});

describe('tryAcquire', () => {
  it('is null when somebody else holds the lock', async () => {
    const { redlock, another } = memoryRedlock(3);
    await another().acquire('r');
    expect(await redlock.tryAcquire('r')).toBeNull();
  });

  it('throws when no quorum can be reached', async () => {
    const { redlock, nodes } = memoryRedlock(3);
    for (const node of nodes.slice(0, 2)) node.fail();
    const error = await rejectionOf(redlock.tryAcquire('r'));
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(error).toMatchObject({
      votes: [
        { node: 'memory-1', kind: 'unreachable' },
        { node: 'memory-2', kind: 'unreachable' },
        { node: 'memory-3' },
      ],
    });
  });

  it('throws within nodeTimeout when a majority hangs', async () => {
    const { redlock, nodes, clock, keys } = memoryRedlock(3, { nodeTimeout: 100 });
    for (const node of nodes.slice(0, 2)) node.hang();
    const rejection = rejectionOf(redlock.tryAcquire('r'));
    await clock.advanceAsync(100);
    expect(await rejection).toMatchObject({ code: 'QUORUM_UNREACHABLE' });
    for (const node of nodes) node.heal();
    await clock.advanceAsync(0);
    expect(keys()).toEqual([[], [], []]);
  });

  it('never waits, whatever acquireTimeout says', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { acquireTimeout: 5_000 });
    await another().acquire('r');
    expect(await peek(redlock.tryAcquire('r'))).toEqual({ status: 'fulfilled', value: null });
    expect(clock.pending).toBe(1);
  });
});

describe('several resources', () => {
  it('are taken together', async () => {
    const { redlock, keys } = memoryRedlock(3);
    const lock = await redlock.acquire(['r', 's']);
    expect(lock.resources).toEqual(['r', 's']);
    expect(keys()).toEqual(onEach(3, ['r', 's']));
    await lock.release();
    expect(keys()).toEqual([[], [], []]);
  });

  it('are taken all or none', async () => {
    const { redlock, another, keys } = memoryRedlock(3);
    const other = await another().acquire('s');
    expect(await redlock.tryAcquire(['r', 's', 't'])).toBeNull();
    expect(keys()).toEqual(onEach(3, ['s']));
    await other.release();
    expect(await redlock.tryAcquire(['r', 's', 't'])).not.toBeNull();
  });

  it('that are given twice are taken once', async () => {
    const { redlock, keys } = memoryRedlock(1);
    const lock = await redlock.acquire(['r', 's', 'r']);
    expect(lock.resources).toEqual(['r', 's']);
    expect(keys()).toEqual([['r', 's']]);
  });

  it('in opposite orders do not deadlock', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const other = another();
    const done: string[] = [];
    const calls = [
      redlock.using(['r', 's'], () => done.push('first')),
      other.using(['s', 'r'], () => done.push('second')),
    ];
    await clock.advanceAsync(5_000);
    await Promise.all(calls);
    expect(done.sort()).toEqual(['first', 'second']);
  });
});

describe('closing', () => {
  it('rejects all later calls', async () => {
    const { redlock } = memoryRedlock(3);
    await redlock.close();
    const calls: Promise<unknown>[] = [
      redlock.acquire('r'),
      redlock.tryAcquire('r'),
      redlock.using('r', () => 1),
      redlock.inspect('r'),
    ];
    for (const error of await Promise.all(calls.map(rejectionOf))) {
      expect(error).toBeInstanceOf(RedlockClosedError);
      expect(error).toMatchObject({ code: 'CLOSED', votes: [] });
    }
  });

  it('is one closing, however often it is called', () => {
    const { redlock } = memoryRedlock(3);
    expect(redlock.close()).toBe(redlock.close());
  });

  it('releases what is held', async () => {
    const { redlock, keys, clock } = memoryRedlock(3);
    const locks = [await redlock.acquire('r'), await redlock.acquire('s', { autoExtend: true })];
    await redlock.close();
    await clock.advanceAsync(0);
    expect(locks.map(({ state }) => state)).toEqual(['lost', 'lost']);
    expect(keys()).toEqual([[], [], []]);
    expect(clock.pending).toBe(0);
  });

  it('does not close nodes that were handed in', async () => {
    const { redlock, another } = memoryRedlock(3);
    await redlock.close();
    expect(await another().tryAcquire('r')).not.toBeNull();
  });

  it('comes at the end of a block that uses it', async () => {
    const { redlock } = memoryRedlock(3);
    {
      await using used = redlock;
      await used.acquire('r');
    }
    expect(await rejectionOf(redlock.acquire('r'))).toBeInstanceOf(RedlockClosedError);
  });

  it('leaves the error of an ended call alone', async () => {
    const { redlock, another } = memoryRedlock(3);
    await another().acquire('r');
    const rejection = rejectionOf(redlock.acquire('r', { acquireTimeout: 0 }));
    await peek(rejection);
    await redlock.close();
    expect(await rejection).toBeInstanceOf(ResourceHeldError);
  });
});
