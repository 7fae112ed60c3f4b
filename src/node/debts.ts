import type { Holding } from './lock-node.ts';

/** How many rollbacks a node may owe; beyond that the oldest are dropped, and their keys expire by themselves. */
const MOST_DEBTS = 10_000;

/** The releases that a server has not answered yet. They are repeated until it does. */
export class Debts {
  readonly #owed = new Map<string, Holding>();

  owe(holding: Holding): void {
    this.#owed.set(holding.ownerToken, holding);
    if (this.#owed.size <= MOST_DEBTS) return;
    for (const oldest of this.#owed.keys()) {
      this.#owed.delete(oldest);
      break;
    }
  }

  settle(holding: Holding): void {
    this.#owed.delete(holding.ownerToken);
  }

  get none(): boolean {
    return this.#owed.size === 0;
  }

  /** What is owed, oldest first. */
  list(): Holding[] {
    return [...this.#owed.values()];
  }
}
