import { describe, expect, it } from 'vitest';
import { Attempt, type AttemptPlan } from '../../src/acquire/attempt.ts';
import {
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  RedlockError,
  ResourceHeldError,
  ValidityExhaustedError,
} from '../../src/index.ts';
import type { GrantReply, Waiter } from '../../src/node/lock-node.ts';
import { acquireContext, askOrder } from '../support/acquire-context.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';

const granted = { kind: 'granted' } as const;
const WAITER: Waiter = { name: 'w', key: 'p:r', since: -5 };
const denied = (remaining: number): GrantReply => ({ kind: 'denied', remaining, key: 'p:r' });

const PLAN: AttemptPlan = {
  resources: ['r', 's'],
  keys: ['p:r', 'p:s'],
  ttl: 1_000,
  driftFactor: 0.01,
  lockDelay: 0,
  nodeTimeout: 100,
  maxHoldTime: Number.POSITIVE_INFINITY,
  fencing: false,
  label: undefined,
  deadline: Number.POSITIVE_INFINITY,
};

function attempt(nodes: readonly ScriptedNode[], plan: Partial<AttemptPlan> = {}) {
  const clock = new ManualClock(1_000);
  const context = acquireContext(nodes, clock);
  const started = new Attempt(context, { ...PLAN, ...plan }, askOrder(context)).start();
  return { clock, attempt: started };
}

describe('an attempt', () => {
  it('asks for the keys, not the resources', () => {
    const nodes = scriptedNodes(3);
    attempt(nodes);
    expect(nodes[0]?.requests[0]).toMatchObject({ keys: ['p:r', 'p:s'], ttl: 1_000 });
  });

  it('measures validity from before the first byte', async () => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes);
    clock.advance(70);
    for (const node of nodes) node.answer(granted);
    expect(await started.outcome).toMatchObject({ t0: 1_000, validUntil: 1_988 });
  });

  it('reads the clock before it asks the first node', async () => {
    const nodes = scriptedNodes(3, { grant: granted });
    const clock = new ManualClock(1_000);
    for (const node of nodes) {
      const grant = node.grant.bind(node);
      node.grant = (claim, deliver) => {
        clock.jump(10);
        grant(claim, deliver);
      };
    }
    const context = acquireContext(nodes, clock);
    const { outcome } = new Attempt(context, PLAN, askOrder(context)).start();
    expect(await outcome).toMatchObject({ t0: 1_000, validUntil: 1_988 });
  });

  it('has no validity beyond maxHoldTime', async () => {
    const nodes = scriptedNodes(3, { grant: granted });
    expect(await attempt(nodes, { maxHoldTime: 300 }).attempt.outcome).toMatchObject({ validUntil: 1_300 });
  });

  it.each([
    ['ttl', 988, {}, 'maxHoldTime Infinity ms, lockDelay 0 ms'],
    ['maxHoldTime', 50, { maxHoldTime: 50 }, 'maxHoldTime 50 ms, lockDelay 0 ms'],
    ['ttl less lockDelay', 788, { lockDelay: 200 }, 'maxHoldTime Infinity ms, lockDelay 200 ms'],
  ])('whose validity (%s) is used up is undone', async (_what, took, plan, limits) => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes, { ...plan, nodeTimeout: 5_000 });
    clock.jump(took);
    for (const node of nodes) node.answer(granted);
    const error = await started.outcome;
    expect(error).toBeInstanceOf(ValidityExhaustedError);
    expect(error).toMatchObject({
      code: 'VALIDITY_EXHAUSTED',
      message: expect.stringContaining(
        `took ${took} ms, which used up the validity of a ttl of 1000 ms (${limits})`,
      ),
      votes: [{ kind: 'granted' }, { kind: 'granted' }, { kind: 'late' }],
    });
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('is won with the last millisecond of validity', async () => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes, { nodeTimeout: 5_000 });
    clock.jump(987);
    for (const node of nodes) node.answer(granted);
    expect(await started.outcome).not.toBeInstanceOf(RedlockError);
  });

  it('is not won with so little validity that no timer could tell its end in time', async () => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes, { nodeTimeout: 5_000 });
    clock.jump(987.1);
    for (const node of nodes) node.answer(granted);
    expect(await started.outcome).toMatchObject({ code: 'VALIDITY_EXHAUSTED' });
  });

  it('ends at nodeTimeout, undone on every node that may hold it', async () => {
    const nodes = scriptedNodes(5);
    const { clock, attempt: started } = attempt(nodes);
    nodes[0]?.answer(granted);
    nodes[1]?.answer(granted);
    nodes[2]?.answer(unreachable(false));
    clock.advance(100);
    expect(await started.outcome).toBeInstanceOf(QuorumUnreachableError);
    expect(counts(nodes, 'release')).toEqual([1, 1, 0, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['ttl', {}, 988],
    ['maxHoldTime', { maxHoldTime: 300 }, 300],
    ['deadline', { deadline: 1_500 }, 500],
  ])('waits for first contacts no longer than what it wins could be valid (%s)', async (_what, plan, ms) => {
    const nodes = scriptedNodes(3);
    for (const node of nodes) node.contactUntil = 1_000_000;
    const { clock, attempt: started } = attempt(nodes, plan);
    await clock.advanceAsync(ms - 1);
    expect(counts(nodes, 'release')).toEqual([0, 0, 0]);
    await clock.advanceAsync(1);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    expect(await started.outcome).toBeInstanceOf(QuorumUnreachableError);
    expect(clock.pending).toBe(0);
  });

  it('ends at its deadline', async () => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes, { deadline: 1_030 });
    clock.advance(30);
    expect(await started.outcome).toBeInstanceOf(QuorumUnreachableError);
  });

  it('of a deadline that has passed is decided by what is known', async () => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes, { deadline: 900 });
    clock.advance(0);
    expect(await started.outcome).toBeInstanceOf(QuorumUnreachableError);
  });

  it('that is abandoned is undone at once', () => {
    const nodes = scriptedNodes(3);
    const { clock, attempt: started } = attempt(nodes);
    started.abandon();
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('that is abandoned undoes a grant that comes later, where requests are reordered', () => {
    const nodes = scriptedNodes(3);
    for (const node of nodes) node.reorders = true;
    const { attempt: started } = attempt(nodes);
    started.abandon();
    nodes[0]?.answer(granted, 0);
    expect(counts(nodes, 'release')).toEqual([2, 1, 1]);
  });

  it('that failed undoes a grant that comes later, where requests are reordered', async () => {
    const nodes = scriptedNodes(3);
    for (const node of nodes) node.reorders = true;
    const { clock, attempt: started } = attempt(nodes);
    clock.advance(100);
    await started.outcome;
    nodes[2]?.answer(granted, 0);
    expect(counts(nodes, 'release')).toEqual([1, 1, 2]);
  });
});

/** An attempt on a turn that the first node has given. */
function onTurn(nodes: readonly ScriptedNode[]) {
  const clock = new ManualClock(1_000);
  const context = acquireContext(nodes, clock);
  const order = askOrder(context, { how: 'turn', arbiter: 0, waiter: WAITER });
  return { clock, context, attempt: new Attempt(context, PLAN, order).start() };
}

/** For each node, how what it has got was given back. */
function given(nodes: readonly ScriptedNode[]): unknown[][] {
  return nodes.map((node) => node.of('release').map(({ afterwards, waiter }) => [afterwards, waiter]));
}

describe('an attempt of a waiter', () => {
  it('names it to the arbiter, and says for how long to reserve what it cannot get', () => {
    const nodes = scriptedNodes(3);
    onTurn(nodes);
    expect(nodes.map((node) => node.of('grant')[0]?.waiter)).toEqual([WAITER, undefined, undefined]);
    expect(nodes[0]?.of('grant')[0]?.reservation).toBe(30);
  });

  it('that fails gives its turn back to the arbiter, and serves the lines of the others', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = onTurn(nodes);
    nodes[0]?.answer(granted);
    nodes[1]?.answer(denied(500));
    // The last one is not waited for any longer.
    clock.advance(10);
    for (let time = 0; time < 2; time++) nodes[1]?.answer(denied(500));
    await started.outcome;
    expect(given(nodes)).toEqual([[['yield', WAITER]], [], [['serve', undefined]]]);
  });

  it('that fails gives nothing back to an arbiter that has denied: the waiter is in its line', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = onTurn(nodes);
    nodes[0]?.answer(denied(500));
    nodes[1]?.answer(granted);
    nodes[2]?.answer(denied(500));
    await started.outcome;
    expect(given(nodes)).toEqual([[], [['serve', undefined]], []]);
  });

  it('that fails gives its turn back to an arbiter that was silent, too: it may have got one', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = onTurn(nodes);
    for (let time = 0; time < 3; time++) for (const node of nodes.slice(1)) node.answer(denied(500));
    await started.outcome;
    expect(given(nodes)).toEqual([[['yield', WAITER]], [], []]);
  });

  it('that is abandoned serves all lines: nobody waits any more', () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = onTurn(nodes);
    nodes[0]?.answer(granted);
    started.abandon();
    for (const releases of given(nodes)) expect(releases).toEqual([['serve', undefined]]);
  });

  it('that has used up its validity gives its turn back', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = onTurn(nodes);
    clock.jump(988);
    for (const node of nodes) node.answer(granted);
    expect(await started.outcome).toBeInstanceOf(ValidityExhaustedError);
    expect(given(nodes)).toEqual([[['yield', WAITER]], [['serve', undefined]], [['serve', undefined]]]);
  });

  it('asks those that denied again, with the same token, and wins by that', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = onTurn(nodes);
    nodes[0]?.answer(granted);
    for (const node of nodes.slice(1)) node.answer(denied(500));
    expect(counts(nodes, 'grant')).toEqual([1, 2, 2]);
    expect(new Set(nodes.flatMap((node) => node.of('grant').map(({ ownerToken }) => ownerToken))).size).toBe(
      1,
    );
    nodes[1]?.answer(granted);
    expect(await started.outcome).toMatchObject({ t0: 1_000 });
    expect(counts(nodes, 'release')).toEqual([0, 0, 0]);
  });

  it('releases a node that granted when it was asked again, and one that has not answered yet', async () => {
    const nodes = scriptedNodes(5);
    const { attempt: started, clock } = onTurn(nodes);
    nodes[0]?.answer(granted);
    for (const node of nodes.slice(1)) node.answer(denied(500));
    expect(counts(nodes, 'grant')).toEqual([1, 2, 2, 2, 1]);
    nodes[1]?.answer(granted);
    clock.advance(100);
    await started.outcome;
    expect(counts(nodes, 'grant')).toEqual([1, 2, 2, 2, 2]);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1, 1, 1]);
  });

  it('fails when those that denied have denied three times', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = onTurn(nodes);
    nodes[0]?.answer(granted);
    for (let time = 0; time < 3; time++) for (const node of nodes.slice(1)) node.answer(denied(500));
    expect(await started.outcome).toBeInstanceOf(ResourceHeldError);
    expect(counts(nodes, 'grant')).toEqual([1, 3, 3]);
    expect(given(nodes)).toEqual([[['yield', WAITER]], [], []]);
  });
});

describe('an attempt after a hand-over', () => {
  it.each([
    ['failed', denied(500)],
    ['was refused', unreachable()],
  ])('that %s serves the lines of all nodes, as the last holder has not', async (_how, reply) => {
    const nodes = scriptedNodes(3, { grant: reply });
    const context = acquireContext(nodes, new ManualClock(1_000));
    await new Attempt(context, PLAN, askOrder(context), true).start().outcome;
    expect(given(nodes)).toEqual([[['serve', undefined]], [['serve', undefined]], [['serve', undefined]]]);
  });

  it('that is abandoned does so too', () => {
    const nodes = scriptedNodes(3, { grant: denied(500) });
    const context = acquireContext(nodes, new ManualClock(1_000));
    new Attempt(context, PLAN, askOrder(context), true).start().abandon();
    expect(given(nodes)).toEqual([[['serve', undefined]], [['serve', undefined]], [['serve', undefined]]]);
  });
});

describe('the error of an attempt', () => {
  it('that asked only the arbiter, which denied, is that it is held', async () => {
    const nodes = scriptedNodes(3);
    const context = acquireContext(nodes, new ManualClock(1_000));
    const { outcome } = new Attempt(
      context,
      PLAN,
      askOrder(context, { how: 'arbiter first', arbiter: 0 }),
    ).start();
    nodes[0]?.answer(denied(500));
    const error = await outcome;
    expect(error).toBeInstanceOf(ResourceHeldError);
    expect(counts(nodes, 'grant')).toEqual([1, 0, 0]);
  });

  it('of a held resource says for how long', async () => {
    const nodes = scriptedNodes(5);
    const { attempt: started } = attempt(nodes);
    for (const [index, remaining] of [700, 300, 500].entries()) nodes[index]?.answer(denied(remaining));
    const error = await started.outcome;
    expect(error).toBeInstanceOf(ResourceHeldError);
    // Three of five nodes must be free: with two that did not tell, all that did.
    expect(error).toMatchObject({
      code: 'RESOURCE_HELD',
      remaining: 700,
      message: expect.stringMatching(
        /^cannot lock "r", "s": held by another owner \(0 of 5 granted, 3 denied/,
      ),
    });
  });

  it('of a resource that is held without expiry says for ever', async () => {
    const nodes = scriptedNodes(1, { grant: denied(Number.POSITIVE_INFINITY) });
    expect(await attempt(nodes).attempt.outcome).toMatchObject({ remaining: Number.POSITIVE_INFINITY });
  });

  it('of a split vote counts the grants', async () => {
    const nodes = scriptedNodes(4);
    const { attempt: started } = attempt(nodes);
    for (const [index, node] of nodes.entries()) node.answer(index < 2 ? granted : denied(100 * index));
    expect(await started.outcome).toMatchObject({ code: 'RESOURCE_HELD', remaining: 200 });
  });

  it('of nodes in quarantine says for how long', async () => {
    const nodes = scriptedNodes(3, { grant: { kind: 'quarantined', remaining: 42.4 } });
    const error = await attempt(nodes).attempt.outcome;
    expect(error).toBeInstanceOf(NodesQuarantinedError);
    expect(error).toMatchObject({
      remaining: 42.4,
      message: expect.stringContaining('quarantined for 43 ms'),
    });
  });

  it('of misconfigured nodes names each of them with its reason', async () => {
    const nodes = scriptedNodes(3, { grant: { kind: 'unusable', why: 'it is a replica' } });
    const error = await attempt(nodes).attempt.outcome;
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect((error as Error).message).toContain('b unusable (it is a replica)');
    expect(error).toMatchObject({
      votes: ['a', 'b', 'c'].map((node) => ({ node, kind: 'unusable', why: 'it is a replica' })),
    });
  });

  it('of unreachable nodes names each of them with its cause', async () => {
    const nodes = scriptedNodes(3, { grant: unreachable(false, 'connect ECONNREFUSED') });
    const error = await attempt(nodes).attempt.outcome;
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect((error as Error).message).toContain('c unreachable (connect ECONNREFUSED)');
  });
});
