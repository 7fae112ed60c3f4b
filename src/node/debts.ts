import type { Clock } from '../clock.ts';
import type { Giving } from './lock-node.ts';

/** How many releases a node may owe; beyond that the oldest are dropped, and their keys expire by themselves. */
const MOST_DEBTS = 10_000;

/** By how much a server's clock may be slower than the local one, as a share; and the resolution of an expiry, in ms. */
const SLOWEST = { share: 0.1, resolution: 2 } as const;

/** One release that a server has not answered, as it is to be repeated. */
export interface Debt {
  readonly giving: Giving;
  /** When the last of its keys has expired by itself, in ms of the clock. */
  readonly until: number;
}

/** The releases that a server has not answered yet. They are repeated until it does, or until nothing is left to delete. */
export class Debts {
  readonly #clock: Clock;
  readonly #owed = new Map<string, Debt>();
  /** Those that the server has refused: they are to be repeated. */
  readonly #refused = new Set<Debt>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A release that is owed anew is settled by no answer to an earlier one. */
  owe(giving: Giving): Debt {
    const { share, resolution } = SLOWEST;
    const debt = {
      // Whoever was to be told otherwise has not been: it would have followed on the connection that is lost.
      giving: giving.announce === 'late' ? { ...giving, announce: true } : giving,
      until: this.#clock.now() + giving.longestTtl * (1 + share) + resolution,
    };
    this.#drop(this.#owed.get(giving.ownerToken));
    this.#owed.set(giving.ownerToken, debt);
    this.#dropOldest();
    return debt;
  }

  settle(debt: Debt): void {
    this.#refused.delete(debt);
    if (this.#owed.get(debt.giving.ownerToken) === debt) this.#drop(debt);
  }

  /** The server has refused it. */
  refused(debt: Debt): void {
    if (this.#owed.get(debt.giving.ownerToken) === debt) this.#refused.add(debt);
  }

  get none(): boolean {
    return this.list().length === 0;
  }

  /** What is owed, oldest first. */
  list(): Debt[] {
    for (const debt of this.#owed.values()) if (debt.until <= this.#clock.now()) this.#drop(debt);
    return [...this.#owed.values()];
  }

  /** Takes so many of those that the server has refused, or all: the ones that have waited longest for a repetition. */
  takeRefused(most: number = Number.POSITIVE_INFINITY): Debt[] {
    const taken: Debt[] = [];
    for (const debt of this.#refused) {
      if (taken.length === most) break;
      this.#refused.delete(debt);
      if (debt.until > this.#clock.now()) taken.push(debt);
      else this.#drop(debt);
    }
    return taken;
  }

  #drop(debt: Debt | undefined): void {
    if (!debt) return;
    this.#refused.delete(debt);
    this.#owed.delete(debt.giving.ownerToken);
  }

  /** What has expired, as far as it is in front, and what is too much. */
  #dropOldest(): void {
    for (const oldest of this.#owed.values()) {
      if (this.#owed.size <= MOST_DEBTS && oldest.until > this.#clock.now()) return;
      this.#drop(oldest);
    }
  }
}
