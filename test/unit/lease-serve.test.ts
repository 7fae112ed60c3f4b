import { describe, expect, it } from 'vitest';
import { Redlock } from '../../src/index.ts';
import type { ReleaseRequest, Waiter } from '../../src/node/lock-node.ts';
import { leaseOver, RESERVATION } from '../support/lease-over.ts';
import { lockOver } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 500, key: 'k', owner: 'other' } as const;
const WAITER: Waiter = { name: 'w', key: 'k', since: -5 };

/** For each node, what happened to the lines with its releases. */
function thens(nodes: readonly ScriptedNode[]): (ReleaseRequest['afterwards'] | undefined)[][] {
  return nodes.map((node) => node.of('release').map(({ afterwards }) => afterwards));
}

function tryLock(
  nodes: readonly ScriptedNode[],
  options = {},
): { clock: ManualClock; call: Promise<unknown> } {
  const clock = new ManualClock();
  const redlock = new Redlock(nodes, { clock, random: seededRandom(1), ...options });
  return { clock, call: redlock.tryAcquire('r').catch(() => {}) };
}

describe('those in line are served', () => {
  it('by a lock that is released', async () => {
    const { lock, nodes } = await lockOver(3);
    await lock.release();
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by a lock that expires', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    await clock.advanceAsync(1_000);
    expect(lock.state).toBe('lost');
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by a lock that its Redlock gives up', async () => {
    const { redlock, nodes } = await lockOver(3);
    await redlock.close();
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by a lock that another owner has taken', async () => {
    const { lock, nodes, answerExtensions } = await lockOver(3);
    const extension = lock.extend().catch(() => {});
    answerExtensions({ kind: 'taken', remaining: 500 }, { kind: 'taken', remaining: 500 });
    await extension;
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by an attempt that was given up while it might have won', async () => {
    const nodes = scriptedNodes(3);
    const redlock = new Redlock(nodes, { clock: new ManualClock(), random: seededRandom(1) });
    const controller = new AbortController();
    const call = redlock.acquire('r', { signal: controller.signal }).catch(() => {});
    nodes[0]?.answer(granted);
    controller.abort();
    await call;
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by an attempt that got no answers in time: the grant may have been executed', async () => {
    const nodes = scriptedNodes(3);
    const { clock, call } = tryLock(nodes);
    nodes[0]?.answer(granted);
    await clock.advanceAsync(500);
    await call;
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by grants that came too late to be held', async () => {
    const nodes = scriptedNodes(3);
    const { clock, call } = tryLock(nodes, { ttl: 1_000, nodeTimeout: 900 });
    clock.jump(990);
    for (const node of nodes) node.answer(granted);
    await call;
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('by grants with fencing counters that could not be confirmed', async () => {
    const nodes = scriptedNodes(3, { confirm: { kind: 'absent' } });
    const { call } = tryLock(nodes);
    nodes.forEach((node, index) => node.answer({ kind: 'granted', counter: index }));
    await call;
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it.each([
    ['others denied', denied],
    ['others could not be reached', unreachable(false)],
  ])('by an attempt that was refused, where it had a vote: %s', async (_why, refusal) => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    void take();
    answerGrants({ kind: 'granted' }, refusal, refusal);
    lease.undo();
    expect(thens(nodes)).toEqual([['serve'], [], []]);
  });

  it('by what a late grant leaves behind, where requests are reordered', async () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    for (const node of nodes) node.reorders = true;
    const taken = take();
    answerGrants(undefined, denied, denied);
    expect((await taken).verdict).toBe('held');
    lease.undo();
    answerGrants({ kind: 'granted' });
    await turn();
    expect(thens(nodes)[0]).toEqual(['serve', 'serve']);
  });
});

describe('a lease that hands its keys over', () => {
  it('serves no line', () => {
    const { lease, nodes, win } = leaseOver(3);
    win();
    lease.release(100, true);
    expect(thens(nodes)).toEqual([['hand over'], ['hand over'], ['hand over']]);
  });

  it('leaves a late grant to be served, where requests are reordered', () => {
    const { lease, nodes, win } = leaseOver(3, 2);
    for (const node of nodes) node.reorders = true;
    win();
    lease.release(100, true);
    nodes[2]?.answer({ kind: 'granted' }, 0);
    expect(thens(nodes)[2]).toEqual(['hand over', 'serve']);
  });
});

describe('a lease after a hand-over', () => {
  it('serves the lines of all nodes if it fails, whether or not it was asked for there', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3, 3, true);
    void take();
    answerGrants({ kind: 'granted' }, denied, unreachable(false));
    lease.undo();
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('serves them if it is undone before it has asked', () => {
    const { lease, nodes } = leaseOver(3, 3, true);
    lease.undo();
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it.each([
    ['has denied', denied],
    ['has certainly not executed its grant', unreachable(false)],
  ])('serves the line of a node that %s, also when it has been won', (_what, reply) => {
    const { lease, nodes, take, answerGrants } = leaseOver(3, 3, true);
    void take();
    answerGrants({ kind: 'granted' }, reply, { kind: 'granted' });
    lease.release(100);
    expect(thens(nodes)).toEqual([['serve'], ['serve'], ['serve']]);
  });
});

describe('a turn that is given back', () => {
  it('is given back at its node, and the lines of the others are served', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    void take();
    answerGrants({ kind: 'granted' }, { kind: 'granted' }, denied);
    lease.undo({ node: 1, waiter: WAITER });
    expect(thens(nodes)).toEqual([['serve'], ['yield'], []]);
    expect(nodes.map((node) => node.of('release')[0]?.waiter)).toEqual([undefined, WAITER, undefined]);
  });

  it('is not given back where nothing can be', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    void take();
    answerGrants({ kind: 'granted' }, denied, denied);
    lease.undo({ node: 1, waiter: WAITER });
    expect(thens(nodes)).toEqual([['serve'], [], []]);
  });
});

it('every release says for how long to reserve what it frees', () => {
  const { lease, nodes, win } = leaseOver(3);
  win();
  lease.undo({ node: 1, waiter: WAITER });
  for (const node of nodes) expect(node.of('release')[0]?.reservation).toBe(RESERVATION);
});
