import { describe, expect, it } from 'vitest';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';

describe('1000 concurrent calls on 10 resources', () => {
  it('all settle, and no two of them overlap', async () => {
    const { redlock, another, clock, keys } = memoryRedlock(5, {
      acquireTimeout: Number.POSITIVE_INFINITY,
      retry: { maxTimeout: 200 },
    });
    const clients = [redlock, another(), another()];
    const inside = new Array<number>(10).fill(0);
    const done = new Array<number>(10).fill(0);
    const overlaps: number[] = [];
    const routine = async (resource: number): Promise<void> => {
      inside[resource] = (inside[resource] ?? 0) + 1;
      if (inside[resource] !== 1) overlaps.push(resource);
      await turn();
      inside[resource] = (inside[resource] ?? 0) - 1;
      done[resource] = (done[resource] ?? 0) + 1;
    };
    const calls = Array.from({ length: 1_000 }, (_, i) => {
      const client = clients[i % 3] ?? redlock;
      return client.using(`r${i % 10}`, () => routine(i % 10));
    });
    const all = Promise.all(calls);
    while ((await peek(all)) === 'pending') await clock.advanceAsync(10);
    await all;
    await turn();
    expect(overlaps).toEqual([]);
    expect(done).toEqual(new Array(10).fill(100));
    expect(keys().flat()).toEqual([]);
    // For so long inboxes stay open when nobody waits any more.
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  }, 30_000);
});
