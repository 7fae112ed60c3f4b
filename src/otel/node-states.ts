import type { NodeEvent } from '../tracing.ts';

/** The states that are reported. A closed node is in none of them. */
const STATES = ['up', 'down', 'quarantined', 'unusable'] as const;

/** How many nodes of each name are in each state: several `Redlock`s of a process may use the same server. */
export class NodeStates {
  readonly #counts = new Map<string, Map<string, number>>();

  changed({ node, state, previous }: NodeEvent): void {
    const counts = this.#counts.get(node) ?? new Map<string, number>();
    // What was published before somebody listened was not counted.
    counts.set(previous, Math.max(0, (counts.get(previous) ?? 0) - 1));
    counts.set(state, (counts.get(state) ?? 0) + 1);
    this.#counts.set(node, counts);
  }

  /** Each node with each state, also those that it is not in: an SDK would go on to report the last value of a state that is left out. */
  *[Symbol.iterator](): Generator<{ node: string; state: string; count: number }> {
    for (const [node, counts] of this.#counts)
      for (const state of STATES) yield { node, state, count: counts.get(state) ?? 0 };
  }
}
