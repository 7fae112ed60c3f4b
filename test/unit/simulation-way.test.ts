import { describe, expect, it } from 'vitest';
import { type Direction, Way } from '../support/simulation/way.ts';

const NEVER = Number.POSITIVE_INFINITY;
const QUICK = { least: 1, span: 0 };

/** A way that takes 1 ms, disturbed from 100 to 200. */
function disturbed(direction: Direction | 'both', delay: number): Way {
  const way = new Way(QUICK, () => 0);
  way.disturb({ from: 100, to: 200, direction, delay });
  return way;
}

describe('a way', () => {
  it.each([
    [0, 12],
    [0.5, 13],
    [0.999, 13.998],
  ])('takes its least latency, and a part of its span (%f)', (fraction, arrival) => {
    expect(new Way({ least: 2, span: 2 }, () => fraction).arrival('up', 10)).toBe(arrival);
  });

  it('draws a latency for each message', () => {
    const fractions = [0.9, 0.1];
    const way = new Way({ least: 0, span: 10 }, () => fractions.shift() ?? 0);
    expect([way.arrival('up', 0), way.arrival('up', 0)]).toEqual([9, 1]);
  });

  it.each([
    ['up', 'down'],
    ['down', 'up'],
  ] as const)('that is cut %s holds what goes that way until it is over', (cut, other) => {
    const way = disturbed(cut, NEVER);
    expect(way.arrival(cut, 150)).toBe(201);
    expect(way.arrival(other, 150)).toBe(151);
    expect([way.isCut(cut, 150), way.isCut(other, 150)]).toEqual([true, false]);
  });

  it('that is cut in both directions holds everything', () => {
    const way = disturbed('both', NEVER);
    expect([way.arrival('up', 150), way.arrival('down', 150)]).toEqual([201, 201]);
    expect([way.isCut('up', 150), way.isCut('down', 150)]).toEqual([true, true]);
  });

  it.each([
    [99, false],
    [100, true],
    [199, true],
    [200, false],
  ])('is cut from the start of a cut until its end (%i)', (time, isCut) => {
    const way = disturbed('up', NEVER);
    expect(way.isCut('up', time)).toBe(isCut);
    expect(way.arrival('up', time)).toBe(isCut ? 201 : time + 1);
  });

  it('lets through what was on its way as it was cut', () => {
    const way = new Way({ least: 50, span: 0 }, () => 0);
    way.disturb({ from: 100, to: 200, direction: 'up', delay: NEVER });
    expect(way.arrival('up', 90)).toBe(140);
  });

  it('that is slow delays what goes that way, and is not cut', () => {
    const way = disturbed('up', 20);
    expect(way.arrival('up', 150)).toBe(171);
    expect(way.arrival('up', 200)).toBe(201);
    expect(way.arrival('down', 150)).toBe(151);
    expect(way.isCut('up', 150)).toBe(false);
  });

  it('that is cut twice holds a message until both are over', () => {
    const way = disturbed('up', NEVER);
    way.disturb({ from: 150, to: 300, direction: 'up', delay: NEVER });
    expect(way.arrival('up', 120)).toBe(301);
    expect(way.arrival('up', 160)).toBe(301);
  });

  it('that is slow when a cut is over delays what was held', () => {
    const way = disturbed('up', NEVER);
    way.disturb({ from: 150, to: 300, direction: 'up', delay: 20 });
    expect(way.arrival('up', 120)).toBe(221);
  });
});
