import { describe, expect, it } from 'vitest';
import { driftOf, extensionInterval, extensionReserve, validUntil } from '../../src/quorum/validity.ts';

describe('drift', () => {
  it.each([
    [10_000, 0.01, 102],
    [1_000, 0.01, 12],
    [1, 0.01, 3],
    [1, 0, 2],
    [333, 0.01, 6],
    [60_000, 0.1, 6_002],
    [2 ** 31 - 1, 0.01, 21_474_839],
  ])('of a ttl of %d with factor %d is %d ms', (ttl, factor, drift) => {
    expect(driftOf(ttl, factor)).toBe(drift);
  });
});

describe('validity', () => {
  it('ends a ttl less drift after the first byte', () => {
    expect(validUntil(5_000, 10_000, 0.01)).toBe(14_898);
  });

  it('keeps the fraction of the clock', () => {
    expect(validUntil(0.25, 1_000, 0)).toBe(998.25);
  });
});

describe('automatic extension', () => {
  it('starts when two thirds of the validity are left', () => {
    expect(extensionReserve(9_000, 0)).toBeCloseTo((8_998 * 2) / 3);
  });

  it.each([
    [10_000, 1_000],
    [200, 20],
    [50, 5],
    [10, 5],
  ])('of a ttl of %d ms leaves at least %d ms in between', (ttl, interval) => {
    expect(extensionInterval(ttl)).toBe(interval);
    expect(extensionInterval(ttl + 90, 90)).toBe(interval);
  });
});
