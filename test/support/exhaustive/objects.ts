import type { Operation } from '../checker/history.ts';

/** What there is in a small world that an event can touch; a set of objects has one bit for each. */
export class Objects {
  readonly #clients: number;
  readonly #nodes: number;

  constructor(clients: number, nodes: number) {
    this.#clients = clients;
    this.#nodes = nodes;
  }

  /** A node. */
  node(node: number): number {
    return 1 << (3 * this.#clients * this.#nodes + node);
  }

  /** A client's connection to a node, and what it knows of it. */
  line(client: number, node: number): number {
    return 1 << (3 * client * this.#nodes + node);
  }

  /** How a node votes in the round of a client that takes the lock or extends it, or in the one that releases it. */
  vote(client: number, operation: Operation, node: number): number {
    const round = operation === 'release' ? 2 : 1;
    return 1 << ((3 * client + round) * this.#nodes + node);
  }

  /** How all nodes vote in it. */
  round(client: number, operation: Operation): number {
    return this.#each((node) => this.vote(client, operation, node));
  }

  /** All that a client has. */
  client(client: number): number {
    const lines = this.#each((node) => this.line(client, node));
    return lines | this.round(client, 'grant') | this.round(client, 'release');
  }

  /** A node's connections to all clients. */
  lines(node: number): number {
    let all = 0;
    for (let client = 0; client < this.#clients; client++) all |= this.line(client, node);
    return all;
  }

  #each(bit: (node: number) => number): number {
    let all = 0;
    for (let node = 0; node < this.#nodes; node++) all |= bit(node);
    return all;
  }
}
