import { describe, expect, it } from 'vitest';
import { AcquireTimeoutError, NodeMisconfiguredError } from '../../src/index.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { waiting, willAnswer } from '../support/call-over.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 500, key: 'r', owner: 'x' } as const;
const misfit = { kind: 'unusable', why: 'evicts' } as const;
const hopeless = { ...misfit, isPermanent: true } as const;

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
