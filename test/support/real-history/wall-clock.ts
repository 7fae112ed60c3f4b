import type { Feed } from './feed.ts';

/** How often a server is asked for the time; the best answers count. */
const SAMPLES = 5;

/**
 * What the servers' common wall clock says, in ms of `performance.now()`. Known as exactly as the fastest answers to
 * TIME allow: each of them was given between the question and its arrival.
 */
export class WallClock {
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;

  async compare(feed: Feed): Promise<void> {
    for (let i = 0; i < SAMPLES; i++) {
      const asked = performance.now();
      const [seconds, micros] = (await feed.request('TIME')) as [string, string];
      const wall = Number(seconds) * 1_000 + Number(micros) / 1_000;
      this.#least = Math.max(this.#least, wall - performance.now());
      this.#most = Math.min(this.#most, wall - asked);
    }
  }

  toTrue(wall: number): number {
    return wall - (this.#least + this.#most) / 2;
  }
}
