import type { Clock } from './clock.ts';
import type { Lock } from './lock.ts';

/** The locks that are held. */
export class HeldLocks {
  readonly #clock: Clock;
  readonly #locks = new Set<Lock>();
  /** No lock ends before this instant. */
  #earliestEnd = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(lock: Lock): void {
    this.#locks.add(lock);
    this.#earliestEnd = Math.min(this.#earliestEnd, lock.validUntil);
  }

  delete(lock: Lock): void {
    this.#locks.delete(lock);
  }

  /**
   * Tells the holders of locks that are over. To be called before any call returns: after a blocked event loop an
   * answer may be read before the timers run, and the caller who gets it must not take the signal of another lock
   * for good. Nearly always it only compares two numbers.
   */
  notice(): void {
    if (this.#clock.now() < this.#earliestEnd) return;
    this.#earliestEnd = Number.POSITIVE_INFINITY;
    for (const lock of this.#locks) {
      if (lock.state === 'held') this.#earliestEnd = Math.min(this.#earliestEnd, lock.validUntil);
    }
  }

  close(reason: unknown): void {
    for (const lock of this.#locks) lock.close(reason);
  }
}
