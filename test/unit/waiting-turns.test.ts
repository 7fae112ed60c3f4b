import { describe, expect, it } from 'vitest';
import { MOST_HAND_OVERS } from '../../src/acquire/local-queue.ts';
import type { Lock, Redlock } from '../../src/index.ts';
import { grantsOn } from '../support/attempts.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';
import { seededRandom } from '../support/seeded-random.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** Many calls of one process, and one of another: who held the lock, in order. */
async function crowded(n: number): Promise<string[]> {
  const { redlock, another, clock } = memoryRedlock(n);
  const order: string[] = [];
  const hold = async (name: string, calling: Promise<Lock>): Promise<void> => {
    const lock = await calling;
    order.push(name);
    await turn();
    void lock.release();
  };
  const crowd = Array.from({ length: 60 }, () => hold('crowd', redlock.acquire('r', FOREVER)));
  await turn();
  const single = hold('single', another().acquire('r', FOREVER));
  for (let ms = 0; ms < 2_000 && order.length < 61; ms++) await clock.advanceAsync(1);
  await Promise.all([...crowd, single]);
  return order;
}

describe('a call that does not wait', () => {
  it.each([
    ['tryAcquire', (redlock: Redlock) => redlock.tryAcquire('r')],
    [
      'an acquireTimeout of 0',
      (redlock: Redlock) => redlock.acquire('r', { acquireTimeout: 0 }).catch(() => null),
    ],
    ['no retries', (redlock: Redlock) => redlock.acquire('r', { retry: { retries: 0 } }).catch(() => null)],
  ])('makes one attempt, whoever waits: %s', async (_how, call) => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    const holder = await redlock.acquire('r');
    const queued = redlock.acquire('r', FOREVER);
    const grants = grantsOn(nodes);
    expect(await call(redlock)).toBeNull();
    expect(grants()).toEqual([1, 1, 1]);
    await holder.release();
    await clock.advanceAsync(1);
    expect((await queued).state).toBe('held');
  });

  it('may be faster than those that wait, which go on when its lock has ended', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('r');
    const queued = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(100);
    // No message tells of this.
    const [lock] = await Promise.all([redlock.tryAcquire('r'), holder.release()]);
    await clock.advanceAsync(100);
    if (lock) await lock.release();
    expect(await peek(queued)).toMatchObject({ value: { state: 'held' } });
  });
});

describe('calls for several resources', () => {
  it.each([
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ],
    [['a'], ['a', 'b'], ['b'], ['b', 'a']],
  ])('never wait for each other in a circle: %j %j', async (...calls) => {
    const { redlock } = memoryRedlock(3);
    const done = calls.flatMap((resources) => [
      redlock.using(resources, turn),
      redlock.using(resources, turn),
    ]);
    expect(await Promise.all(done)).toHaveLength(calls.length * 2);
  });

  it('wait until all are free in this process', async () => {
    const { redlock } = memoryRedlock(3);
    const [a, b] = await Promise.all([redlock.acquire('a'), redlock.acquire('b')]);
    const both = redlock.acquire(['a', 'b']);
    await a.release();
    expect(await peek(both)).toBe('pending');
    await b.release();
    expect(await peek(both)).toMatchObject({ value: { state: 'held' } });
  });

  it('keep back later calls for one of them', async () => {
    const { redlock } = memoryRedlock(3);
    const order: string[] = [];
    const a = await redlock.acquire('a');
    const both = redlock.using(['a', 'b'], () => void order.push('both'));
    const onlyB = redlock.using('b', () => void order.push('b'));
    await turn();
    expect(order).toEqual([]);
    await a.release();
    await Promise.all([both, onlyB]);
    expect(order).toEqual(['both', 'b']);
  });

  it('all end, whatever they are for', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const random = seededRandom(7);
    const processes = [redlock, another(), another()];
    const held = new Set<string>();
    let ended = 0;
    const calls = Array.from({ length: 60 }, async (_, index) => {
      const resources = ['a', 'b', 'c', 'd'].filter(() => random.fraction() < 0.5);
      if (resources.length === 0) resources.push('a');
      if (random.fraction() < 0.5) resources.reverse();
      await processes[index % 3]?.using(resources, FOREVER, async () => {
        for (const resource of resources) {
          expect(held.has(resource)).toBe(false);
          held.add(resource);
        }
        await new Promise<void>((resolve) => void clock.after(random.fraction() * 5, resolve));
        for (const resource of resources) held.delete(resource);
      });
      ended++;
    });
    for (let ms = 0; ms < 20_000 && ended < calls.length; ms++) await clock.advanceAsync(1);
    expect(ended).toBe(60);
    await Promise.all(calls);
  });
});

describe('a process whose calls follow each other without a break', () => {
  it.each([1, 3, 5])(
    'lets another process have its turn after so many hand-overs (on %d nodes)',
    async (n) => {
      const order = await crowded(n);
      expect(order.indexOf('single')).toBeLessThanOrEqual(MOST_HAND_OVERS + 2);
    },
  );

  it('stands back for no time where nobody else waits', async () => {
    const { redlock, clock } = memoryRedlock(3);
    let ended = 0;
    const calls = Array.from({ length: MOST_HAND_OVERS + 5 }, () => redlock.using('r', () => void ended++));
    await turn();
    await turn();
    expect(ended).toBe(MOST_HAND_OVERS + 5);
    await Promise.all(calls);
    expect(clock.now()).toBe(1_000);
  });
});
