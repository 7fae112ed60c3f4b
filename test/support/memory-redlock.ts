import { Redlock, type RedlockOptions } from '../../src/index.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { ManualClock } from './manual-clock.ts';
import { seededRandom } from './seeded-random.ts';

export interface MemoryRedlock {
  readonly redlock: Redlock;
  readonly nodes: readonly MemoryNode[];
  readonly clock: ManualClock;
  /** Another Redlock on the same nodes, as in another process. */
  readonly another: (options?: RedlockOptions) => Redlock;
  /** The keys that stand on each node. */
  readonly keys: () => string[][];
}

/** A Redlock over `n` nodes in memory, all on one manual clock. */
export function memoryRedlock(n: number, options: RedlockOptions = {}): MemoryRedlock {
  const clock = new ManualClock(1_000);
  const nodes = createMemoryNodes(n, { clock });
  let seed = 0;
  const another = (own: RedlockOptions = options): Redlock =>
    new Redlock(nodes, { clock, random: seededRandom(++seed), ...own });
  return { redlock: another(), nodes, clock, another, keys: () => nodes.map((node) => node.keys()) };
}
