import { describe, expect, it } from 'vitest';
import { ManualClock } from '../support/manual-clock.ts';

describe('the manual clock', () => {
  it('runs due timers in order of their time, ties in order of creation', () => {
    const clock = new ManualClock(100);
    const ran: string[] = [];
    for (const [delay, name] of [
      [20, 'c'],
      [10, 'a'],
      [10, 'b'],
      [21, 'not due'],
    ] as const) {
      clock.after(delay, () => ran.push(`${name}@${clock.now()}`));
    }
    clock.advance(20);
    expect(ran).toEqual(['a@110', 'b@110', 'c@120']);
    expect(clock.now()).toBe(120);
    expect(clock.pending).toBe(1);
  });

  it('runs the timers that a timer arms, if they fall due in the same advance', () => {
    const clock = new ManualClock();
    const ran: number[] = [];
    const again = (): void => {
      ran.push(clock.now());
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advance(35);
    expect(ran).toEqual([10, 20, 30]);
  });

  it('forgets a cancelled timer, and one that never falls due', () => {
    const clock = new ManualClock();
    const cancel = clock.after(1, () => expect.unreachable());
    clock.after(Number.POSITIVE_INFINITY, () => expect.unreachable());
    cancel();
    expect(clock.pending).toBe(0);
    clock.advance(10);
  });

  it('lets a jump pass without running timers, which then run late', () => {
    const clock = new ManualClock();
    const ran: number[] = [];
    clock.after(10, () => ran.push(clock.now()));
    clock.jump(50);
    expect(clock.now()).toBe(50);
    expect(ran).toEqual([]);
    clock.advance(0);
    expect(ran).toEqual([50]);
  });

  it('lets promises run between the timers of an asynchronous advance', async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    const armLater = async (): Promise<void> => {
      await Promise.resolve();
      process.nextTick(() => clock.after(5, () => ran.push(`armed later@${clock.now()}`)));
    };
    clock.after(10, () => {
      ran.push('timer');
      void armLater();
    });
    clock.after(20, () => ran.push('second'));
    await clock.advanceAsync(30);
    expect(ran).toEqual(['timer', 'armed later@15', 'second']);
    expect(clock.now()).toBe(30);
  });
});
