import { Agenda, type Appointment } from '../agenda.ts';
import { at, BLOCKED, type Cancel, type Clock } from '../clock.ts';

/** Something that ends at an instant, unless it ends before. */
export interface Deadline extends Appointment {
  /** The time is up. It may set a new deadline for itself. */
  expire(): void;
}

/** By clock, so that Redlocks of one process share a timer. */
const all = new WeakMap<Clock, Deadlines>();

/**
 * The deadlines of all rounds, and one timer for them: most rounds are decided long before. When the event loop was blocked past a deadline, it
 * first gets a turn to read what arrived meanwhile, see {@link afterReading}.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #agenda = new Agenda<Deadline>();
  #cancelTimer: Cancel | undefined;
  /** For when the timer is set, in ms of the clock. It may come too early, never too late. */
  #timerAt = Number.POSITIVE_INFINITY;

  static of(clock: Clock): Deadlines {
    let deadlines = all.get(clock);
    if (!deadlines) {
      deadlines = new Deadlines(clock);
      all.set(clock, deadlines);
    }
    return deadlines;
  }

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(deadline: Deadline): void {
    this.#agenda.add(deadline);
    this.#setTimer();
  }

  /** Harmless if it is not there. No timer stays behind that would keep the process alive. */
  delete(deadline: Deadline): void {
    this.#agenda.delete(deadline);
    if (this.#agenda.size === 0) this.#dropTimer();
  }

  #setTimer(): void {
    const { first } = this.#agenda;
    if (!first || first.due >= this.#timerAt) return;
    this.#dropTimer();
    this.#timerAt = first.due;
    this.#cancelTimer = at(this.#clock, first.due, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    const now = this.#clock.now();
    const { first } = this.#agenda;
    if (first && first.due <= now && now - first.due >= BLOCKED)
      this.#cancelTimer = this.#clock.after(1, this.#expire);
    else this.#expire();
  };

  readonly #expire = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    const now = this.#clock.now();
    try {
      let { first } = this.#agenda;
      while (first && first.due <= now) {
        this.#agenda.delete(first);
        first.expire();
        ({ first } = this.#agenda);
      }
    } finally {
      // A node that throws must not keep other rounds from ending.
      this.#setTimer();
    }
  };

  #dropTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
