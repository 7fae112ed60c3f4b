import { expect, it } from 'vitest';
import { MOST_CONTESTED_HAND_OVERS } from '../../src/acquire/local-queue.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { turn } from '../support/peek.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

it('another process gets it sooner if the process that hands it on knows that it is wanted', async () => {
  const { redlock, another, clock } = memoryRedlock(3);
  const other = another();
  for (const [holder, waiter] of [
    [redlock, other],
    [other, redlock],
  ] as const) {
    const held = await holder.acquire('r', FOREVER);
    const waiting = waiter.acquire('r', FOREVER);
    await clock.advanceAsync(10);
    await held.release();
    await clock.advanceAsync(100);
    await (await waiting).release();
  }
  const order: string[] = [];
  const crowd = Array.from({ length: 60 }, () =>
    redlock.using('r', FOREVER, async () => {
      order.push('crowd');
      await turn();
    }),
  );
  await turn();
  const single = other.using('r', FOREVER, () => void order.push('single'));
  for (let ms = 0; ms < 500; ms++) await clock.advanceAsync(1);
  await Promise.all([...crowd, single]);
  expect(order.indexOf('single')).toBeLessThanOrEqual(MOST_CONTESTED_HAND_OVERS + 2);
});
