import { describe, expect, it } from 'vitest';
import { LAST_NUMBER } from '../../src/node/counter.ts';
import { reservationAt, scoreOf } from '../../src/node/line.ts';

const NOW = 1_800_000_000_000_000;

describe('a score in a line', () => {
  it.each([
    [0, 0, 30],
    [30, 0, 30],
    [31, 1, 60],
    [120, 2, 120],
    [121, 3, 240],
    [480, 4, 480],
    [960, 5, 960],
    [961, 6, 1_000],
    [Number.POSITIVE_INFINITY, 6, 1_000],
  ])(
    'says that a waiter needs a key for %d ms by the remainder %d: a turn of %d ms',
    (needed, remainder, turn) => {
      expect(scoreOf(NOW, needed)).toBe(NOW + remainder);
      expect(scoreOf(NOW + 7, needed)).toBe(NOW + remainder);
      expect(reservationAt(NOW + remainder)).toBe(turn);
    },
  );

  it('is one of the order of time, whatever waiters need', () => {
    expect(scoreOf(NOW + 8, 0)).toBeGreaterThan(scoreOf(NOW + 7, 1_000));
  });

  it('keeps its time when a waiter needs a key for longer, or shorter', () => {
    for (const [before, after] of [
      [30, 900],
      [900, 30],
    ] as const)
      expect(scoreOf(scoreOf(NOW, before), after)).toBe(scoreOf(NOW, after));
  });

  it.each([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e300, -3, 3.5, LAST_NUMBER + 3])(
    'that was forged says nothing: %d',
    (score) => {
      expect(reservationAt(score)).toBe(30);
    },
  );

  it('makes no turn longer than a second', () => {
    expect(reservationAt(NOW + 7)).toBe(1_000);
  });
});
