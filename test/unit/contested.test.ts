import { describe, expect, it } from 'vitest';
import { Contested } from '../../src/acquire/contested.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MEMORY = 5_000;

describe('the keys that others have been in the way of', () => {
  it('are none at first', () => {
    expect(new Contested(new ManualClock()).has(['k'])).toBe(false);
  });

  it('are remembered for five seconds after they were last found', () => {
    const clock = new ManualClock(1_000);
    const contested = new Contested(clock);
    contested.note(['k']);
    clock.advance(MEMORY - 1);
    expect(contested.has(['k'])).toBe(true);
    contested.note(['k']);
    clock.advance(MEMORY - 1);
    expect(contested.has(['k'])).toBe(true);
    clock.advance(1);
    expect(contested.has(['k'])).toBe(false);
  });

  it('make a call for several keys contested by one of them', () => {
    const contested = new Contested(new ManualClock());
    contested.note(['k', 'l']);
    expect(contested.has(['x', 'l'])).toBe(true);
    expect(contested.has(['x', 'y'])).toBe(false);
  });

  it('are no more than a thousand: the one that was found longest ago is forgotten', () => {
    const contested = new Contested(new ManualClock());
    for (let i = 0; i < 1_000; i++) contested.note([`k${i}`]);
    contested.note(['k0']);
    contested.note(['one more']);
    expect(contested.has(['k0'])).toBe(true);
    expect(contested.has(['k1'])).toBe(false);
    expect(contested.has(['k2'])).toBe(true);
    expect(contested.has(['one more'])).toBe(true);
  });
});
