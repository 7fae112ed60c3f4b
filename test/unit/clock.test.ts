import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { afterReading, at, type Clock, systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/random.ts';
import { ManualClock } from '../support/manual-clock.ts';

const DAY = 86_400_000;

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('does not follow the wall clock', () => {
    const before = systemClock.now();
    vi.setSystemTime(Date.now() + DAY);
    expect(systemClock.now()).toBe(before);
  });

  it('tells the wall time to a fraction of a ms', () => {
    const before = systemClock.wallTime();
    vi.advanceTimersByTime(0.25);
    expect(systemClock.wallTime() - before).toBeCloseTo(0.25, 2);
    expect(systemClock.wallTime() - Date.now()).toBeLessThan(1);
  });

  it.each([DAY, 5, 1, -1, -5, -DAY])('follows a wall clock that was set by %d ms', (step) => {
    systemClock.wallTime();
    vi.setSystemTime(Date.now() + step);
    const past = systemClock.wallTime() - Date.now();
    expect(past).toBeGreaterThan(-0.001);
    expect(past).toBeLessThan(1);
  });

  it('runs a callback after its delay', () => {
    const ran = vi.fn();
    systemClock.after(100, ran);
    vi.advanceTimersByTime(99);
    expect(ran).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ran).toHaveBeenCalledOnce();
  });

  it.each([0, -5])('runs a callback after %d ms, but not at once', (delay) => {
    const ran = vi.fn();
    systemClock.after(delay, ran);
    expect(ran).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ran).toHaveBeenCalledOnce();
  });

  it('never runs a callback after Infinity', () => {
    systemClock.after(Number.POSITIVE_INFINITY, () => expect.unreachable())();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits longer than setTimeout can', () => {
    const ran = vi.fn();
    systemClock.after(30 * DAY, ran);
    vi.advanceTimersByTime(30 * DAY - 1);
    expect(ran).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ran).toHaveBeenCalledOnce();
  });

  it('can be told not to, also in a later part of a long delay', () => {
    const cancel = systemClock.after(30 * DAY, () => expect.unreachable());
    vi.advanceTimersByTime(29 * DAY);
    cancel();
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('corrects a timer that fires early', () => {
    const ran: number[] = [];
    const start = systemClock.now();
    systemClock.after(10.4, () => ran.push(systemClock.now() - start));
    vi.advanceTimersByTime(50);
    expect(ran).toHaveLength(1);
    expect(ran[0]).toBeGreaterThanOrEqual(10.4);
  });
});

describe('a background timer', () => {
  it('does not keep the process alive, another does', () => {
    const timers: NodeJS.Timeout[] = [];
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
      callback: () => void,
      delay: number,
    ) => {
      spy.mockRestore();
      const timer = setTimeout(callback, delay);
      timers.push(timer);
      return timer;
    }) as never);
    const cancels = [systemClock.after(60_000, () => {}, 'background')];
    expect(timers.map((timer) => timer.hasRef())).toEqual([false]);
    for (const cancel of cancels) cancel();
  });
});

function armed(delay = 100) {
  const clock = new ManualClock(1_000);
  const ran = vi.fn();
  const cancel = afterReading(clock, delay, ran);
  return { clock, ran, cancel };
}

describe('a timer that lets the event loop read first', () => {
  it('runs at once when it is on time', () => {
    const { clock, ran } = armed();
    clock.advance(99);
    expect(ran).not.toHaveBeenCalled();
    clock.advance(1);
    expect(ran).toHaveBeenCalledOnce();
    expect(clock.pending).toBe(0);
  });

  it('runs at once when it is as late as timers are', () => {
    const { clock, ran } = armed();
    clock.jump(104);
    clock.advance(0);
    expect(ran).toHaveBeenCalledOnce();
    expect(clock.pending).toBe(0);
  });

  it.each([105, 150, 60_000])('waits one ms more when it fires after %d ms instead of 100', (passed) => {
    const { clock, ran } = armed();
    clock.jump(passed);
    clock.advance(0);
    expect(ran).not.toHaveBeenCalled();
    clock.advance(1);
    expect(ran).toHaveBeenCalledOnce();
    expect(clock.pending).toBe(0);
  });

  it('runs after that ms, however late it is then', () => {
    const { clock, ran } = armed();
    clock.jump(150);
    clock.advance(0);
    clock.jump(1_000);
    clock.advance(0);
    expect(ran).toHaveBeenCalledOnce();
  });

  it('can be cancelled while it waits', () => {
    const { clock, ran, cancel } = armed();
    clock.advance(99);
    cancel();
    expect(clock.pending).toBe(0);
    clock.advance(1_000);
    expect(ran).not.toHaveBeenCalled();
  });

  it('can be cancelled while it lets the event loop read', () => {
    const { clock, ran, cancel } = armed();
    clock.jump(150);
    clock.advance(0);
    cancel();
    expect(clock.pending).toBe(0);
    clock.advance(1_000);
    expect(ran).not.toHaveBeenCalled();
  });

  it('can be cancelled once it has run', () => {
    const { clock, cancel } = armed();
    clock.advance(100);
    expect(cancel).not.toThrow();
  });

  it('after Infinity never runs', () => {
    const { clock } = armed(Number.POSITIVE_INFINITY);
    expect(clock.pending).toBe(0);
  });

  it.each([undefined, 'background'] as const)('stays in the background (%s) to its end', (background) => {
    const manual = new ManualClock();
    const after = vi.fn<Clock['after']>((delay, callback) => manual.after(delay, callback));
    afterReading({ now: () => manual.now(), wallTime: () => 0, after }, 100, () => {}, background);
    manual.jump(150);
    manual.advance(0);
    expect(after.mock.calls.map((call) => call[2])).toEqual([background, background]);
  });
});

describe('system randomness', () => {
  it('makes tokens of 160 bits that never repeat', () => {
    const tokens = Array.from({ length: 1_000 }, () => systemRandom.token());
    expect(new Set(tokens).size).toBe(1_000);
    expect(tokens.every((token) => /^[0-9a-f]{40}$/.test(token))).toBe(true);
  });

  it('makes fractions from 0 to below 1', () => {
    for (let i = 0; i < 1_000; i++) {
      const fraction = systemRandom.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
  });
});

describe('a callback at an instant', () => {
  it('runs then', () => {
    const clock = new ManualClock(1_000);
    const ran = vi.fn();
    at(clock, 1_100, ran);
    clock.advance(99);
    expect(ran).not.toHaveBeenCalled();
    clock.advance(1);
    expect(ran).toHaveBeenCalledOnce();
  });

  it('runs at once if that has passed, but not before the call returns', () => {
    const clock = new ManualClock(1_000);
    const ran = vi.fn();
    at(clock, 900, ran);
    expect(ran).not.toHaveBeenCalled();
    clock.advance(0);
    expect(ran).toHaveBeenCalledOnce();
  });

  it('is not late by the time for which the process is stopped before its timer is armed', () => {
    const clock = new ManualClock(1_000);
    const ran = vi.fn();
    const now = vi.spyOn(clock, 'now');
    // The first look at the clock is followed by a long pause.
    now.mockImplementationOnce(() => {
      clock.jump(80);
      return 1_000;
    });
    at(clock, 1_100, ran);
    expect(clock.pending).toBe(1);
    clock.advance(20);
    expect(ran).toHaveBeenCalledOnce();
  });

  it('does not run once it is cancelled', () => {
    const clock = new ManualClock(1_000);
    at(clock, 1_100, () => expect.unreachable())();
    clock.advance(200);
    expect(clock.pending).toBe(0);
  });
});
