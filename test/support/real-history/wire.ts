import type { Exchange } from '../checker/history.ts';

/** Names no script: a command that only says whose connection it comes over. */
export const WIRE_SHA: string = 'f'.repeat(40);

/** One TCP connection of a client to a node, from its being made on. */
export interface Wire {
  readonly id: string;
  readonly client: number;
  /** The operations of each command that was written, until the node is seen to read it: first in, first out. */
  readonly sent: Exchange[][];
  /** As the node sees it; '' until it has seen it. */
  address: string;
  /** When its client gave it up. */
  goneAt: number;
}

/** All connections to one node, ever. */
export class Wires {
  readonly #all: Wire[] = [];
  readonly #wireOf = new Map<Exchange, Wire>();

  open(client: number): Wire {
    const id = String(this.#all.length);
    const wire: Wire = { id, client, sent: [], address: '', goneAt: Number.POSITIVE_INFINITY };
    this.#all.push(wire);
    return wire;
  }

  send(wire: Wire, exchanges: Exchange[]): void {
    wire.sent.push(exchanges);
    for (const exchange of exchanges) this.#wireOf.set(exchange, wire);
  }

  /** A connection has introduced itself to the node. */
  introduce(id: string, address: string): void {
    const wire = this.#all[Number(id)];
    if (wire) wire.address = address;
  }

  /** The last one from an address: addresses are used again. */
  at(address: string): Wire | undefined {
    return this.#all.findLast((wire) => wire.address === address);
  }

  /** The address of a client's last connection, if the node has seen it. */
  addressOf(client: number): string | undefined {
    return this.#all.findLast((wire) => wire.client === client && wire.address !== '')?.address;
  }

  /** Whether an operation was executed over a connection that its client had already given up. */
  isOverDead(exchange: Exchange | undefined): boolean {
    const wire = exchange && this.#wireOf.get(exchange);
    return wire !== undefined && exchange !== undefined && exchange.executedAt > wire.goneAt;
  }
}
