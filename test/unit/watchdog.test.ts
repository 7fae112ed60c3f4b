import { describe, expect, it } from 'vitest';
import { type Sent, Watchdog } from '../../src/node/redis/watchdog.ts';
import { ManualClock } from '../support/manual-clock.ts';

function watch() {
  const clock = new ManualClock();
  const barks: number[] = [];
  const unanswered = new Set<Sent>();
  const watchdog = new Watchdog({
    clock,
    patience: 1_000,
    oldest: () => unanswered.values().next().value,
    onSilence: () => barks.push(clock.now()),
  });
  const send = (): (() => void) => {
    const sent = { sentAt: clock.now() };
    unanswered.add(sent);
    watchdog.sent();
    return () => unanswered.delete(sent);
  };
  return { clock, barks, watchdog, send };
}

describe('the watchdog', () => {
  it('needs no timer while nothing is on its way', () => {
    expect(watch().clock.pending).toBe(0);
  });

  it('barks when the oldest command has waited for too long, at the second look', () => {
    const { clock, barks, send } = watch();
    send();
    clock.advance(500);
    send();
    clock.advance(5_000);
    expect(barks).toEqual([1_100]);
  });

  it('does not bark when the answer comes between its two looks', () => {
    const { clock, barks, send } = watch();
    const answered = send();
    clock.advance(1_050);
    answered();
    clock.advance(5_000);
    expect(barks).toEqual([]);
  });

  it('does not bark when the event loop was blocked, and the answer was there all the time', () => {
    const { clock, barks, send } = watch();
    const answered = send();
    clock.jump(5_000);
    // Timers run first, then the answer is read.
    clock.advance(0);
    answered();
    clock.advance(5_000);
    expect(barks).toEqual([]);
  });

  it('does not bark while commands are answered, however long that goes on', () => {
    const { clock, barks, send } = watch();
    for (let i = 0; i < 20; i++) {
      const answered = send();
      clock.advance(900);
      answered();
    }
    expect(barks).toEqual([]);
  });

  it('looks twice at each command', () => {
    const { clock, barks, send } = watch();
    const answered = send();
    clock.advance(50);
    send();
    clock.advance(1_000);
    answered();
    clock.advance(5_000);
    // The second one is noticed at 1100, and looked at once more.
    expect(barks).toEqual([1_200]);
  });

  it('barks once', () => {
    const { clock, barks, send } = watch();
    send();
    clock.advance(2_000);
    send();
    clock.advance(5_000);
    expect(barks).toHaveLength(1);
  });

  it('keeps no timer once it is stopped', () => {
    const { clock, barks, watchdog, send } = watch();
    send();
    watchdog.stop();
    expect(clock.pending).toBe(0);
    send();
    clock.advance(5_000);
    expect(barks).toEqual([]);
  });

  it('keeps no timer once all is answered and it has looked', () => {
    const { clock, send } = watch();
    send()();
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });
});
