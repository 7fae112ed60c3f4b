/**
 * Which nodes have held a lock without a break since before the last round that succeeded. Only they count for
 * the next one: a node where the keys were gone in between may have let another holder in, and out again.
 *
 * A logical clock orders what is learned: no time is involved.
 */
export class Continuity {
  readonly #heldSince: number[];
  #now = 0;
  #lastSuccess = 0;

  constructor(nodes: number) {
    this.#heldSince = new Array<number>(nodes).fill(Number.POSITIVE_INFINITY);
  }

  /**
   * The node has granted the lock. It counts from the round that won it, also if it was reported after the win:
   * that a node of the winning three dies must not cost a lock that four others hold. But not if another has had
   * it there meanwhile: see {@link restored}.
   */
  granted(node: number): void {
    this.#heldSince[node] = 0;
  }

  /** The node holds the lock again, and was without it before. */
  restored(node: number): void {
    this.#heldSince[node] = ++this.#now;
  }

  /** The node holds the lock; since when, only earlier answers tell. */
  continued(node: number): void {
    if (this.#heldSince[node] === Number.POSITIVE_INFINITY) this.restored(node);
  }

  /** The node does not hold the lock, or may have been without it. */
  broke(node: number): void {
    this.#heldSince[node] = Number.POSITIVE_INFINITY;
  }

  /** A round has succeeded: nodes that hold the lock by now count from here on. */
  succeeded(): void {
    this.#lastSuccess = ++this.#now;
  }

  counts(node: number): boolean {
    return (this.#heldSince[node] ?? Number.POSITIVE_INFINITY) < this.#lastSuccess;
  }
}
