import { describe, expect, it } from 'vitest';
import { type Lock, ResourceHeldError } from '../../src/index.ts';
import { grantsOn } from '../support/attempts.ts';
import { deniedBy, place, standing } from '../support/in-line.ts';
import { linesAt, noLines } from '../support/line-at.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek } from '../support/peek.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

describe('a call that waits for another process', () => {
  it.each([1, 2, 3, 5])('on %d nodes gets the lock as soon as that has released it', async (n) => {
    const { redlock, another, clock } = memoryRedlock(n);
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_234);
    const now = clock.now();
    void holder.release();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
  });

  it.each([
    [0, 1],
    [1, 3],
    [3, 4],
    [0, 4],
  ])('gets the lock with nodes %d and %d down', async (...down) => {
    const { redlock, another, clock, nodes } = memoryRedlock(5);
    for (const node of down) nodes[node]?.fail();
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_234);
    const now = clock.now();
    void holder.release();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
  });

  it('gets the lock though the arbiter fails while it waits', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(3);
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_234);
    nodes[0]?.fail();
    await clock.advanceAsync(10);
    const now = clock.now();
    void holder.release();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
  });

  it('gets a lock that was lost when its holder gives it up', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('r', { ttl: 20_000, maxHoldTime: 2_000 });
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_998);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(2);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(holder.state).toBe('lost');
  });

  it('leaves nothing behind: no place, no reservation, no timer, and in a while no inbox', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(3);
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_234);
    void holder.release();
    await (await call).release();
    expect(await linesAt(nodes)).toEqual(noLines(3));
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });
});

/** So many processes that each want the lock once, 1 ms after each other, and hold it for 2 ms: who had it, in order. */
async function queueOf(count: number, n: number): Promise<number[]> {
  const { redlock, another, clock } = memoryRedlock(n);
  const holder = await redlock.acquire('r');
  const order: number[] = [];
  const calls: Promise<void>[] = [];
  for (let process = 0; process < count; process++) {
    calls.push(hold(another().acquire('r', FOREVER), process));
    await clock.advanceAsync(1);
  }
  void holder.release();
  // As long as they hold it, all together.
  await clock.advanceAsync(2 * count);
  await Promise.all(calls);
  return order;

  async function hold(calling: Promise<Lock>, process: number): Promise<void> {
    const lock = await calling;
    order.push(process);
    await new Promise<void>((resolve) => void clock.after(2, resolve));
    await lock.release();
  }
}

describe('processes that wait for each other', () => {
  it.each([
    [8, 1],
    [8, 2],
    [8, 3],
    [32, 5],
  ])('%d of them on %d nodes have it in the order in which they came', async (count, n) => {
    expect(await queueOf(count, n)).toEqual(Array.from({ length: count }, (_, process) => process));
  });

  it('one release costs one command for each node, and a few for the next holder, however many wait', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(5);
    const holder = await redlock.acquire('r', { ttl: 20_000 });
    const calls = Array.from({ length: 50 }, () => another().acquire('r', FOREVER));
    for (const call of calls) call.catch(() => {});
    await clock.advanceAsync(10_000);
    const grants = grantsOn(nodes);
    void holder.release();
    await peek(Promise.race(calls));
    for (const count of grants()) expect(count).toBeLessThanOrEqual(1);
  });
});

describe('a call in line', () => {
  it('asks at the pace of its options where retries are counted', async () => {
    const { nodes, clock, asked, call } = await standing(1, 0, {
      retry: { retries: 4, minTimeout: 100, factor: 2, randomize: false },
    });
    for (const node of nodes) node.atOnce.grant = deniedBy('A', place(0));
    // The first pause of 100 ms was ended by the inbox, which consumed no retry.
    for (const [pause, expected] of [
      [99, 0],
      [1, 1],
      [199, 1],
      [1, 2],
      [399, 2],
      [1, 3],
      [799, 3],
      [1, 4],
    ] as const) {
      await clock.advanceAsync(pause);
      expect(asked()).toEqual([expected]);
    }
    expect(await peek(call)).toMatchObject({ reason: expect.any(ResourceHeldError) });
  });
});
