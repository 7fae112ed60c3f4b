import type { LockNode } from '../node/lock-node.ts';
import { quorumOf } from '../quorum/ballot.ts';

export interface ListeningPlan {
  readonly nodes: readonly LockNode[];
  readonly keys: readonly string[];
  /** A node has told whose lock was released. */
  readonly released: (node: number, owner: string) => void;
  /** A node tells of releases from now on; some before that instant may have been missed. */
  readonly heardAgain: (node: number, missedUntil: number) => void;
  /** No quorum of nodes tells of releases any more. */
  readonly deafened: () => void;
}

/** One waiter's ear for the releases of its keys, on all nodes. */
export class Listening {
  readonly #quorum: number;
  readonly #ends: (() => void)[] = [];
  /** For each node, how many of the keys it does not tell about. */
  readonly #deafFor: number[];

  constructor({ nodes, keys, released, heardAgain, deafened }: ListeningPlan) {
    this.#quorum = quorumOf(nodes.length);
    this.#deafFor = new Array<number>(nodes.length).fill(keys.length);
    nodes.forEach((node, index) => {
      for (const key of keys) {
        let isDeaf = true;
        const hears = (does: boolean): void => {
          if (isDeaf === does) this.#deafFor[index] = (this.#deafFor[index] ?? 0) + (does ? -1 : 1);
          isDeaf = !does;
        };
        const end = node.onRelease(key, {
          listening: (missedUntil) => {
            hears(true);
            heardAgain(index, missedUntil);
          },
          deaf: () => {
            const wasTold = this.isTold;
            hears(false);
            if (wasTold && !this.isTold) deafened();
          },
          released: (owner) => released(index, owner),
        });
        this.#ends.push(end);
      }
    });
  }

  /** Whether a quorum of nodes tells of the releases of all keys. */
  get isTold(): boolean {
    return this.#deafFor.filter((keys) => keys === 0).length >= this.#quorum;
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
