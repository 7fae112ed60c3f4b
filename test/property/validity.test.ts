import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { backoff } from '../../src/acquire/backoff.ts';
import { driftOf, extensionInterval, extensionReserve, validUntil } from '../../src/quorum/validity.ts';

const ttl = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const factor = fc.double({ min: 0, max: 0.999, noNaN: true });
const instant = fc.double({ min: 0, max: 1e12, noNaN: true });

describe('validity', () => {
  test.prop([instant, ttl, factor])(
    'always ends before any node forgets, whatever its clock',
    (t0, ttl, factor) => {
      // A node whose clock is faster by the factor counts ttl in that many ms of ours, from t0 at the earliest.
      expect(validUntil(t0, ttl, factor)).toBeLessThan(t0 + ttl / (1 + factor));
    },
  );

  test.prop([ttl, factor])('loses whole milliseconds to drift, at least 2', (ttl, factor) => {
    expect(Number.isInteger(driftOf(ttl, factor))).toBe(true);
    expect(driftOf(ttl, factor)).toBeGreaterThanOrEqual(2);
  });

  test.prop([ttl, ttl, factor])('of a longer ttl is no shorter', (a, b, factor) => {
    const [shorter, longer] = [Math.min(a, b), Math.max(a, b)];
    expect(validUntil(0, longer, factor)).toBeGreaterThanOrEqual(validUntil(0, shorter, factor));
  });

  test.prop([ttl, factor])('is extended within it', (ttl, factor) => {
    const valid = ttl - driftOf(ttl, factor);
    fc.pre(valid >= 1);
    expect(extensionReserve(ttl, factor)).toBeGreaterThan(0);
    expect(extensionReserve(ttl, factor)).toBeLessThan(valid);
  });

  test.prop([ttl])('is never extended in a hot loop', (ttl) => {
    expect(extensionInterval(ttl)).toBeGreaterThanOrEqual(5);
  });
});

describe('the pause between attempts', () => {
  const retry = fc
    .record({
      retries: fc.constant(Number.POSITIVE_INFINITY),
      factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
      minTimeout: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2 ** 31 - 1, noNaN: true })),
      longer: fc.double({ min: 0, max: 2 ** 31 - 1, noNaN: true }),
      randomize: fc.boolean(),
    })
    .map(({ longer, ...rest }) => Object.assign(rest, { maxTimeout: Math.max(rest.minTimeout, longer) }));
  const n = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 ** 31 }));
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test.prop([n, retry, fraction])('is between 5 ms and maxTimeout', (n, retry, fraction) => {
    const pause = backoff(n, retry, fraction);
    expect(pause).toBeGreaterThanOrEqual(5);
    expect(pause).toBeLessThanOrEqual(Math.max(5, retry.maxTimeout));
  });

  test.prop([n, retry])('never becomes shorter, but for jitter', (n, retry) => {
    const steady = { ...retry, randomize: false };
    expect(backoff(n + 1, steady, 0)).toBeGreaterThanOrEqual(backoff(n, steady, 0));
  });
});
