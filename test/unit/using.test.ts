import { describe, expect, it } from 'vitest';
import { type Lock, LockLostError, ResourceHeldError } from '../../src/index.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';

/** A routine that ends when the test says so. */
function routine<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const result = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const locks: Lock[] = [];
  const run = (lock: Lock): Promise<T> => {
    locks.push(lock);
    return result;
  };
  return { run, resolve, reject, locks };
}

describe('using', () => {
  it('resolves with what the routine returns', async () => {
    const { redlock } = memoryRedlock(3);
    expect(await redlock.using('r', () => 42)).toBe(42);
    expect(await redlock.using('r', { ttl: 1_000 }, async () => 'later')).toBe('later');
    expect(await redlock.using('r', undefined, () => undefined)).toBeUndefined();
  });

  it.each([new Error('failed'), 'a string', undefined])(
    'rejects with what the routine throws: %s',
    async (reason) => {
      const { redlock } = memoryRedlock(3);
      const call = redlock.using('r', () => {
        throw reason;
      });
      expect(await peek(call)).toEqual({ status: 'rejected', reason });
    },
  );

  it('rejects with what the routine rejects with', async () => {
    const { redlock } = memoryRedlock(3);
    const reason = new Error('failed');
    expect(await rejectionOf(redlock.using('r', () => Promise.reject(reason)))).toBe(reason);
  });

  it.each([
    ['returns', () => 1],
    [
      'throws',
      () => {
        throw new Error('failed');
      },
    ],
  ])('has released the lock when the routine %s', async (_how, run) => {
    const { redlock, keys, clock } = memoryRedlock(3);
    await redlock.using('r', run).catch(() => {});
    await clock.advanceAsync(0);
    expect(keys()).toEqual([[], [], []]);
    expect(clock.pending).toBe(0);
  });

  it('runs the routine with the lock held', async () => {
    const { redlock } = memoryRedlock(3);
    expect(await redlock.using(['r', 's'], ({ state, resources }) => ({ state, resources }))).toEqual({
      state: 'held',
      resources: ['r', 's'],
    });
  });

  it('extends the lock while the routine runs', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const { run, resolve, locks } = routine<string>();
    const call = redlock.using('r', run);
    await clock.advanceAsync(10_000);
    expect(locks[0]?.state).toBe('held');
    resolve('done');
    expect(await call).toBe('done');
  });

  it('does not extend it when it is told not to', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const { run, resolve } = routine<string>();
    const rejection = rejectionOf(redlock.using('r', { autoExtend: false }, run));
    await clock.advanceAsync(2_000);
    resolve('done');
    expect(await rejection).toBeInstanceOf(LockLostError);
  });

  it('does not run the routine without a lock', async () => {
    const { redlock, another } = memoryRedlock(3);
    await another().acquire('r');
    const { run, locks } = routine();
    expect(await rejectionOf(redlock.using('r', { acquireTimeout: 0 }, run))).toBeInstanceOf(
      ResourceHeldError,
    );
    expect(locks).toEqual([]);
  });

  it.each([undefined, null, 5, {}])('takes no routine such as %j', async (run) => {
    const { redlock, keys } = memoryRedlock(1);
    const error = await rejectionOf(redlock.using('r', run as () => void));
    expect(error).toBeInstanceOf(TypeError);
    expect(keys()).toEqual([[]]);
  });
});

/** A call whose lock is lost while its routine runs. */
async function lost() {
  const { redlock, nodes, clock } = memoryRedlock(3, { ttl: 1_000 });
  const { run, resolve, reject, locks } = routine<string>();
  const call = rejectionOf(redlock.using('r', run));
  await clock.advanceAsync(0);
  for (const node of nodes.slice(0, 2)) node.hang();
  await clock.advanceAsync(1_000);
  return { call, resolve, reject, lock: locks[0] as Lock };
}

describe('using a lock that is lost', () => {
  it('tells the routine by its signal', async () => {
    const { lock, call, resolve } = await lost();
    expect(lock.signal.reason).toMatchObject({ reason: 'expired' });
    resolve('done');
    await call;
  });

  it('waits for the routine', async () => {
    const { call, resolve } = await lost();
    expect(await peek(call)).toBe('pending');
    resolve('done');
    expect(await call).toBeInstanceOf(LockLostError);
  });

  it('carries the result of the routine', async () => {
    const { call, resolve, lock } = await lost();
    resolve('done');
    expect(await call).toMatchObject({
      code: 'LOCK_LOST',
      reason: 'expired',
      outcome: { status: 'fulfilled', value: 'done' },
      message: lock.signal.reason.message,
      votes: lock.signal.reason.votes,
      cause: lock.signal.reason.cause,
    });
  });

  it('carries the error of the routine', async () => {
    const { call, reject } = await lost();
    const reason = new Error('failed');
    reject(reason);
    expect(await call).toMatchObject({ code: 'LOCK_LOST', outcome: { status: 'rejected', reason } });
  });

  it('passes on a routine that rejects with that very error', async () => {
    const { call, reject, lock } = await lost();
    const { reason } = lock.signal;
    reject(reason);
    expect(await call).toBe(reason);
    expect((reason as LockLostError).outcome).toBeUndefined();
  });

  it('says so when the clock does, before any timer has run', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const rejection = await rejectionOf(redlock.using('r', () => clock.jump(5_000)));
    expect(rejection).toMatchObject({ code: 'LOCK_LOST', outcome: { status: 'fulfilled' } });
  });

  it('says why when the Redlock was closed', async () => {
    const { redlock } = memoryRedlock(3);
    const error = await rejectionOf(redlock.using('r', () => redlock.close().then(() => 'done')));
    expect(error).toMatchObject({ code: 'LOCK_LOST', reason: 'closed', outcome: { value: 'done' } });
  });

  it('says why after maxHoldTime', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000, maxHoldTime: 3_000 });
    const { run, resolve } = routine<string>();
    const rejection = rejectionOf(redlock.using('r', run));
    await clock.advanceAsync(3_000);
    resolve('done');
    expect(await rejection).toMatchObject({ reason: 'maxHoldTime', outcome: { value: 'done' } });
  });
});

describe('using a lock whose release fails', () => {
  it.each([
    ['returns', 'done'],
    ['throws', new Error('failed')],
  ])('does not hide what the routine %s', async (_how, what) => {
    const { redlock, nodes, clock } = memoryRedlock(3, { ttl: 1_000 });
    const { run, resolve, reject } = routine<unknown>();
    const call = redlock.using('r', run).catch((error: unknown) => error);
    await clock.advanceAsync(0);
    for (const node of nodes) node.hang();
    if (what instanceof Error) reject(what);
    else resolve(what);
    await clock.advanceAsync(100);
    expect(await call).toBe(what);
  });

  it('settles within nodeTimeout', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3, { ttl: 1_000 });
    const call = redlock.using('r', () => nodes.forEach((node) => node.hang()));
    await clock.advanceAsync(99);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
  });
});

describe('using a lock that its routine releases', () => {
  it('resolves with what the routine returns', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const call = redlock.using('r', async (lock) => {
      await lock.release();
      clock.jump(5_000);
      return lock.signal.aborted;
    });
    expect(await call).toBe(false);
  });
});
