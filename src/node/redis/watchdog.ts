import type { Cancel, Clock } from '../../clock.ts';

/**
 * Watches one connection for commands that get no answer. When the oldest one has waited for `patience` ms it
 * calls `onSilence` once; after that it waits for `forget`.
 *
 * It looks twice, a tenth of `patience` apart: an event loop that was blocked runs its timers before it reads
 * the answers that arrived meanwhile.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #onSilence: () => void;
  readonly #sentAt = new Map<number, number>();
  #lastId = 0;
  #suspect: number | undefined;
  #barked = false;
  #closed = false;
  #cancelTimer: Cancel | undefined;

  constructor(clock: Clock, patience: number, onSilence: () => void) {
    this.#clock = clock;
    this.#patience = patience;
    this.#onSilence = onSilence;
  }

  /** A command leaves; the function returned is to be called with its answer. */
  sent(): () => void {
    const id = ++this.#lastId;
    this.#sentAt.set(id, this.#clock.now());
    if (!this.#cancelTimer && !this.#barked) this.#arm(this.#patience);
    return () => this.#sentAt.delete(id);
  }

  /** The same for a command whose answer is a promise. */
  async watch<T>(answer: Promise<T>): Promise<T> {
    const answered = this.sent();
    try {
      return await answer;
    } finally {
      answered();
    }
  }

  /** The connection is gone, and all that was on it. */
  forget(): void {
    this.#sentAt.clear();
    this.#barked = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#suspect = undefined;
  }

  /** From now on nothing is watched. */
  close(): void {
    this.#closed = true;
    this.forget();
  }

  #arm(delay: number): void {
    if (this.#closed) return;
    this.#cancelTimer = this.#clock.after(delay, () => this.#look(), 'background');
  }

  #look(): void {
    this.#cancelTimer = undefined;
    const [oldest] = this.#sentAt;
    if (!oldest) return;
    const [id, sentAt] = oldest;
    const left = sentAt + this.#patience - this.#clock.now();
    if (left > 0) {
      this.#arm(left);
    } else if (this.#suspect === id) {
      this.#barked = true;
      this.#onSilence();
    } else {
      this.#suspect = id;
      this.#arm(this.#patience / 10);
    }
  }
}
