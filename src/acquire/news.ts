import type { Clock } from '../clock.ts';
import { SHORTEST_PAUSE } from './backoff.ts';
import type { Caller } from './line.ts';
import { Sleep } from './sleep.ts';
import { watchPause } from './wake.ts';

/** What a waiter hears while it attempts, and while it sleeps between attempts: what comes during an attempt counts after it. */
export class News implements Caller {
  readonly #clock: Clock;
  readonly #reservation: () => number;
  readonly #wantsVoters: () => boolean;
  #sleep: Sleep | undefined;
  /** Whether what was in the way may be gone, so that no pause is needed. */
  #isCalled = false;
  #turnAt: number | undefined;
  /** Whether this process is first in its line, behind one that has the key reserved. */
  #isNext = false;
  #isDeafened = false;
  #hasNewVoter = false;
  #isTimed = false;

  /** `reservation`: for how many ms the one before in the line has the key reserved. `wantsVoters`: whether a node that begins to vote matters. */
  constructor(clock: Clock, reservation: () => number, wantsVoters: () => boolean) {
    this.#clock = clock;
    this.#reservation = reservation;
    this.#wantsVoters = wantsVoters;
  }

  /** The node that has the key reserved for this process, if one has said so. */
  get turnAt(): number | undefined {
    return this.#turnAt;
  }

  /** Whether another attempt is worth while, though no pause has passed. */
  get isCalled(): boolean {
    return this.#isCalled;
  }

  /** Whether the last sleep has ended by a timer: nothing is known to have changed. */
  get isTimed(): boolean {
    return this.#isTimed;
  }

  /** Another attempt begins. */
  clear(): void {
    this.#isCalled = false;
    this.#turnAt = undefined;
    this.#isDeafened = false;
    this.#hasNewVoter = false;
  }

  /** The turn at that node was used by the attempt during which it came. */
  forgetTurn(node: number | undefined): void {
    if (this.#turnAt !== node) return;
    this.#turnAt = undefined;
    this.#isCalled = false;
  }

  /** Sleeps for so many ms, or until there is news, and in any case no longer than `atMost`. */
  async sleep(pause: () => number, atMost: number): Promise<void> {
    if (!this.#isCalled) await this.#rest(Math.min(pause(), this.#shorter, atMost));
    // Who watches the one before learns by a timer that this one has not used its turn.
    this.#isTimed = this.#isNext || !this.#isCalled;
    this.#isCalled ||= this.#isNext;
    this.#isNext = false;
  }

  /** Ends the sleep at once. */
  wake(): void {
    this.#sleep?.shorten(0);
  }

  call(): void {
    this.#isCalled = true;
    this.wake();
  }

  turn(node: number): void {
    this.#turnAt = node;
    this.call();
  }

  next(): void {
    this.#isNext = true;
    this.#sleep?.shorten(watchPause(this.#reservation()));
  }

  live(): void {
    this.call();
  }

  deaf(): void {
    this.#isDeafened = true;
    this.#sleep?.shorten(SHORTEST_PAUSE);
  }

  /** A node has begun to vote. */
  voter(): void {
    this.#hasNewVoter = true;
    if (this.#wantsVoters()) this.#sleep?.shorten(SHORTEST_PAUSE);
  }

  /** How long a sleep is at most for what has happened during the attempt. */
  get #shorter(): number {
    if (this.#isDeafened || (this.#hasNewVoter && this.#wantsVoters())) return SHORTEST_PAUSE;
    return this.#isNext ? watchPause(this.#reservation()) : Number.POSITIVE_INFINITY;
  }

  async #rest(duration: number): Promise<void> {
    if (duration <= 0) return;
    this.#sleep = new Sleep(this.#clock, duration);
    await this.#sleep.over;
    this.#sleep = undefined;
  }
}
