import type { Clock } from '../clock.ts';

/** For how long a key counts as contested after another owner was last in the way, in ms. */
const MEMORY = 5_000;
/** How many keys are remembered. */
const MOST_REMEMBERED = 1_000;

/** Which keys other owners have been in the way of lately. */
export class RecentContention {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Beyond so many keys, the one that was contested longest ago is forgotten. */
  note(keys: readonly string[]): void {
    for (const key of keys) {
      this.#until.delete(key);
      this.#until.set(key, this.#clock.now() + MEMORY);
    }
    for (const [oldest, until] of this.#until) {
      if (this.#until.size <= MOST_REMEMBERED && until > this.#clock.now()) break;
      this.#until.delete(oldest);
    }
  }

  has(keys: readonly string[]): boolean {
    return this.#until.size > 0 && keys.some((key) => (this.#until.get(key) ?? 0) > this.#clock.now());
  }
}
