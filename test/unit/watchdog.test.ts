import { describe, expect, it } from 'vitest';
import { Watchdog } from '../../src/node/redis/watchdog.ts';
import { ManualClock } from '../support/manual-clock.ts';

function watch() {
  const clock = new ManualClock();
  const barks: number[] = [];
  return { clock, barks, watchdog: new Watchdog(clock, 1_000, () => barks.push(clock.now())) };
}

describe('the watchdog', () => {
  it('needs no timer while nothing is on its way', () => {
    expect(watch().clock.pending).toBe(0);
  });

  it('barks when the oldest command has waited for too long, at the second look', () => {
    const { clock, barks, watchdog } = watch();
    watchdog.sent();
    clock.advance(500);
    watchdog.sent();
    clock.advance(5_000);
    expect(barks).toEqual([1_100]);
  });

  it('does not bark when the answer comes between its two looks', () => {
    const { clock, barks, watchdog } = watch();
    const answered = watchdog.sent();
    clock.advance(1_050);
    answered();
    clock.advance(5_000);
    expect(barks).toEqual([]);
  });

  it('looks twice at each command', () => {
    const { clock, barks, watchdog } = watch();
    const answered = watchdog.sent();
    clock.advance(50);
    watchdog.sent();
    clock.advance(1_000);
    answered();
    clock.advance(5_000);
    // The second one is noticed at 1100, and looked at once more.
    expect(barks).toEqual([1_200]);
  });

  it('barks once until it is told to forget', () => {
    const { clock, barks, watchdog } = watch();
    watchdog.sent();
    clock.advance(2_000);
    watchdog.sent();
    clock.advance(5_000);
    expect(barks).toHaveLength(1);
    watchdog.forget();
    watchdog.sent();
    clock.advance(2_000);
    expect(barks).toHaveLength(2);
  });

  it('forgets all that was on the connection, its timer too', () => {
    const { clock, barks, watchdog } = watch();
    const answered = watchdog.sent();
    watchdog.forget();
    expect(clock.pending).toBe(0);
    answered();
    clock.advance(5_000);
    expect(barks).toEqual([]);
  });

  it('watches a promise until it settles, and passes on what it is', async () => {
    const { clock, barks, watchdog } = watch();
    await expect(watchdog.watch(Promise.resolve(1))).resolves.toBe(1);
    await expect(watchdog.watch(Promise.reject(new Error('no')))).rejects.toThrow('no');
    clock.advance(5_000);
    expect(barks).toEqual([]);
    void watchdog.watch(new Promise(() => {}));
    clock.advance(5_000);
    expect(barks).toHaveLength(1);
  });

  it('keeps no timer once all is answered and it has looked', () => {
    const { clock, watchdog } = watch();
    watchdog.sent()();
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });
});
