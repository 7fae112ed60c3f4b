import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/random.ts';

const DAY = 86_400_000;

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('does not follow the wall clock', () => {
    const before = systemClock.now();
    vi.setSystemTime(Date.now() + DAY);
    expect(systemClock.now()).toBe(before);
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
