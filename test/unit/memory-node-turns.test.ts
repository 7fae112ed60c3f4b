import { afterEach, describe, expect, it, vi } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { createMemoryNodes } from '../../src/testing.ts';

const ROUNDS = 20_000;

describe('code that does nothing but use nodes in memory', () => {
  const redlock = new Redlock(createMemoryNodes(3));
  const failed = new Redlock(
    createMemoryNodes(3).map((node) => {
      node.fail();
      return node;
    }),
  );
  it.each<[string, () => Promise<unknown>]>([
    ['locks', () => redlock.using('r', () => {})],
    ['looks', () => redlock.inspect('r')],
    ['tries nodes that are down', () => failed.tryAcquire('r').catch(() => {})],
  ])('and %s again and again lets timers fire', async (_what, work) => {
    const stop = AbortSignal.timeout(1);
    let rounds = 0;
    while (!stop.aborted && rounds < ROUNDS) {
      await work();
      rounds++;
    }
    expect(rounds).toBeLessThan(ROUNDS);
  });
});

describe('nodes in memory, under fake timers', () => {
  const nextTick = process.nextTick.bind(process);
  const realNextTick = Object.getOwnPropertyDescriptor(process, 'nextTick') as PropertyDescriptor;
  /** Where the product asked for a tick; the test runner needs its own. */
  const asked: string[] = [];

  afterEach(() => {
    Object.defineProperty(process, 'nextTick', realNextTick);
    vi.useRealTimers();
    expect(asked.splice(0)).toEqual([]);
  });

  /** All that Jest replaces by default. */
  function fakeAll(): void {
    vi.useFakeTimers({
      toFake: [
        'setTimeout',
        'clearTimeout',
        'setImmediate',
        'clearImmediate',
        'queueMicrotask',
        'performance',
        'Date',
      ],
    });
    process.nextTick = (...args: Parameters<typeof nextTick>) => {
      const caller = new Error().stack?.split('\n')[2] ?? '';
      if (caller.includes('/src/')) asked.push(caller);
      nextTick(...args);
    };
  }

  it('lock, extend, hand on, look, release and close', async () => {
    fakeAll();
    const redlock = new Redlock(createMemoryNodes(3), { ttl: 10_000 });
    const first = await redlock.acquire('r');
    const second = redlock.acquire('r');
    await first.extend();
    expect(await redlock.inspect('r')).toMatchObject({ state: 'held' });
    expect(await redlock.tryAcquire('r')).toBeNull();
    await first.release();
    await (await second).release();
    expect(await redlock.using('r', ({ state }) => state)).toBe('held');
    const last = await redlock.acquire('r');
    await redlock.close();
    expect(last).toMatchObject({ state: 'lost' });
  });

  it('let a call that is first in line lead when those before it gave up', async () => {
    fakeAll();
    const nodes = createMemoryNodes(3);
    const held = await new Redlock(nodes).acquire('r');
    const redlock = new Redlock(nodes);
    const stop = new AbortController();
    const first = redlock.acquire('r', { signal: stop.signal });
    const second = redlock.acquire('r');
    stop.abort();
    await expect(first).rejects.toBe(stop.signal.reason);
    await held.release();
    expect(await second).toMatchObject({ state: 'held' });
  });

  it('go on without end', async () => {
    fakeAll();
    const redlock = new Redlock(createMemoryNodes(3));
    for (let i = 0; i < 1_000; i++) await redlock.using('r', () => {});
    expect(await redlock.inspect('r')).toMatchObject({ state: 'free' });
  });

  it('extend a lock for as long as it is held', async () => {
    fakeAll();
    const lock = await new Redlock(createMemoryNodes(3)).acquire('r', { ttl: 10_000, autoExtend: true });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(lock.state).toBe('held');
    await lock.release();
  });
});
