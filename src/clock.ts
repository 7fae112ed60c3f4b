import { inNeutralContext } from './context.ts';

/** Undoes a {@link Clock.after}; harmless once the callback has run. */
export type Cancel = () => void;

/**
 * The only source of time. Every duration and instant in quorlock is in milliseconds of `now`, which
 * must be monotonic: it never jumps, whatever happens to the machine's wall clock.
 */
export interface Clock {
  /** Milliseconds since an arbitrary origin; may have a fraction. */
  now(): number;
  /** Milliseconds since 1970, with a fraction, by the machine's wall clock, which may jump: for hints to fencing tokens, and nothing else. */
  wallTime(): number;
  /**
   * Runs `callback` once `delay` ms have passed, never earlier by this clock; `Infinity` means never.
   * `background` timers do not keep a process alive.
   */
  after(delay: number, callback: () => void, background?: 'background'): Cancel;
}

/** How late a timer may come on an idle event loop, in ms. */
export const TIMER_LATENESS = 1;

/** The longest delay that `setTimeout` takes; a longer one would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** One that fires early waits on; objects of one shape, and no more closures than one: there are several for each lock. */
class Timer {
  readonly cancel: Cancel = () => clearTimeout(this.#timeout);
  readonly #due: number;
  readonly #callback: () => void;
  readonly #isBackground: boolean;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delay: number, callback: () => void, isBackground: boolean) {
    this.#due = performance.now() + delay;
    this.#callback = callback;
    this.#isBackground = isBackground;
    this.#arm(delay);
  }

  #arm(remaining: number): void {
    this.#timeout = setTimeout(Timer.#fire, Math.min(Math.ceil(remaining), LONGEST_TIMEOUT), this);
    if (this.#isBackground) this.#timeout.unref();
  }

  static #fire(this: void, timer: Timer): void {
    const remaining = timer.#due - performance.now();
    if (remaining > 0) timer.#arm(remaining);
    else timer.#callback();
  }
}

/** One for each clock: what is known of a clock is shared by all its users. */
const neutralClocks = new WeakMap<Clock, Clock>();

/** The same clock, whose timers run in no call's context. */
export function neutralClock(clock: Clock): Clock {
  const known = neutralClocks.get(clock);
  if (known) return known;
  const neutral: Clock = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    after: (delay, callback, background) => inNeutralContext(() => clock.after(delay, callback, background)),
  };
  neutralClocks.set(clock, neutral);
  return neutral;
}

const never: Cancel = () => {};

/** By how much the wall clock is ahead of `performance.now()`, in ms. */
let wallClockLead = performance.timeOrigin;

/** The wall clock to a µs: `Date.now()`, which is the same for all of a ms, with a fraction from `performance.now()`. */
function wallTime(): number {
  const now = performance.now();
  const least = Date.now();
  // If the wall clock was set or slewed, the sum is no longer within this ms, and the lead is corrected.
  wallClockLead = Math.min(Math.max(wallClockLead, least - now), least + 0.999 - now);
  return now + wallClockLead;
}

/** `performance.now()` and `setTimeout`, corrected for firing early and for delays beyond 2^31 − 1 ms. */
export const systemClock: Clock = neutralClock({
  now: () => performance.now(),
  wallTime,

  after(delay, callback, background) {
    if (delay === Number.POSITIVE_INFINITY) return never;
    return new Timer(delay, callback, background !== undefined).cancel;
  },
});

/**
 * Runs `callback` at an instant of the clock, or at once if that has passed. A process that is stopped between its
 * look at the clock and the timer would be late by so much; so it looks again.
 */
export function at(clock: Clock, instant: number, callback: () => void, background?: 'background'): Cancel {
  for (;;) {
    const now = clock.now();
    const cancel = clock.after(Math.max(0, instant - now), callback, background);
    if (clock.now() - now < TIMER_LATENESS / 10) return cancel;
    cancel();
  }
}

/** How late a timer must be for the event loop to have been blocked, in ms. */
export const BLOCKED = 5;

/**
 * As `clock.after`; but when the event loop was blocked past the delay, it first gets a turn to read what arrived
 * meanwhile. Timers run before that, and would take an answer that is there for one that is missing.
 */
export function afterReading(
  clock: Clock,
  delay: number,
  callback: () => void,
  background?: 'background',
): Cancel {
  const due = clock.now() + delay;
  let cancel = clock.after(
    delay,
    () => {
      if (clock.now() - due < BLOCKED) callback();
      else cancel = clock.after(1, callback, background);
    },
    background,
  );
  return () => cancel();
}
