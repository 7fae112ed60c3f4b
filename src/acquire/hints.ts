import type { Clock } from '../clock.ts';

/** For how many resources the last token is remembered at least; for twice as many at most. */
const REMEMBERED = 1_000;

/**
 * What the nodes are told to put fencing counters above: the wall clock in µs, because a node that has lost a counter
 * will still be behind it; and the last token that was seen here, should that clock have been set back.
 */
export class Hints {
  readonly #clock: Clock;
  #tokens = new Map<string, number>();
  /** What was learned before those; newer tokens of the same resources count. */
  #earlier = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Leaves room for the token itself: a whole number from 0 to 2^53 − 2. */
  next(keys: readonly string[]): number {
    let hint = Math.floor(this.#clock.wallTime() * 1_000);
    for (const key of keys) hint = Math.max(hint, this.#tokens.get(key) ?? this.#earlier.get(key) ?? 0);
    return Math.max(0, Math.min(hint, Number.MAX_SAFE_INTEGER - 1));
  }

  /** Those that were locked longest ago are forgotten, many at a time. */
  learn(keys: readonly string[], token: number): void {
    for (const key of keys) this.#tokens.set(key, token);
    if (this.#tokens.size < REMEMBERED) return;
    this.#earlier = this.#tokens;
    this.#tokens = new Map();
  }
}
