import { describe, expect, it } from 'vitest';
import { longestGap, overlapsOf, percentile, waitsIn, wonIn } from '../../bench/contention/turns.ts';
import type { Turn } from '../../bench/contention/worker/verbs.ts';

const NEVER = Number.MAX_VALUE;

function turn(calledAt: number, heldAt: number, leftAt = heldAt + 2): Turn {
  return { client: 0, calledAt, heldAt, leftAt };
}

describe('turns of a load', () => {
  const window = { from: 100, until: 200 };

  it('counts those that were won in the window', () => {
    const turns = [turn(0, 99), turn(0, 100), turn(150, 199), turn(150, 200), turn(150, NEVER)];
    expect(wonIn(turns, window)).toEqual([turn(0, 100), turn(150, 199)]);
  });

  it('takes the mean wait of those that began and were won in the window', () => {
    const turns = [turn(20, 180), turn(100, 110), turn(120, 150), turn(190, 205), turn(195, NEVER)];
    expect(waitsIn(turns, window)).toMatchObject({ sorted: [10, 30], mean: 20 });
  });

  it('takes the longest wait of all, but only the part inside of the window', () => {
    expect(waitsIn([turn(20, 180), turn(110, 150)], window).longest).toBe(80);
    expect(waitsIn([turn(110, 150), turn(150, NEVER)], window).longest).toBe(50);
    expect(waitsIn([turn(20, NEVER)], window).longest).toBe(100);
  });

  it('tells how often two held the lock at once', () => {
    expect(overlapsOf([turn(0, 10, 12), turn(0, 12, 14), turn(0, NEVER, NEVER)])).toBe(0);
    expect(overlapsOf([turn(0, 13, 15), turn(0, 10, 20), turn(0, 19, 21)])).toBe(2);
  });

  it('finds the longest time without a holder in the window', () => {
    expect(longestGap([turn(0, 90, 95), turn(0, 120, 150), turn(0, 160, 190)], window)).toBe(20);
    expect(longestGap([turn(0, 90, 110), turn(0, 120, 150)], window)).toBe(50);
    expect(longestGap([turn(0, 90, 110), turn(0, 150, 260)], window)).toBe(40);
    expect(longestGap([turn(0, 90, 300)], window)).toBe(0);
    expect(longestGap([turn(0, NEVER, NEVER)], window)).toBe(100);
  });

  it('has percentiles that are among the values', () => {
    expect([0, 0.5, 0.51, 1].map((fraction) => percentile([1, 2, 3, 4], fraction))).toEqual([1, 2, 3, 4]);
    expect(percentile([], 0.5)).toBeNaN();
  });
});
