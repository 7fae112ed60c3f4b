import { describe, expect, it } from 'vitest';
import type { ContenderPlan } from '../../src/acquire/contender.ts';
import { Contested } from '../../src/acquire/contested.ts';
import { Hints } from '../../src/acquire/hints.ts';
import { Queues } from '../../src/acquire/queues.ts';
import { Waiting } from '../../src/acquire/waiting.ts';
import { AcquireTimeoutError, NodeMisconfiguredError } from '../../src/index.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 500, owner: 'x' } as const;
const misfit = { kind: 'unusable', why: 'evicts' } as const;
const hopeless = { ...misfit, isPermanent: true } as const;

/** A call that begins at 1000 on the clock; its pauses are 50 ms, unless something else is worth waiting for. */
function waiting(nodes: readonly ScriptedNode[], plan: Partial<ContenderPlan> = {}) {
  const clock = new ManualClock(1_000);
  const random = { ...seededRandom(1), fraction: () => 0 };
  const call = new Waiting(
    { nodes, clock, random, hints: new Hints(clock) },
    { queues: new Queues(), contested: new Contested(clock), heldFor: () => 0 },
    {
      resources: ['r'],
      keys: ['r'],
      ttl: 1_000,
      driftFactor: 0.01,
      nodeTimeout: 100,
      maxHoldTime: Number.POSITIVE_INFINITY,
      fencing: true,
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
  return { clock, call, attempts: (): number => nodes[0]?.of('grant').length ?? 0 };
}

/** What the nodes will answer to the next attempt. */
function willAnswer(nodes: readonly ScriptedNode[], first: GrantReply, ...replies: GrantReply[]): void {
  const all = [first, ...replies];
  nodes.forEach((node, i) => {
    node.atOnce.grant = all[i] ?? all.at(-1) ?? first;
  });
}

describe('a call for a lock that no quorum can grant, whatever it waits for,', () => {
  it.each([
    [3, [granted, hopeless, hopeless]],
    [3, [unreachable(), hopeless, hopeless]],
    [3, [denied, hopeless, hopeless]],
    [1, [hopeless]],
    [5, [granted, granted, hopeless, hopeless, hopeless]],
    [4, [granted, granted, hopeless, hopeless]],
  ] as [number, [GrantReply, ...GrantReply[]]][])('fails at once: %d nodes, %j', async (count, replies) => {
    const nodes = scriptedNodes(count);
    willAnswer(nodes, ...replies);
    const { call, attempts } = waiting(nodes);
    const error = await rejectionOf(call.result);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect((error as NodeMisconfiguredError).votes.at(-1)).toMatchObject({ isPermanent: true });
    expect(attempts()).toBe(1);
  });

  it.each([
    [3, [granted, misfit, misfit]],
    [3, [granted, misfit, hopeless]],
    [3, [granted, unreachable(), hopeless]],
    [3, [granted, { kind: 'quarantined', remaining: 100 }, hopeless]],
    [5, [granted, misfit, unreachable(), hopeless, hopeless]],
  ] as [number, [GrantReply, ...GrantReply[]]][])(
    'is one of these alone; it waits for %d nodes, %j',
    async (count, replies) => {
      const nodes = scriptedNodes(count);
      willAnswer(nodes, ...replies);
      const { call, clock, attempts } = waiting(nodes, { acquireTimeout: 1_000 });
      await clock.advanceAsync(999);
      expect(await peek(call.result)).toBe('pending');
      expect(attempts()).toBeGreaterThan(1);
      willAnswer(nodes, granted);
      await clock.advanceAsync(1);
      expect(await peek(call.result)).not.toBe('pending');
    },
  );

  it('fails as soon as it is certain', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, granted, misfit);
    const { call, clock } = waiting(nodes);
    await clock.advanceAsync(500);
    willAnswer(nodes, granted, hopeless);
    await clock.advanceAsync(50);
    expect(await rejectionOf(call.result)).toBeInstanceOf(NodeMisconfiguredError);
  });

  it('gives up by its time if it is not certain until then', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, granted, misfit);
    const { call, clock } = waiting(nodes, { acquireTimeout: 200 });
    await clock.advanceAsync(200);
    const error = await rejectionOf(call.result);
    expect(error).toBeInstanceOf(AcquireTimeoutError);
    expect((error as AcquireTimeoutError).cause).toBeInstanceOf(NodeMisconfiguredError);
  });
});
