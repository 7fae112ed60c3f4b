import { createHash } from 'node:crypto';

/**
 * The order in which processes choose the node whose line for a key they stand in: the first that answers is the key's arbiter.
 * The same for all processes that know the nodes by the same names, in whatever order.
 *
 * @see https://en.wikipedia.org/wiki/Rendezvous_hashing
 */
export function arbitersOf(key: string, names: readonly string[]): number[] {
  const weights = names.map((name) => createHash('sha1').update(`${name}\n${key}`).digest('hex'));
  return names.map((_, index) => index).sort((a, b) => ((weights[a] ?? '') < (weights[b] ?? '') ? -1 : 1));
}

/** Chooses arbiters. A node that gave no vote lately is passed over until it votes again. */
export class Arbiters {
  readonly #names: readonly string[];
  /** Those that are passed over, and whether they answer too late, or without a vote. */
  readonly #silent = new Map<number, 'slow' | 'voteless'>();
  /** By node, when the first grant was requested that it has not answered, in ms of the clock; Infinity if it has answered all. */
  readonly #unanswered: number[];

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#unanswered = names.map(() => Number.POSITIVE_INFINITY);
  }

  /** The arbiter of a key. */
  of(key: string): number {
    const order = arbitersOf(key, this.#names);
    return order.find((node) => !this.#silent.has(node)) ?? order[0] ?? 0;
  }

  /** The nodes that would be the arbiter if they had not been slow. Those without a vote say themselves when they vote again. */
  slowBefore(key: string): number[] {
    const order = arbitersOf(key, this.#names);
    return order.slice(0, order.indexOf(this.of(key))).filter((node) => this.#silent.get(node) === 'slow');
  }

  isSilent(node: number): boolean {
    return this.#silent.has(node);
  }

  /** The node is asked for a grant. */
  asked(node: number, now: number): void {
    this.#unanswered[node] = Math.min(now, this.#unanswered[node] as number);
  }

  /** The node has answered; `unsent`: the request was dropped before it was sent. */
  answered(node: number, how: 'in time' | 'late' | 'without a vote' | 'unsent'): void {
    this.#unanswered[node] = Number.POSITIVE_INFINITY;
    if (how === 'in time') this.#silent.delete(node);
    else if (how !== 'unsent') this.#silent.set(node, how === 'late' ? 'slow' : 'voteless');
  }

  /** Passes over a node until it votes. */
  silent(node: number): void {
    this.#silent.set(node, 'slow');
  }

  /** Passes over the nodes that were asked before this instant and have not answered. */
  passOverSilent(before: number): void {
    for (const [node, askedAt] of this.#unanswered.entries()) if (askedAt <= before) this.silent(node);
  }

  /** The node votes again, or has answered in time. What it was asked before may never be answered. */
  votes(node: number): void {
    this.#unanswered[node] = Number.POSITIVE_INFINITY;
    this.#silent.delete(node);
  }
}
