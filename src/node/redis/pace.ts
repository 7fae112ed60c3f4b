import type { Clock } from '../../clock.ts';

/** The longest pause between two repetitions, in ms. */
const LONGEST = 2_000;

/**
 * Limits how often a node repeats something that has not helped: to look at its servers again, to repeat releases, to
 * wake waiters. The first time is immediate. Each repetition doubles the pause before the next one. The pauses start anew
 * when one has helped, or none was wanted for a while.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #free: number;
  readonly #first: number;
  /** How often it was done since the pauses last started anew. */
  #taken = 0;
  /** When it may be done again, in ms of the clock. */
  #next = Number.NEGATIVE_INFINITY;

  /** `free`: how often it may be done before the first pause. `first`: how long that is, in ms. */
  constructor(clock: Clock, { free = 1, first = 10 }: { free?: number; first?: number } = {}) {
    this.#clock = clock;
    this.#free = free;
    this.#first = first;
  }

  /** In how many ms it may be done; 0: now. */
  get wait(): number {
    return Math.max(0, this.#next - this.#clock.now());
  }

  /** Whether it was done a short time ago: if it is wanted again, it has not helped. */
  get isSlowed(): boolean {
    return this.#clock.now() < this.#next + LONGEST;
  }

  /** The last time has helped: the next one is free again. */
  helped(): void {
    this.#taken = 0;
    this.#next = Number.NEGATIVE_INFINITY;
  }

  /** Notes that it is done now, if it may be; returns whether it may. */
  take(): boolean {
    if (this.wait > 0) return false;
    this.#taken = this.isSlowed ? this.#taken + 1 : 1;
    const doubled = this.#first * 2 ** (this.#taken - this.#free);
    this.#next = this.#clock.now() + (this.#taken < this.#free ? 0 : Math.min(doubled, LONGEST));
    return true;
  }
}
