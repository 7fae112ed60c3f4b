import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/node/redis/pace.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('a pace', () => {
  it('lets the first through at once, and then doubles the pause up to two seconds', () => {
    const clock = new ManualClock(7);
    const pace = new Pace(clock);
    const waits = Array.from({ length: 11 }, () => {
      expect(pace.take()).toBe(true);
      const { wait } = pace;
      clock.advance(wait);
      return wait;
    });
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1_280, 2_000, 2_000, 2_000]);
  });

  it('lets nothing through before its time', () => {
    const clock = new ManualClock();
    const pace = new Pace(clock);
    pace.take();
    clock.advance(9.5);
    expect([pace.take(), pace.wait]).toEqual([false, 0.5]);
    clock.advance(0.5);
    expect([pace.wait, pace.take(), pace.wait]).toEqual([0, true, 20]);
  });

  it('begins anew when the last time has helped', () => {
    const clock = new ManualClock();
    const pace = new Pace(clock);
    for (let i = 0; i < 5; i++) {
      pace.take();
      clock.advance(pace.wait);
    }
    pace.take();
    pace.helped();
    expect([pace.wait, pace.isSlowed, pace.take(), pace.wait]).toEqual([0, false, true, 10]);
  });

  it('can have more that are free', () => {
    const clock = new ManualClock();
    const pace = new Pace(clock, { free: 3 });
    expect([pace.take(), pace.take(), pace.wait, pace.take(), pace.wait, pace.take()]).toEqual([
      true,
      true,
      0,
      true,
      10,
      false,
    ]);
  });

  it('begins anew when nothing was wanted for two seconds', () => {
    const clock = new ManualClock();
    const pace = new Pace(clock);
    expect(pace.isSlowed).toBe(false);
    for (let i = 0; i < 5; i++) {
      pace.take();
      clock.advance(pace.wait);
    }
    clock.advance(1_999);
    expect(pace.isSlowed).toBe(true);
    clock.advance(1);
    expect(pace.isSlowed).toBe(false);
    pace.take();
    expect(pace.wait).toBe(10);
  });
});
