import { describe, expect, it } from 'vitest';
import { Redlock } from '../../src/index.ts';
import type { ReleaseRequest } from '../../src/node/lock-node.ts';
import { leaseOver } from '../support/lease-over.ts';
import { lockOver } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 500, owner: 'other' } as const;

/** For each node, whether its releases were to be told to those who wait. */
function announced(nodes: readonly ScriptedNode[]): (ReleaseRequest['announce'] | undefined)[][] {
  return nodes.map((node) => node.of('release').map(({ announce }) => announce));
}

describe('those who wait are told', () => {
  it('of a lock that is released', async () => {
    const { lock, nodes } = await lockOver(3);
    await lock.release();
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of a lock that expires', async () => {
    const { lock, nodes, clock } = await lockOver(3);
    await clock.advanceAsync(1_000);
    expect(lock.state).toBe('lost');
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of a lock that its Redlock gives up', async () => {
    const { redlock, nodes } = await lockOver(3);
    await redlock.close();
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of a lock that another owner has taken', async () => {
    const { lock, nodes, answerExtensions } = await lockOver(3);
    const extension = lock.extend().catch(() => {});
    answerExtensions({ kind: 'taken', remaining: 500 }, { kind: 'taken', remaining: 500 });
    await extension;
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of an attempt that was given up while it might have won', async () => {
    const nodes = scriptedNodes(3);
    const redlock = new Redlock(nodes, { clock: new ManualClock(), random: seededRandom(1) });
    const controller = new AbortController();
    const call = redlock.acquire('r', { signal: controller.signal }).catch(() => {});
    nodes[0]?.answer(granted);
    controller.abort();
    await call;
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of an attempt that got no answers in time: it may have been in the way of others', async () => {
    const nodes = scriptedNodes(3);
    const clock = new ManualClock();
    const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
    const call = redlock.tryAcquire('r').catch(() => {});
    nodes[0]?.answer(granted);
    await clock.advanceAsync(500);
    await call;
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of grants that came too late to be held', async () => {
    const nodes = scriptedNodes(3);
    const clock = new ManualClock();
    const redlock = new Redlock(nodes, { clock, random: seededRandom(1), ttl: 1_000, nodeTimeout: 900 });
    const call = redlock.tryAcquire('r').catch(() => {});
    clock.jump(990);
    for (const node of nodes) node.answer(granted);
    await call;
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });

  it('of grants with fencing counters that could not be confirmed', async () => {
    const nodes = scriptedNodes(3, { confirm: { kind: 'absent' } });
    const redlock = new Redlock(nodes, { clock: new ManualClock(), random: seededRandom(1) });
    const call = redlock.tryAcquire('r').catch(() => {});
    nodes.forEach((node, index) => node.answer({ kind: 'granted', counter: index }));
    await call;
    expect(announced(nodes)).toEqual([[true], [true], [true]]);
  });
});

describe('nobody is told', () => {
  it.each([
    ['others denied', denied],
    ['others could not be reached', unreachable(false)],
  ])('of an attempt that was refused: %s', async (_why, refusal) => {
    const nodes = scriptedNodes(3);
    const redlock = new Redlock(nodes, { clock: new ManualClock(), random: seededRandom(1) });
    const call = redlock.tryAcquire('r').catch(() => {});
    nodes[0]?.answer(granted);
    for (const node of nodes.slice(1)) node.answer(refusal);
    await call;
    expect(announced(nodes)[0]).toEqual([false]);
    expect(announced(nodes).flat()).not.toContain(true);
  });

  it('of a late grant to an attempt that was refused', async () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    for (const node of nodes) node.reorders = true;
    const taken = take();
    answerGrants(undefined, denied, denied);
    expect((await taken).verdict).toBe('held');
    lease.undo();
    answerGrants({ kind: 'granted' });
    await turn();
    expect(announced(nodes)[0]).toEqual([false, false]);
  });
});
