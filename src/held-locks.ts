import { Agenda } from './agenda.ts';
import { at, type Cancel, type Clock } from './clock.ts';
import { inNeutralContext } from './context.ts';
import type { Lock } from './lock.ts';

/** The locks that are held, and the one timer for all that is due for them: extensions, and the end of validity. */
export class HeldLocks {
  readonly #clock: Clock;
  readonly #agenda = new Agenda<Lock>();
  #cancelTimer: Cancel | undefined;
  /** For when the timer is set, in ms of the clock. It may come too early, never too late. */
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#agenda.size;
  }

  add(lock: Lock): void {
    this.#agenda.add(lock);
    this.#setTimer();
  }

  /** When something is due for the lock has changed. */
  moved(lock: Lock): void {
    this.#agenda.moved(lock);
    this.#setTimer();
  }

  delete(lock: Lock): void {
    this.#agenda.delete(lock);
    if (this.#agenda.size === 0) this.#dropTimer();
  }

  /** For how many ms locks on a key are still valid. It looks at all locks: an index would cost every lock, and hardly anybody asks. */
  heldFor(key: string): number {
    const own = this.#agenda.all.filter(({ keys }) => keys.includes(key));
    return Math.max(0, ...own.map((lock) => lock.remaining()));
  }

  /**
   * Does what is due; above all it tells the holders of locks that are over. To be called before any call returns: after a
   * blocked event loop an answer may be read before the timers run, and the caller who gets it must not take the
   * signal of another lock for good. Nearly always it only compares two numbers.
   */
  notice(): void {
    if (this.#first) inNeutralContext(this.#doDue);
  }

  /** A node has begun to vote. What is due is done now: a timer that is set anew would fire later than the one that it replaces. */
  nodeVotes(): void {
    for (const lock of this.#agenda.all) lock.nodeVotes();
    this.notice();
  }

  close(reason: unknown): void {
    for (const lock of this.#agenda.all) lock.close(reason);
  }

  /** The earliest lock, if something is due for it. */
  get #first(): Lock | undefined {
    const { first } = this.#agenda;
    return first && first.due <= this.#clock.now() ? first : undefined;
  }

  readonly #doDue = (): void => {
    for (let first = this.#first; first; first = this.#first) first.dueNow();
  };

  #setTimer(): void {
    const { due } = this.#agenda.first ?? { due: Number.POSITIVE_INFINITY };
    if (due >= this.#timerAt) return;
    this.#dropTimer();
    this.#timerAt = due;
    this.#cancelTimer = at(this.#clock, due, this.#onTimer, 'background');
  }

  readonly #onTimer = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.notice();
    this.#setTimer();
  };

  #dropTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
