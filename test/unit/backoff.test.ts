import { describe, expect, it } from 'vitest';
import { backoff } from '../../src/acquire/backoff.ts';

const RETRY = {
  retries: Number.POSITIVE_INFINITY,
  factor: 1.5,
  minTimeout: 50,
  maxTimeout: 1_000,
  randomize: false,
};

describe('the pause after a failed attempt', () => {
  it.each([
    [1, 50],
    [2, 75],
    [3, 112.5],
    [8, 854.296_875],
    [9, 1_000],
    [10_000, 1_000],
  ])('number %d is %d ms', (n, pause) => expect(backoff(n, RETRY, 0.3)).toBe(pause));

  it.each([
    [0, 25],
    [0.5, 37.5],
    [1, 50],
  ])('is randomised by a fraction of %d to %d ms', (fraction, pause) => {
    expect(backoff(1, { ...RETRY, randomize: true }, fraction)).toBe(pause);
  });

  it.each([1, 2, 1_000, 1_750, 2_000, 1e9])('number %d is never less than 5 ms', (n) => {
    for (const factor of [1, 1.5, 1_000]) {
      expect(backoff(n, { ...RETRY, minTimeout: 0, factor }, 0)).toBe(5);
      expect(backoff(n, { ...RETRY, minTimeout: 0, maxTimeout: 0, factor, randomize: true }, 0)).toBe(5);
    }
  });
});
