import type { AcquirePlan } from '../../src/acquire/acquire-loop.ts';
import { LocalQueue } from '../../src/acquire/local-queue.ts';
import { PendingAcquire } from '../../src/acquire/pending-acquire.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { acquireContext } from './acquire-context.ts';
import { ManualClock } from './manual-clock.ts';
import type { ScriptedNode } from './scripted-node.ts';
import { seededRandom } from './seeded-random.ts';

/** A waiting call, and how often it has asked the first node. */
export interface CallOver {
  readonly clock: ManualClock;
  readonly call: PendingAcquire;
  readonly attempts: () => number;
}

/** A call that begins at 1000 on the clock; its pauses are 50 ms, unless something else is worth waiting for. */
export function waiting(nodes: readonly ScriptedNode[], plan: Partial<AcquirePlan> = {}): CallOver {
  const clock = new ManualClock(1_000);
  const random = { ...seededRandom(1), fraction: () => 0 };
  const call = new PendingAcquire(
    acquireContext(nodes, clock, random),
    { queue: new LocalQueue(), heldFor: () => 0 },
    {
      resources: ['r'],
      keys: ['r'],
      ttl: 1_000,
      driftFactor: 0.01,
      lockDelay: 0,
      nodeTimeout: 100,
      maxHoldTime: Number.POSITIVE_INFINITY,
      fencing: true,
      label: undefined,
      acquireTimeout: 60_000,
      deadline: 1_000 + (plan.acquireTimeout ?? 60_000),
      retry: {
        retries: Number.POSITIVE_INFINITY,
        factor: 1,
        minTimeout: 50,
        maxTimeout: 50,
        randomize: false,
      },
      ...plan,
    },
  );
  call.result.catch(() => {});
  call.start();
  return { clock, call, attempts: (): number => nodes[0]?.of('grant').length ?? 0 };
}

/** What the nodes will answer to the next attempt. */
export function willAnswer(
  nodes: readonly ScriptedNode[],
  first: GrantReply,
  ...replies: GrantReply[]
): void {
  const all = [first, ...replies];
  nodes.forEach((node, i) => {
    node.atOnce.grant = all[i] ?? all.at(-1) ?? first;
  });
}
