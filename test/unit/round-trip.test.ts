import { describe, expect, it } from 'vitest';
import { RoundTrip } from '../../src/acquire/round-trip.ts';

const NODE_TIMEOUT = 500;

function after(...measured: number[]): RoundTrip {
  const roundTrip = new RoundTrip();
  for (const ms of measured) roundTrip.measured(ms);
  return roundTrip;
}

describe('the round trip', () => {
  it('is nothing before a node has answered', () => {
    expect(after().ms).toBe(0);
  });

  it('rises at once', () => {
    expect(after(10, 90).ms).toBe(90);
  });

  it('falls by an eighth of the difference each time', () => {
    expect(after(80, 0).ms).toBe(70);
    expect(after(80, 8).ms).toBe(71);
  });

  it('is forgotten when it has long been shorter', () => {
    expect(after(1_000, ...new Array<number>(100).fill(2)).ms).toBeCloseTo(2);
  });
});

describe('a reservation', () => {
  it.each([
    // round trip, reservation
    [0, 30],
    [10, 30],
    [10.1, 31],
    [100, 300],
    [333, 999],
    [334, 1_000],
    [60_000, 1_000],
  ])('with a round trip of %d ms lasts for %d ms', (ms, reservation) => {
    expect(after(ms).reservation).toBe(reservation);
  });
});

describe('the arbiter’s answer', () => {
  it.each([
    // round trip, hedge
    [0, 50],
    [16, 50],
    [20, 60],
    [83, 249],
    [84, 250],
    [5_000, 250],
  ])('with a round trip of %d ms is waited for for %d ms', (ms, hedge) => {
    expect(after(ms).hedge(NODE_TIMEOUT)).toBe(hedge);
  });
});
