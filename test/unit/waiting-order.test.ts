import { describe, expect, it } from 'vitest';
import type { Redlock } from '../../src/index.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** A process that takes the lock again as soon as it has released it. */
function greedy(redlock: Redlock, clock: ManualClock, ms: number): { held: number } {
  const counter = { held: 0 };
  void (async () => {
    for (;;) {
      const lock = await redlock.acquire('r', FOREVER);
      counter.held++;
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
      void lock.release();
    }
  })();
  return counter;
}

describe('a process that wants the lock again as soon as it has released it', () => {
  it.each([1, 2, 3, 5, 7])(
    'overtakes others until it knows of them, and then nobody (%d nodes)',
    async (n) => {
      const { redlock, another, clock } = memoryRedlock(n);
      const counter = greedy(redlock, clock, 2);
      await clock.advanceAsync(20);
      for (let time = 0; time < 5; time++) {
        const before = counter.held;
        const call = another().acquire('r', FOREVER);
        await turn();
        await clock.advanceAsync(10);
        expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
        // Once as it asks all nodes at once, and once as its inbox is not live yet. Later it may just be its turn.
        expect(counter.held - before).toBeLessThanOrEqual(time === 0 ? 2 : 1);
        void (await call).release();
      }
    },
  );

  it.each([3, 5])('takes turns with others that do the same (%d nodes)', async (n) => {
    const { another, clock } = memoryRedlock(n);
    const counters = Array.from({ length: 4 }, () => greedy(another(), clock, 2));
    await clock.advanceAsync(100);
    const before = counters.map(({ held }) => held);
    await clock.advanceAsync(400);
    const turns = counters.map(({ held }, index) => held - (before[index] ?? 0));
    expect(Math.min(...turns)).toBeGreaterThan(0);
    expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(1);
  });
});
