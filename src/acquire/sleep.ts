import type { Cancel, Clock } from '../clock.ts';

/** A pause that can be shortened. */
export class Sleep {
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  readonly #clock: Clock;
  #end: number;
  #cancelTimer: Cancel;
  #resolve!: () => void;

  constructor(clock: Clock, duration: number) {
    this.#clock = clock;
    this.#end = clock.now() + duration;
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#cancelTimer = clock.after(duration, this.#resolve);
  }

  /** Ends it no later than in so many ms; 0 at once. */
  shorten(left: number): void {
    const end = this.#clock.now() + left;
    if (left > 0 && end >= this.#end) return;
    this.#end = end;
    this.#cancelTimer();
    if (left <= 0) this.#resolve();
    else this.#cancelTimer = this.#clock.after(left, this.#resolve);
  }
}
