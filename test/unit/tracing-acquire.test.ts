import { describe, expect, it } from 'vitest';
import {
  type AcquireEvent,
  type AcquireOptions,
  AcquireTimeoutError,
  type Lock,
  LockLostError,
  RedlockClosedError,
  type RedlockOptions,
  type UsingEvent,
} from '../../src/index.ts';
import { heard, traced } from '../support/heard.ts';
import { type MemoryRedlock, memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';

/** The context object of a call, once it has settled. */
function settled(events: ReturnType<typeof traced<AcquireEvent>>, method: string): AcquireEvent {
  const found = events.filter(({ stage, event }) => stage === 'asyncEnd' && event.method === method);
  expect(found).toHaveLength(1);
  return found[0]?.event as AcquireEvent;
}

const granted = (...nodes: string[]): unknown => nodes.map((node) => ({ node, kind: 'granted' }));

const allFail = ({ nodes }: MemoryRedlock): void => {
  for (const node of nodes) node.fail();
};
const isHeld = ({ another }: MemoryRedlock): Promise<Lock> => another().acquire('a', { ttl: 30_000 });

describe('quorlock:acquire of a call that gets the lock', () => {
  it.each(['acquire', 'tryAcquire'] as const)(
    '%s has one context object from its start to its end',
    async (method) => {
      const { redlock } = memoryRedlock(3);
      const events = traced<AcquireEvent>('quorlock:acquire');
      const lock = await redlock[method](['a', 'b'], { label: 'me' });
      expect(events.map(({ stage }) => stage)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
      expect(new Set(events.map(({ event }) => event)).size).toBe(1);
      expect(events[0]?.was).toEqual({
        method,
        resources: ['a', 'b'],
        label: 'me',
        attempts: 0,
        contended: false,
        votes: [],
      });
      expect(events[3]?.was).toEqual({
        method,
        resources: ['a', 'b'],
        label: 'me',
        attempts: 1,
        contended: false,
        waited: 0,
        outcome: 'acquired',
        votes: expect.arrayContaining([{ node: 'memory-1', kind: 'granted' }]) as unknown,
        result: lock,
      });
    },
  );

  it('using ends there when it has the lock, and its routine has not settled', async () => {
    const { redlock } = memoryRedlock(3);
    const calls = traced<AcquireEvent>('quorlock:acquire');
    const uses = traced<UsingEvent>('quorlock:using');
    const seen = await redlock.using('a', (lock) => {
      const { result, outcome } = settled(calls, 'using');
      expect([result, outcome]).toEqual([lock, 'acquired']);
      expect(uses.map(({ stage }) => stage)).toEqual(['start', 'end']);
      expect(uses[0]?.event).toEqual({ resources: ['a'], lock });
      return lock;
    });
    expect(uses.map(({ stage }) => stage)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(uses[3]?.event).toEqual({ resources: ['a'], lock: seen, result: seen });
  });

  it('has the votes of the attempt that won', async () => {
    const { redlock, nodes } = memoryRedlock(3);
    nodes[2]?.fail();
    const events = traced<AcquireEvent>('quorlock:acquire');
    await redlock.acquire('a');
    const { votes } = settled(events, 'acquire');
    expect(votes.slice(0, 2)).toEqual(granted('memory-1', 'memory-2'));
  });

  it('takes the label of the Redlock if the call has none', async () => {
    const { redlock } = memoryRedlock(3, { label: 'host/1' });
    const events = traced<AcquireEvent>('quorlock:acquire');
    await redlock.acquire('a');
    await redlock.acquire('b', { label: 'mine' });
    expect(events.filter(({ stage }) => stage === 'start').map(({ event }) => event.label)).toEqual([
      'host/1',
      'mine',
    ]);
  });

  it('says how long it has waited behind another process, in how many attempts', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('a');
    const events = traced<AcquireEvent>('quorlock:acquire');
    const call = redlock.acquire('a');
    await clock.advanceAsync(300);
    await holder.release();
    await clock.advanceAsync(0);
    await call;
    const { attempts, waited, outcome, contended, votes } = settled(events, 'acquire');
    expect({ waited, outcome, contended }).toEqual({ waited: 300, outcome: 'acquired', contended: true });
    expect(attempts).toBeGreaterThan(1);
    expect(votes.filter(({ kind }) => kind === 'granted').length).toBeGreaterThanOrEqual(2);
  });

  it('says that it was contended behind a lock of its own Redlock, where it asks no node', async () => {
    const { redlock, clock } = memoryRedlock(3);
    const holder = await redlock.acquire('a');
    const events = traced<AcquireEvent>('quorlock:acquire');
    const call = redlock.acquire('a');
    await clock.advanceAsync(100);
    expect(events[0]?.event).toMatchObject({ attempts: 0, contended: true });
    await holder.release();
    await call;
    expect(settled(events, 'acquire')).toMatchObject({ attempts: 1, contended: true, waited: 100 });
  });

  it('names resources as they were when the call began, whatever the caller does to its array', async () => {
    const { redlock } = memoryRedlock(3);
    const events = traced<AcquireEvent>('quorlock:acquire');
    const resources = ['a', 'b'];
    const call = redlock.acquire(resources);
    resources.length = 0;
    await call.catch(() => {});
    expect(settled(events, 'acquire').resources).toEqual(['a', 'b']);
  });
});

describe('quorlock:acquire of a call that does not get the lock', () => {
  it('ends in held for tryAcquire that finds a holder, with the votes', async () => {
    const { redlock, another } = memoryRedlock(3);
    await another().acquire('a');
    const events = traced<AcquireEvent>('quorlock:acquire');
    expect(await redlock.tryAcquire('a')).toBeNull();
    expect(events.map(({ stage }) => stage)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    const event = settled(events, 'tryAcquire');
    expect(event).toMatchObject({ outcome: 'held', result: null, attempts: 1, contended: true });
    expect(event.votes.filter(({ kind }) => kind === 'denied').length).toBeGreaterThanOrEqual(2);
    expect('error' in event).toBe(false);
  });

  interface Failing {
    readonly options?: RedlockOptions;
    readonly call?: AcquireOptions;
    /** What is in the way before the call begins. */
    readonly before: (over: MemoryRedlock) => unknown;
    /** What happens 50 ms after that. */
    readonly later?: (over: MemoryRedlock) => unknown;
  }

  async function failing({ options = {}, call: own, before, later }: Failing): Promise<{
    readonly event: AcquireEvent;
    readonly error: unknown;
    readonly stages: readonly string[];
  }> {
    const over = memoryRedlock(3, options);
    await before(over);
    const events = traced<AcquireEvent>('quorlock:acquire');
    const error = rejectionOf(over.redlock.acquire('a', own));
    await over.clock.advanceAsync(50);
    later?.(over);
    await over.clock.advanceAsync(20_000);
    const reason = await error;
    return {
      event: settled(events, 'acquire'),
      error: reason,
      stages: events.map(({ stage }) => stage),
    };
  }

  it('ends in ACQUIRE_TIMEOUT with the votes of the error', async () => {
    const { event, error, stages } = await failing({ options: { acquireTimeout: 500 }, before: allFail });
    expect(stages).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(error).toBeInstanceOf(AcquireTimeoutError);
    expect(event).toMatchObject({ outcome: 'ACQUIRE_TIMEOUT', waited: 500, contended: false, error });
    expect(event.votes).toEqual((error as AcquireTimeoutError).votes);
    expect(event.votes.map(({ node }) => node)).toEqual(['memory-1', 'memory-2', 'memory-3']);
  });

  it('ends in the code of the error without retries', async () => {
    const { event } = await failing({ options: { acquireTimeout: 0 }, before: allFail });
    expect(event).toMatchObject({ outcome: 'QUORUM_UNREACHABLE', attempts: 1 });
  });

  it.each([
    ['an error', new Error('no time')],
    ['an error for bad input', new RangeError('no time')],
    ['an error of quorlock', new RedlockClosedError()],
    ['a string', 'no time'],
  ])(
    'ends in aborted, with the votes of the last attempt, by a signal whose reason is %s',
    async (_what, reason) => {
      const controller = new AbortController();
      const { event, error } = await failing({
        call: { signal: controller.signal },
        before: isHeld,
        later: () => controller.abort(reason),
      });
      expect(error).toBe(reason);
      expect(event).toMatchObject({ outcome: 'aborted', waited: 50, contended: true, error: reason });
      expect(event.votes.some(({ kind }) => kind === 'denied')).toBe(true);
    },
  );

  it('ends in aborted by a signal that has aborted before', async () => {
    const signal = AbortSignal.abort(new TypeError('mine'));
    const { event } = await failing({ call: { signal }, before: () => {} });
    expect(event).toMatchObject({
      outcome: 'aborted',
      attempts: 0,
      waited: 0,
      votes: [],
      error: signal.reason,
    });
  });

  it('ends in its own outcome if the signal aborts later', async () => {
    const controller = new AbortController();
    const { event } = await failing({
      options: { acquireTimeout: 0 },
      call: { signal: controller.signal },
      before: isHeld,
      later: () => controller.abort(),
    });
    expect(event.outcome).toBe('RESOURCE_HELD');
  });

  it('ends in CLOSED with the votes of the last attempt', async () => {
    const { event } = await failing({ before: isHeld, later: ({ redlock }) => void redlock.close() });
    expect(event).toMatchObject({ outcome: 'CLOSED', waited: 50, contended: true });
    expect(event.votes.some(({ kind }) => kind === 'denied')).toBe(true);
  });

  it.each([
    ['no name', ''],
    ['a number', 42],
    ['null', null],
    ['an empty array', []],
  ])('ends in invalid for %s, and its resources are a list all the same', async (_what, resources) => {
    const { redlock } = memoryRedlock(3);
    const events = traced<AcquireEvent>('quorlock:acquire');
    await rejectionOf(redlock.acquire(resources as never));
    const event = settled(events, 'acquire');
    expect(event).toMatchObject({ outcome: 'invalid', attempts: 0, votes: [] });
    expect(Array.isArray(event.resources)).toBe(true);
  });

  it('ends in invalid for a bad option', async () => {
    const { redlock } = memoryRedlock(3);
    const events = traced<AcquireEvent>('quorlock:acquire');
    await rejectionOf(redlock.acquire('a', { ttl: -1 }));
    expect(settled(events, 'acquire').outcome).toBe('invalid');
  });
});

describe('quorlock:using', () => {
  it.each([new Error('failed'), 'a string', undefined])(
    'ends with the error of the routine: %s',
    async (reason) => {
      const { redlock } = memoryRedlock(3);
      const events = traced<UsingEvent>('quorlock:using');
      await redlock.using('a', () => Promise.reject(reason)).catch(() => {});
      expect(events.map(({ stage }) => stage)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
      const event = events.at(-1)?.event as UsingEvent;
      expect(event.error).toBe(reason);
      expect(event.lock?.state).toBe('released');
    },
  );

  it('ends with the loss', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: 1_000 });
    const events = traced<UsingEvent>('quorlock:using');
    const call = redlock.using('a', async (lock) => {
      for (const node of nodes) node.fail();
      await clock.advanceAsync(2_000);
      return lock.state;
    });
    const error = await rejectionOf(call);
    expect(error).toBeInstanceOf(LockLostError);
    expect(events.at(-1)?.event).toMatchObject({ error });
  });

  it('has no lock if it was not acquired', async () => {
    const { redlock, another } = memoryRedlock(3, { acquireTimeout: 0 });
    await another().acquire('a');
    const events = traced<UsingEvent>('quorlock:using');
    const error = await rejectionOf(redlock.using('a', () => {}));
    expect(events.at(-1)?.event).toEqual({ resources: ['a'], error });
  });

  it('ends after its lock was released', async () => {
    const { redlock } = memoryRedlock(3);
    const order: string[] = [];
    heard('quorlock:lock:released', () => order.push('released'));
    heard('tracing:quorlock:using:asyncEnd', () => order.push('ended'));
    await redlock.using('a', () => order.push('routine'));
    expect(order).toEqual(['routine', 'released', 'ended']);
  });
});

describe('a call that another one overlaps', () => {
  it('has its own context object', async () => {
    const { redlock } = memoryRedlock(3);
    const events = traced<AcquireEvent>('quorlock:acquire');
    const calls = [redlock.acquire('a'), redlock.acquire('b')];
    await Promise.all(calls);
    for (const each of calls) expect(await peek(each)).toMatchObject({ status: 'fulfilled' });
    const ended = events.filter(({ stage }) => stage === 'asyncEnd').map(({ event }) => event);
    expect(ended.map(({ resources }) => resources)).toEqual([['a'], ['b']]);
    expect(ended.map(({ result }) => result)).toEqual(await Promise.all(calls));
  });
});
