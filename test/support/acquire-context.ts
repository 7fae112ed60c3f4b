import { Arbiters } from '../../src/acquire/arbiter.ts';
import { AskOrder, type AskOrderPlan } from '../../src/acquire/ask-order.ts';
import type { AcquireContext } from '../../src/acquire/attempt.ts';
import { Hints } from '../../src/acquire/hints.ts';
import { Lines } from '../../src/acquire/line.ts';
import { RecentContention } from '../../src/acquire/recent-contention.ts';
import { RoundTrip } from '../../src/acquire/round-trip.ts';
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
  const roundTrip = new RoundTrip();
  return {
    nodes,
    clock,
    random,
    hints: new Hints(clock),
    arbiters: new Arbiters(nodes.map(({ name }) => name)),
    roundTrip,
    contention: new RecentContention(clock),
    lines: new Lines({ nodes, clock, random, roundTrip }),
  };
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
