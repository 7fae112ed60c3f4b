import type { Cancel, Clock } from '../../src/clock.ts';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that moves only when told to, in ms. */
export class ManualClock implements Clock {
  /** In order of creation. */
  readonly #timers = new Set<Timer>();
  #now: number;

  constructor(start = 0) {
    this.#now = start;
  }

  /** 1970 was when this clock stood at 0. */
  wallTime(): number {
    return this.now();
  }

  now(): number {
    return this.#now;
  }

  after(delay: number, callback: () => void): Cancel {
    if (delay === Number.POSITIVE_INFINITY) return () => {};
    const timer = { due: this.#now + delay, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** In how many ms the next timer falls due; Infinity when none is armed. */
  get untilNext(): number {
    return Math.min(...[...this.#timers].map(({ due }) => due - this.#now));
  }

  /** Runs what falls due within `ms`, each timer at its own time, those that they arm too. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#next(end); timer; timer = this.#next(end)) this.#fire(timer);
    this.#now = end;
  }

  /** Like {@link advance}, but before, between and after timers lets the promises, ticks and immediates that are due run. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turn();
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#fire(timer);
      await turn();
    }
    this.#now = end;
  }

  /** Time passes as if the event loop were blocked: timers that fall due run late, in the next advance. */
  jump(ms: number): void {
    this.#now += ms;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.due);
    timer.callback();
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (!next || timer.due < next.due)) next = timer;
    }
    return next;
  }
}

/** An immediate runs after all microtasks and ticks, those that they cause included. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
