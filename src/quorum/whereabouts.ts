import { Continuity } from './continuity.ts';

/** A small integer of V8 has room for so many bits without a sign. */
const MOST_BITS = 30;

/** What is known of each node, once that is more than two bits can tell. */
interface Detail {
  /** How many requests may have set the keys there. */
  readonly requests: number[];
  readonly continuity: Continuity;
}

/**
 * On which nodes a lease's keys may be, and since when without a break: see {@link Continuity}. Nearly always each node was asked once and has
 * granted, or has not answered yet. Then two bits for each node are all that a held lock keeps.
 */
export class Whereabouts {
  readonly #nodes: number;
  /** Bit i: node i was asked once, and has not said that it has set nothing. */
  #asked = 0;
  /** Bit i: node i has granted. */
  #granted = 0;
  /** Whether a round has succeeded: from then on, those that have granted count. */
  #hasSucceeded = false;
  #detail: Detail | undefined;

  constructor(nodes: number) {
    this.#nodes = nodes;
    if (nodes > MOST_BITS) this.#detail = this.#toDetail();
  }

  /** A request that may set the keys is sent to the node. */
  requested(node: number): void {
    const bit = 1 << node;
    if (!this.#detail && !(this.#asked & bit)) this.#asked |= bit;
    else this.#change(node, 1);
  }

  /** One of these requests has certainly set nothing. */
  setNothing(node: number): void {
    const bit = 1 << node;
    if (!this.#detail && this.#asked & bit) this.#asked &= ~bit;
    else this.#change(node, -1);
  }

  /** Whether the node may have the keys. */
  mayHave(node: number): boolean {
    if (this.#detail) return this.#detail.requests[node] !== 0;
    return (this.#asked & (1 << node)) !== 0;
  }

  /** See {@link Continuity.granted}. */
  granted(node: number): void {
    if (this.#detail) this.#detail.continuity.granted(node);
    else this.#granted |= 1 << node;
  }

  /** See {@link Continuity.restored}. */
  restored(node: number): void {
    this.#detailed.continuity.restored(node);
  }

  /** See {@link Continuity.continued}. */
  continued(node: number): void {
    if (this.#detail || !(this.#granted & (1 << node))) this.#detailed.continuity.continued(node);
  }

  /** See {@link Continuity.broke}. */
  broke(node: number): void {
    this.#detailed.continuity.broke(node);
  }

  /** See {@link Continuity.succeeded}. */
  succeeded(): void {
    if (this.#detail) this.#detail.continuity.succeeded();
    else this.#hasSucceeded = true;
  }

  /** See {@link Continuity.counts}. */
  counts(node: number): boolean {
    if (this.#detail) return this.#detail.continuity.counts(node);
    return this.#hasSucceeded && (this.#granted & (1 << node)) !== 0;
  }

  #change(node: number, by: 1 | -1): void {
    const { requests } = this.#detailed;
    requests[node] = (requests[node] ?? 0) + by;
  }

  get #detailed(): Detail {
    this.#detail ??= this.#toDetail();
    return this.#detail;
  }

  #toDetail(): Detail {
    const requests: number[] = [];
    const continuity = new Continuity(this.#nodes);
    for (let node = 0; node < this.#nodes; node++) {
      requests.push((this.#asked >> node) & 1);
      if ((this.#granted >> node) & 1) continuity.granted(node);
    }
    if (this.#hasSucceeded) continuity.succeeded();
    return { requests, continuity };
  }
}
