import { describe, expect, it } from 'vitest';
import { Sleep } from '../../src/acquire/sleep.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek } from '../support/peek.ts';

function asleep(duration: number): { clock: ManualClock; sleep: Sleep; isOver: () => Promise<boolean> } {
  const clock = new ManualClock(1_000);
  const sleep = new Sleep(clock, duration);
  return { clock, sleep, isOver: async () => (await peek(sleep.over)) !== 'pending' };
}

describe('a pause', () => {
  it('ends after its time, and not before', async () => {
    const { clock, isOver } = asleep(100);
    await clock.advanceAsync(99);
    expect(await isOver()).toBe(false);
    await clock.advanceAsync(1);
    expect(await isOver()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('that is shortened ends so much later', async () => {
    const { clock, sleep, isOver } = asleep(100);
    await clock.advanceAsync(50);
    sleep.shorten(20);
    await clock.advanceAsync(19);
    expect(await isOver()).toBe(false);
    await clock.advanceAsync(1);
    expect(await isOver()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is never made longer', async () => {
    const { clock, sleep, isOver } = asleep(100);
    await clock.advanceAsync(90);
    sleep.shorten(20);
    await clock.advanceAsync(10);
    expect(await isOver()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('keeps the earliest end of several', async () => {
    const { clock, sleep, isOver } = asleep(100);
    sleep.shorten(10);
    sleep.shorten(50);
    await clock.advanceAsync(10);
    expect(await isOver()).toBe(true);
  });

  it('shortened to nothing ends at once, and leaves no timer', async () => {
    const { clock, sleep, isOver } = asleep(100);
    sleep.shorten(0);
    expect(await isOver()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('that is over stays over', async () => {
    const { clock, sleep, isOver } = asleep(100);
    await clock.advanceAsync(100);
    sleep.shorten(0);
    sleep.shorten(5);
    expect(await isOver()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('without end waits to be shortened', async () => {
    const { clock, sleep, isOver } = asleep(Number.POSITIVE_INFINITY);
    await clock.advanceAsync(1e9);
    expect(await isOver()).toBe(false);
    sleep.shorten(7);
    await clock.advanceAsync(7);
    expect(await isOver()).toBe(true);
  });
});
