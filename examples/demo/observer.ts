import { type NodeInspection, type NodeSpec, Redlock } from 'quorlock';

/** What one node says of the lock. */
export interface NodeView {
  readonly name: string;
  /** `quarantined`: it is back, but does not vote while a lock that it has forgotten may not be over. */
  readonly state: 'up' | 'down' | 'quarantined';
  readonly ownerToken?: string | undefined;
}

/** Asks every node for itself, over a Redlock of its own: together they would answer as soon as a quorum has. */
export class Observer {
  readonly #redlocks: readonly Redlock[];
  readonly #resource: string;

  /** `maxTtl`: as the workers have it. */
  constructor(nodes: readonly NodeSpec[], resource: string, maxTtl: number | undefined) {
    // Who knows one node only must leave it to the others to find out that all are new.
    this.#redlocks = nodes.map((node) => new Redlock([node], { maxTtl, restartGuard: 'strict' }));
    this.#resource = resource;
  }

  async look(): Promise<NodeView[]> {
    const inspections = await Promise.all(this.#redlocks.map((redlock) => redlock.inspect(this.#resource)));
    return inspections.flatMap(({ nodes }) =>
      nodes.map((node) => ({
        name: node.node,
        state: stateOf(node),
        ownerToken: node.kind === 'held' ? node.ownerToken : undefined,
      })),
    );
  }
}

function stateOf({ kind }: NodeInspection): NodeView['state'] {
  if (kind === 'quarantined') return kind;
  return kind === 'free' || kind === 'held' ? 'up' : 'down';
}
