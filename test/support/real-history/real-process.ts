import { type Clock, systemClock } from '../../../src/clock.ts';
import type { Pause } from '../checker/history.ts';
import type { ClientProcess } from '../simulation/client.ts';
import { INSTANT } from './allowances.ts';

/** A client's share of this process: the machine's monotonic clock is its own, and the true time as well. */
export class RealProcess implements ClientProcess {
  readonly id: number;
  readonly clock: Clock;
  onTurn: () => void = () => {};
  readonly #pauses: Pause[];
  /** When the client's code looked at the clock last, if that was in this turn of the event loop. */
  #lookedAt: number | undefined;

  constructor(id: number, pauses: Pause[]) {
    this.id = id;
    this.#pauses = pauses;
    this.clock = { ...systemClock, now: () => this.#look() };
  }

  /** Writes down as well if the machine has stopped this process since the client's last look at the clock. */
  get time(): number {
    const now = performance.now();
    // The heartbeat will tell how long it was; this only tells that it came in the midst of code.
    if (this.#lookedAt !== undefined && now - this.#lookedAt > INSTANT)
      this.#pauses.push({ client: this.id, from: now, to: now, amid: true });
    return now;
  }

  toTrue(local: number): number {
    return local;
  }

  /** A new turn begins: it was the test that has stopped the event loop, between two pieces of code. */
  turn(): void {
    this.#lookedAt = undefined;
  }

  #look(): number {
    if (this.#lookedAt === undefined) setImmediate(() => this.turn());
    this.#lookedAt = performance.now();
    return this.#lookedAt;
  }
}
