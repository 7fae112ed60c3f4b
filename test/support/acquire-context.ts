import { AcquireContext } from '../../src/acquire/acquire-context.ts';
import { AskOrder, type AskOrderPlan } from '../../src/acquire/ask-order.ts';
import type { Clock } from '../../src/clock.ts';
import type { LockNode } from '../../src/node/lock-node.ts';
import type { Random } from '../../src/random.ts';
import { seededRandom } from './seeded-random.ts';

/** What the calls of one Redlock over these nodes share. */
export function acquireContext(
  nodes: readonly LockNode[],
  clock: Clock,
  random: Random = seededRandom(1),
): AcquireContext {
  return new AcquireContext(nodes, clock, random);
}

/** By default it asks all nodes at once, as an attempt does where nobody was in the way. */
export function askOrder(
  { clock, arbiters, nodes }: AcquireContext,
  plan: Partial<AskOrderPlan> = {},
): AskOrder {
  return new AskOrder({
    clock,
    arbiters,
    nodes: nodes.length,
    how: 'all',
    arbiter: undefined,
    isConnecting: () => false,
    waiter: undefined,
    hedge: 10,
    goesOn: () => 'nobody',
    pick: (others) => others[0],
    denied: () => {},
    ...plan,
  });
}
