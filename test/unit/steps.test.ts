import { beforeEach, describe, expect, it } from 'vitest';
import type { AcquireContext } from '../../src/acquire/acquire-context.ts';
import { AcquireLoop, type AcquirePlan } from '../../src/acquire/acquire-loop.ts';
import { Steps } from '../../src/acquire/steps.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { acquireContext } from '../support/acquire-context.ts';
import { DEAD, releasedBy, takenBy, takenByTheDead } from '../support/attempts.ts';
import { linesAt, noLines } from '../support/line-at.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { tokenOf } from '../support/token.ts';

const TTL = 3_000;

let clock: ManualClock;
let nodes: readonly MemoryNode[];
let context: AcquireContext;

beforeEach(() => {
  clock = new ManualClock(1_000);
  nodes = createMemoryNodes(3, { clock });
  context = acquireContext(nodes, clock);
});

function steps(keys: string[], plan: Partial<AcquirePlan> = {}): Steps {
  const whole: AcquirePlan = {
    resources: keys,
    keys,
    ttl: TTL,
    driftFactor: 0.01,
    lockDelay: 0,
    nodeTimeout: 100,
    maxHoldTime: Number.POSITIVE_INFINITY,
    fencing: true,
    label: undefined,
    acquireTimeout: 60_000,
    deadline: clock.now() + 60_000,
    retry: { retries: Number.POSITIVE_INFINITY, factor: 1, minTimeout: 50, maxTimeout: 50, randomize: false },
    ...plan,
  };
  return new Steps(context, whole, (one) => new AcquireLoop(context, one));
}

/** The keys that each node has, sorted. */
function keys(): string[][] {
  return nodes.map((node) => node.keys().sort());
}

describe('keys that are taken one after the other', () => {
  it('are all held in the end, each for itself', async () => {
    const all = steps(['b', 'a']);
    await all.run();
    expect(keys()).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('are taken in the order of their names, and the first ones are held meanwhile', async () => {
    takenByTheDead(nodes, 'b', 60_000);
    const all = steps(['c', 'b', 'a']);
    const run = all.run();
    await clock.advanceAsync(10);
    for (const held of keys()) expect(held).toEqual(['a', 'b']);
    expect(await linesAt(nodes.slice(0, 1), 'c')).toEqual(noLines(1));
    releasedBy(nodes, 'b', DEAD);
    expect(await peek(run)).toMatchObject({ status: 'fulfilled' });
    for (const held of keys()) expect(held).toEqual(['a', 'b', 'c']);
  });

  it('are waited for without end if none is held yet, and else as long as they change hands', async () => {
    takenByTheDead(nodes, 'a', 60_000);
    takenByTheDead(nodes, 'b', 60_000);
    const all = steps(['a', 'b']);
    const run = all.run();
    await clock.advanceAsync(5_000);
    expect(await peek(run)).toBe('pending');
    releasedBy(nodes, 'a', DEAD);
    await clock.advanceAsync(990);
    // Others get the lock that this one waits for, one after the other.
    for (let owner = 2; owner < 7; owner++) {
      releasedBy(nodes, 'b', owner === 2 ? DEAD : tokenOf(0, owner - 1), 'hand over');
      takenBy(tokenOf(0, owner), nodes, 'b', 60_000);
      await clock.advanceAsync(990);
      expect(await peek(run)).toBe('pending');
    }
    await clock.advanceAsync(1_500);
    expect(await peek(run)).toMatchObject({ status: 'rejected' });
    expect(all.isStuck).toBe(true);
    all.end();
    await turn();
    for (const held of keys()) expect(held).toEqual(['b']);
  });

  it('are extended one round at a time', async () => {
    takenByTheDead(nodes, 'b', 60_000);
    void steps(['a', 'b'], { nodeTimeout: TTL })
      .run()
      .catch(() => {});
    await clock.advanceAsync(10);
    let extensions = 0;
    for (const node of nodes)
      node.extend = () => {
        extensions++;
      };
    await clock.advanceAsync((2 * TTL) / 3);
    expect(extensions).toBe(nodes.length);
  });

  it('are handed over without serving a line', async () => {
    const all = steps(['a', 'b']);
    await all.run();
    const thens: string[] = [];
    for (const node of nodes) {
      const release = node.release.bind(node);
      node.release = (request, deliver) => {
        thens.push(`${request.keys.join()} ${request.afterwards}`);
        release(request, deliver);
      };
    }
    all.handOver();
    await turn();
    expect(keys()).toEqual([[], [], []]);
    expect(new Set(thens)).toEqual(new Set(['a hand over', 'b hand over']));
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });

  it('are given back when nobody wants them any more', async () => {
    takenByTheDead(nodes, 'b', 60_000);
    const all = steps(['a', 'b']);
    const run = rejectionOf(all.run());
    await clock.advanceAsync(10);
    all.end();
    await run;
    await turn();
    for (const held of keys()) expect(held).toEqual(['b']);
    releasedBy(nodes, 'b', DEAD);
    for (const key of ['a', 'b']) expect(await linesAt(nodes, key)).toEqual(noLines(3));
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });

  it('are given back, and no more are taken, whenever that is', async () => {
    takenByTheDead(nodes, 'c', 3_600_000);
    for (let microtasks = 0; microtasks < 100; microtasks++) {
      const all = steps(['a', 'b', 'c']);
      const run = all.run().catch(() => {});
      for (let i = 0; i < microtasks; i++) await Promise.resolve();
      all.end();
      await turn();
      expect(await peek(run)).not.toBe('pending');
      for (const held of keys()) expect(held).toEqual(['c']);
    }
    releasedBy(nodes, 'c', DEAD);
    for (const key of ['a', 'b', 'c']) expect(await linesAt(nodes, key)).toEqual(noLines(3));
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });

  it('are given back when the time of one of them is up', async () => {
    takenByTheDead(nodes, 'b', 60_000);
    const all = steps(['a', 'b'], { acquireTimeout: 200, deadline: clock.now() + 200 });
    const run = rejectionOf(all.run());
    await clock.advanceAsync(200);
    expect(await run).toMatchObject({ code: 'ACQUIRE_TIMEOUT' });
    all.end();
    await turn();
    for (const held of keys()) expect(held).toEqual(['b']);
    expect(await linesAt(nodes, 'b')).toEqual(noLines(3));
  });
});
