import { describe, expect, it } from 'vitest';
import { RecentContention } from '../../src/acquire/recent-contention.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MEMORY = 5_000;

describe('the keys that others have been in the way of', () => {
  it('are none at first', () => {
    expect(new RecentContention(new ManualClock()).has(['k'])).toBe(false);
  });

  it('are remembered for five seconds after they were last found', () => {
    const clock = new ManualClock(1_000);
    const contention = new RecentContention(clock);
    contention.note(['k']);
    clock.advance(MEMORY - 1);
    expect(contention.has(['k'])).toBe(true);
    contention.note(['k']);
    clock.advance(MEMORY - 1);
    expect(contention.has(['k'])).toBe(true);
    clock.advance(1);
    expect(contention.has(['k'])).toBe(false);
  });

  it('make a call for several keys contested by one of them', () => {
    const contention = new RecentContention(new ManualClock());
    contention.note(['k', 'l']);
    expect(contention.has(['x', 'l'])).toBe(true);
    expect(contention.has(['x', 'y'])).toBe(false);
  });

  it('are no more than a thousand: the one that was found longest ago is forgotten', () => {
    const contention = new RecentContention(new ManualClock());
    for (let i = 0; i < 1_000; i++) contention.note([`k${i}`]);
    contention.note(['k0']);
    contention.note(['one more']);
    expect(contention.has(['k0'])).toBe(true);
    expect(contention.has(['k1'])).toBe(false);
    expect(contention.has(['k2'])).toBe(true);
    expect(contention.has(['one more'])).toBe(true);
  });
});
