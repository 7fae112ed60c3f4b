import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/cli/duration.ts';
import { moment, timeOfDay } from '../../src/cli/moment.ts';

describe('a duration on the command line', () => {
  it.each([
    ['200ms', 200],
    ['200', 200],
    ['0', 0],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['0.0014s', 1],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration('--ttl', text)).toBe(ms);
  });

  it.each(['', ' ', '-1', '1d', '5 m', '1e3', '5M', 'ms', '1.', 'Infinity', '1s2'])(
    '%j is refused',
    (text) => {
      expect(() => parseDuration('--ttl', text)).toThrow(
        `--ttl must be a duration such as 200ms, 30s, 5m or 1h, not ${JSON.stringify(text)}`,
      );
    },
  );
});

describe('a duration that is printed', () => {
  it.each([
    [-5, '0 ms'],
    [0, '0 ms'],
    [849.6, '850 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [4_240, '4.2 s'],
    [9_949, '9.9 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [180_000, '3 min'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
    [86_400_000, '1 d'],
    [273_600_000, '3 d 4 h'],
  ])('of %d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('a moment', () => {
  const now = new Date(2026, 2, 1, 10, 45, 7);

  it.each([
    [new Date(2026, 2, 1, 10, 42, 7), '10:42:07 (3 min ago)'],
    [new Date(2026, 2, 1, 10, 45, 7), '10:45:07 (0 ms ago)'],
    [new Date(2026, 2, 1, 10, 45, 9), '10:45:09 (in 2.0 s)'],
    [new Date(2026, 1, 28, 9, 5, 1), '2026-02-28 09:05:01 (1 d 2 h ago)'],
  ])('%s is shown with how far away it is', (at, text) => {
    expect(moment(at, now)).toBe(text);
  });

  it('of today has no date', () => {
    expect(timeOfDay(now, now)).toBe('10:45:07');
  });
});
