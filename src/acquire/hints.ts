import type { Clock } from '../clock.ts';

/** For how many resources a token ahead of the hints is remembered at least; for twice as many at most. */
const REMEMBERED = 1_000;

/**
 * If the wall clock is set back by more than this, in µs, hints follow it; otherwise the hints of one process keep growing. It is a minute less than
 * an hour: servers refuse hints that are further ahead of their own clocks.
 */
const LARGEST_STEP_BACK = 3_540_000_000;

/** The last reading of each clock, in µs. Redlocks of one process share it, so that no two hints are the same. */
const readings = new WeakMap<Clock, { last: number }>();

/**
 * What the nodes are told to put fencing counters above: the wall clock in µs, because a node that has lost a counter
 * will still be behind it. Hints grow, also while that clock does not or is set back; so only tokens that are ahead of them, because another
 * client's clock is, have to be remembered.
 */
export class Hints {
  readonly #clock: Clock;
  readonly #reading: { last: number };
  #tokens = new Map<string, number>();
  /** What was learned before those; newer tokens of the same resources count. */
  #earlier = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#reading = readings.get(clock) ?? { last: Number.NEGATIVE_INFINITY };
    readings.set(clock, this.#reading);
  }

  /** Leaves room for the token itself: a whole number from 0 to 2^53 − 2. */
  next(keys: readonly string[]): number {
    let hint = this.#read();
    if (this.#tokens.size + this.#earlier.size > 0)
      for (const key of keys) hint = Math.max(hint, this.#tokens.get(key) ?? this.#earlier.get(key) ?? 0);
    return Math.max(0, Math.min(hint, Number.MAX_SAFE_INTEGER - 1));
  }

  /** The wall clock in µs, or one more than the last time if it has not advanced. */
  #read(): number {
    const { last } = this.#reading;
    const now = Math.floor(this.#clock.wallTime() * 1_000);
    this.#reading.last = now > last || now < last - LARGEST_STEP_BACK ? now : last + 1;
    return this.#reading.last;
  }

  /** Tokens that the next hint is not ahead of anyway are remembered. Those that were learned longest ago are forgotten, many at a time. */
  learn(keys: readonly string[], token: number): void {
    if (token <= this.#reading.last + 1) return;
    for (const key of keys) this.#tokens.set(key, token);
    if (this.#tokens.size < REMEMBERED) return;
    this.#earlier = this.#tokens;
    this.#tokens = new Map();
  }
}
