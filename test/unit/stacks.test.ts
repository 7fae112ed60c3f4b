import { afterEach, describe, expect, it } from 'vitest';
import { type Lock, LockLostError, type RedlockError } from '../../src/index.ts';
import { lockOver } from '../support/lock-over.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { unreachable } from '../support/scripted-node.ts';

async function billing<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}

async function shipping<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}

/** The error of a call made by `billing`. */
async function failureOf(call: () => Promise<unknown>): Promise<RedlockError> {
  return billing(call).then(
    () => expect.unreachable('it should have failed'),
    (error: RedlockError) => error,
  );
}

function expectCaller({ name, message, stack = '' }: Error, caller = 'billing'): void {
  expect(stack.startsWith(`${name}: ${message}\n`)).toBe(true);
  expect(stack).toMatch(new RegExp(`\\bat (async )?${caller} `));
}

describe('the stack of an error leads to the caller', () => {
  it('of acquire, when a timer ends the waiting in line', async () => {
    const { redlock, clock } = memoryRedlock(3);
    await redlock.acquire('r');
    const failure = failureOf(() => redlock.acquire('r', { acquireTimeout: 100 }));
    await clock.advanceAsync(100);
    const error = await failure;
    expect(error.code).toBe('ACQUIRE_TIMEOUT');
    expectCaller(error);
    expect((error.cause as Error).stack).not.toContain('billing');
  });

  it('of acquire, when the last attempt fails behind another process', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await another().acquire('r');
    const failure = failureOf(() => redlock.acquire('r', { acquireTimeout: 100 }));
    await clock.advanceAsync(1_000);
    expectCaller(await failure);
  });

  it('of acquire, when the release of another call lets it ask, and nodes do not answer', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3);
    const lock = await shipping(() => redlock.acquire('r'));
    const failure = failureOf(() => redlock.acquire('r', { acquireTimeout: 300, retry: { retries: 1 } }));
    await clock.advanceAsync(10);
    for (const node of nodes) node.hang();
    void shipping(() => lock.release());
    await clock.advanceAsync(3_000);
    const error = await failure;
    expectCaller(error);
    expect(error.stack).not.toContain('shipping');
  });

  it('of tryAcquire, when nodes are down', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes) node.fail();
    const failure = failureOf(() => redlock.tryAcquire('r'));
    await clock.advanceAsync(0);
    expectCaller(await failure);
  });

  it('of using, before its routine has run', async () => {
    const { redlock, clock } = memoryRedlock(3);
    await redlock.acquire('r');
    const failure = failureOf(() => redlock.using('r', { acquireTimeout: 100 }, () => {}));
    await clock.advanceAsync(100);
    expectCaller(await failure);
  });

  it('of using, when the lock was lost, whatever the routine made of it', async () => {
    for (const end of [() => {}, ({ signal }: Lock) => signal.throwIfAborted()]) {
      const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
      const failure = failureOf(() =>
        redlock.using('r', (lock) => {
          clock.advance(5_000);
          end(lock);
        }),
      );
      await clock.advanceAsync(0);
      const error = await failure;
      expect(error.code).toBe('LOCK_LOST');
      expectCaller(error);
    }
  });

  it('of extend, when nodes do not answer', async () => {
    const { lock, clock } = await lockOver(3);
    const failure = failureOf(() => lock.extend());
    await clock.advanceAsync(100);
    const error = await failure;
    expect(error.code).toBe('QUORUM_UNREACHABLE');
    expectCaller(error);
  });

  it('of each call, when close ends several', async () => {
    const { redlock, clock } = memoryRedlock(3);
    await redlock.acquire('r');
    const calls = [billing, shipping].map((caller) =>
      caller(() => redlock.acquire('r')).catch((error: unknown) => error as Error),
    );
    await clock.advanceAsync(10);
    await redlock.close();
    const [one, other] = (await Promise.all(calls)) as [Error, Error];
    expectCaller(one);
    expectCaller(other, 'shipping');
  });

  it('of each call, when extensions find the lock lost', async () => {
    const { lock, clock, nodes } = await lockOver(3);
    const { signal } = lock;
    for (const node of nodes) node.atOnce.extend = unreachable();
    await lock.extend().catch(() => {});
    clock.advance(2_000);
    const before = signal.reason.stack;
    const [one, other] = (await Promise.all(
      [billing, shipping].map((caller) => caller(() => lock.extend()).catch((error: unknown) => error)),
    )) as [Error, Error];
    expectCaller(one);
    expectCaller(other, 'shipping');
    expect(one).toBeInstanceOf(LockLostError);
    expect(one).toEqual(signal.reason);
    expect(one).not.toBe(signal.reason);
    expect(signal.reason.stack).toBe(before);
  });

  it('of inspect and acquire, after close', async () => {
    const { redlock } = memoryRedlock(3);
    await redlock.close();
    for (const call of [() => redlock.inspect('r'), () => redlock.acquire('r')]) {
      const { stack } = await failureOf(call);
      expect(stack).toMatch(/^RedlockClosedError: .*\n.*\bat .*billing /s);
    }
  });
});

describe("an error that is the user's own keeps its stack", () => {
  it('when a signal aborts the waiting, even if its reason is an error of a lock', async () => {
    const { lock, clock } = await lockOver(3);
    const { signal } = lock;
    const { redlock } = memoryRedlock(3);
    await redlock.acquire('r');
    const failure = failureOf(() => redlock.acquire('r', { signal }));
    clock.advance(2_000);
    const { stack } = signal.reason as Error;
    expect(await failure).toBe(signal.reason);
    expect((signal.reason as Error).stack).toBe(stack);
    expect(stack).not.toContain('billing');
  });

  it('when the routine of using throws', async () => {
    const { redlock } = memoryRedlock(3);
    const error = new Error('mine');
    const { stack } = error;
    expect(await failureOf(() => redlock.using('r', () => Promise.reject(error)))).toBe(error);
    expect(error.stack).toBe(stack);
  });
});

describe('with Error.stackTraceLimit', () => {
  const before = Error.stackTraceLimit;
  afterEach(() => {
    Error.stackTraceLimit = before;
  });

  it('of 0, an error has its name and message', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes) node.fail();
    Error.stackTraceLimit = 0;
    const failure = failureOf(() => redlock.tryAcquire('r'));
    await clock.advanceAsync(0);
    const { name, message, stack } = await failure;
    expect(stack).toBe(`${name}: ${message}`);
  });
});
