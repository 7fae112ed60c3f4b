import { type NodeSpec, Redlock } from 'quorlock';

/** What one node says of the lock. */
export interface NodeView {
  readonly name: string;
  /** Whether it answers. */
  readonly up: boolean;
  readonly ownerToken?: string | undefined;
}

/** Asks every node for itself, over a Redlock of its own: together they would answer as soon as a quorum has. */
export class Observer {
  readonly #redlocks: readonly Redlock[];
  readonly #resource: string;

  constructor(nodes: readonly NodeSpec[], resource: string) {
    this.#redlocks = nodes.map((node) => new Redlock([node]));
    this.#resource = resource;
  }

  async look(): Promise<NodeView[]> {
    const inspections = await Promise.all(this.#redlocks.map((redlock) => redlock.inspect(this.#resource)));
    return inspections.flatMap(({ nodes }) =>
      nodes.map((node) => ({
        name: node.node,
        up: node.kind === 'free' || node.kind === 'held',
        ownerToken: node.kind === 'held' ? node.ownerToken : undefined,
      })),
    );
  }
}
