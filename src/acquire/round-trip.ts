import { LONGEST_RESERVATION, SHORTEST_RESERVATION } from '../node/line.ts';

/** How many round trips a reservation lasts: one for the notification and the grant, and as much again twice for a busy process. */
const RESERVED_ROUND_TRIPS = 3;

/** An arbiter's answer is waited for as long as a part of `nodeTimeout`, or for some round trips if that is more, but not for too long. */
const HEDGE = { timeouts: 1 / 10, roundTrips: 3, mostTimeouts: 1 / 2 } as const;

/** What share of a shorter measurement counts. */
const DECAY = 1 / 8;

/** How long nodes take to answer, as one process sees it: rises at once, and falls slowly. */
export class RoundTrip {
  #ms = 0;

  /** In ms. */
  get ms(): number {
    return this.#ms;
  }

  /** Nodes have answered after so many ms. */
  measured(ms: number): void {
    this.#ms = ms > this.#ms ? ms : this.#ms + (ms - this.#ms) * DECAY;
  }

  /** For how long a key is reserved for the first in its line, in whole ms. */
  get reservation(): number {
    const needed = Math.ceil(RESERVED_ROUND_TRIPS * this.#ms);
    return Math.min(LONGEST_RESERVATION, Math.max(SHORTEST_RESERVATION, needed));
  }

  /** For how long an arbiter's answer is waited for before the other nodes are asked, in ms. */
  hedge(nodeTimeout: number): number {
    const patience = Math.max(nodeTimeout * HEDGE.timeouts, this.#ms * HEDGE.roundTrips);
    return Math.min(patience, nodeTimeout * HEDGE.mostTimeouts);
  }
}
