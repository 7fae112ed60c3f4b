import type { Pause } from '../checker/history.ts';

/**
 * A beat that comes later than this after the last one, in ms, shows that the event loop was held up. Two gaps that
 * show nothing, and the millisecond by which a timer is rounded, are not longer than `LATENESS`: no timer is later.
 */
const LATE = 2;

/** Writes down when this process did not run, or was too busy: a beat every millisecond, and what the late ones missed. */
export class Heartbeat {
  readonly #clients: number;
  readonly #pauses: Pause[];
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();

  constructor(clients: number, pauses: Pause[]) {
    this.#clients = clients;
    this.#pauses = pauses;
    this.#timer = setInterval(() => this.#beat(), 1);
  }

  stop(): void {
    this.#beat();
    clearInterval(this.#timer);
  }

  #beat(): void {
    const from = this.#last;
    const to = performance.now();
    this.#last = to;
    if (to - from <= LATE) return;
    for (let client = 0; client < this.#clients; client++)
      this.#pauses.push({ client, from, to, amid: false });
  }
}
