import type { Clock } from '../clock.ts';

/** For how many resources the last token is remembered. */
const MOST_REMEMBERED = 1_000;

/**
 * What the nodes are told to put fencing counters above: the wall clock in µs, because a node that has lost a counter
 * will still be behind it; and the last token that was seen here, should that clock have been set back.
 */
export class Hints {
  readonly #clock: Clock;
  readonly #tokens = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Leaves room for the token itself: a whole number from 0 to 2^53 − 2. */
  next(keys: readonly string[]): number {
    let hint = Math.floor(this.#clock.wallTime() * 1_000);
    for (const key of keys) hint = Math.max(hint, this.#tokens.get(key) ?? 0);
    return Math.max(0, Math.min(hint, Number.MAX_SAFE_INTEGER - 1));
  }

  /** Beyond so many resources the one that was locked longest ago is forgotten. */
  learn(keys: readonly string[], token: number): void {
    for (const key of keys) {
      this.#tokens.delete(key);
      this.#tokens.set(key, token);
    }
    if (this.#tokens.size <= MOST_REMEMBERED) return;
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= MOST_REMEMBERED) break;
      this.#tokens.delete(oldest);
    }
  }
}
