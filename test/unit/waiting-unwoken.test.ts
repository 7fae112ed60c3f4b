import { describe, expect, it } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { DEAD, grantsOn, releasedBy, takenByTheDead } from '../support/attempts.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';
import { scriptedNodes } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };
const denied = { kind: 'denied', remaining: 60_000, key: 'r', owner: 'A' } as const;

describe('a call that no message reaches', () => {
  it('gets the lock when the keys of a holder that has died are gone', async () => {
    const { redlock, nodes, clock } = memoryRedlock(5);
    takenByTheDead(nodes, 'r', 1_000);
    const call = redlock.acquire('r');
    await clock.advanceAsync(999);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(2);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('waits until the arbiter is free, not until all nodes are', async () => {
    const { redlock, nodes, clock } = memoryRedlock(5);
    // In the order of arbiters, the first expires after 3 s, and two of the others later.
    for (const [index, ttl] of [2_000, 8_000, 2_500, 3_000, 9_000].entries())
      takenByTheDead(nodes.slice(index, index + 1), 'r', ttl);
    const call = redlock.acquire('r');
    await clock.advanceAsync(2_999);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(2);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('hears of the extensions of a lock by trying, and then waits on', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    takenByTheDead(nodes, 'r', 1_000);
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(500);
    for (const node of nodes)
      node.extend({ keys: ['r'], ownerToken: DEAD, ttl: 2_000, wanted: () => true }, () => {});
    await clock.advanceAsync(1_999);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(2);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('tries at least every five seconds: messages may be lost', async () => {
    const { redlock, nodes, clock } = memoryRedlock(5);
    takenByTheDead(nodes, 'r', 60_000);
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(20_000);
    releasedBy(nodes, 'r', DEAD, 'hand over');
    await clock.advanceAsync(5_000);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('asks the arbiter and one other node every five seconds', async () => {
    const { redlock, nodes, clock } = memoryRedlock(5);
    takenByTheDead(nodes, 'r', 120_000);
    redlock.acquire('r', FOREVER).catch(() => {});
    await clock.advanceAsync(10_000);
    const grants = grantsOn(nodes);
    await clock.advanceAsync(50_000);
    expect(grants()[3]).toBe(10);
    expect(grants().reduce((sum, each) => sum + each)).toBe(20);
  });

  it('stands in line again at once when its node has lost all that it had', async () => {
    const { redlock, nodes, clock } = memoryRedlock(5);
    takenByTheDead(nodes, 'r', 60_000);
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(7_000);
    for (const node of nodes) node.forget();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('asks at the pace of its options where nobody tells', async () => {
    const nodes = scriptedNodes(1, { grant: denied });
    const clock = new ManualClock(1_000);
    const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
    redlock
      .acquire('r', { ...FOREVER, retry: { minTimeout: 100, maxTimeout: 100, randomize: false } })
      .catch(() => {});
    await clock.advanceAsync(10_000);
    expect(nodes[0]?.of('grant')).toHaveLength(101);
  });
});

describe('contenders of many processes', () => {
  it.each([2, 8, 32])(
    '%d of them: one of them always holds the lock, and each gets it once',
    async (count) => {
      const { another, clock } = memoryRedlock(5);
      const order: number[] = [];
      let holders = 0;
      const calls = Array.from({ length: count }, async (_, index) => {
        const lock = await another().acquire('r', FOREVER);
        expect(++holders).toBe(1);
        order.push(index);
        await new Promise<void>((resolve) => void clock.after(2, resolve));
        holders--;
        await lock.release();
      });
      for (let ms = 0; ms < 200 * count && order.length < count; ms++) await clock.advanceAsync(1);
      await clock.advanceAsync(10);
      await Promise.all(calls);
      expect(new Set(order).size).toBe(count);
    },
  );

  it('make no more attempts than one for each of them and each release', async () => {
    const { another, nodes, clock } = memoryRedlock(5);
    const holder = await another().acquire('r');
    const calls = Array.from({ length: 16 }, () => another().acquire('r', FOREVER));
    const next = Promise.race(calls);
    for (const call of calls) call.catch(() => {});
    await clock.advanceAsync(1_000);
    const grants = grantsOn(nodes);
    void holder.release();
    await turn();
    await clock.advanceAsync(200);
    expect(await peek(next)).toMatchObject({ value: { state: 'held' } });
    for (const count of grants()) expect(count).toBeLessThanOrEqual(calls.length);
  });
});
