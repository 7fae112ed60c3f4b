import type { Giving } from './lock-node.ts';

/** How many rollbacks a node may owe; beyond that the oldest are dropped, and their keys expire by themselves. */
const MOST_DEBTS = 10_000;

/** One release that a server has not answered, as it is to be repeated. */
export interface Debt {
  readonly giving: Giving;
}

/** The releases that a server has not answered yet. They are repeated until it does. */
export class Debts {
  readonly #owed = new Map<string, Debt>();

  /** A release that is owed anew is settled by no answer to an earlier one. */
  owe(giving: Giving): Debt {
    // Whoever was to be told otherwise has not been: it would have followed on the connection that is lost.
    const debt = { giving: giving.announce === 'late' ? { ...giving, announce: true } : giving };
    this.#owed.set(giving.ownerToken, debt);
    if (this.#owed.size > MOST_DEBTS) {
      for (const oldest of this.#owed.keys()) {
        this.#owed.delete(oldest);
        break;
      }
    }
    return debt;
  }

  settle(debt: Debt): void {
    const { ownerToken } = debt.giving;
    if (this.#owed.get(ownerToken) === debt) this.#owed.delete(ownerToken);
  }

  get none(): boolean {
    return this.#owed.size === 0;
  }

  /** What is owed, oldest first. */
  list(): Debt[] {
    return [...this.#owed.values()];
  }
}
