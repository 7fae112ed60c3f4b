import { describe, expect, it } from 'vitest';
import { type Lock, Redlock } from '../../src/index.ts';
import type { ReleaseRequest } from '../../src/node/lock-node.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 60_000, owner: 'other' } as const;
const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** A process that holds `r`; what its next attempt is answered, the test says. */
async function holding(): Promise<{
  nodes: ScriptedNode[];
  clock: ManualClock;
  redlock: Redlock;
  lock: Lock;
}> {
  const nodes = scriptedNodes(3, { grant: granted, release: { kind: 'released' } });
  const clock = new ManualClock(1_000);
  const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
  const lock = await redlock.acquire('r');
  for (const node of nodes) delete node.atOnce.grant;
  return { nodes, clock, redlock, lock };
}

/** For each node, which releases were told to those who wait. */
function told(nodes: readonly ScriptedNode[]): (ReleaseRequest['announce'] | undefined)[][] {
  return nodes.map((node) => node.of('release').map(({ announce }) => announce));
}

describe('a lock that is handed on within its process', () => {
  it('is not told to others: they could not get it', async () => {
    const { nodes, redlock, lock } = await holding();
    const heir = redlock.acquire('r');
    void lock.release();
    for (const node of nodes) node.answer(granted);
    await heir;
    expect(told(nodes)).toEqual([['late'], ['late'], ['late']]);
  });

  it('is told when nobody waits for it in the process', async () => {
    const { nodes, lock } = await holding();
    void lock.release();
    expect(told(nodes)).toEqual([[true], [true], [true]]);
  });

  it('is told when those who waited have gone', async () => {
    const { nodes, redlock, lock } = await holding();
    const controller = new AbortController();
    const heir = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    controller.abort();
    void lock.release();
    await heir;
    expect(told(nodes)).toEqual([[true], [true], [true]]);
  });

  it('is told when the one who waits wants more than it', async () => {
    const { nodes, redlock, lock } = await holding();
    redlock.acquire(['r', 's']).catch(() => {});
    void lock.release();
    expect(told(nodes)).toEqual([[true], [true], [true]]);
  });

  it.each([
    ['is refused', denied],
    ['cannot reach the nodes', unreachable()],
    ['gets no answer', unreachable(true)],
  ])('is told after all when its heir %s', async (_why, reply) => {
    const { nodes, redlock, lock } = await holding();
    const heir = redlock.acquire('r', FOREVER);
    heir.catch(() => {});
    void lock.release();
    nodes[0]?.answer(granted);
    for (const node of nodes.slice(1)) node.answer(reply);
    await turn();
    // Also by nodes on which it has nothing to delete.
    expect(told(nodes)).toEqual([
      ['late', 'gone'],
      ['late', 'gone'],
      ['late', 'gone'],
    ]);
  });

  it('is told after all when its heir is not wanted any more', async () => {
    const { nodes, redlock, lock } = await holding();
    const controller = new AbortController();
    const heir = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    void lock.release();
    controller.abort();
    await heir;
    expect(told(nodes)).toEqual([
      ['late', 'gone'],
      ['late', 'gone'],
      ['late', 'gone'],
    ]);
  });

  it('is told after all when its Redlock is closed before the heir has it', async () => {
    const { nodes, redlock, lock } = await holding();
    const heir = rejectionOf(redlock.acquire('r'));
    void lock.release();
    await redlock.close();
    await heir;
    expect(told(nodes).map((releases) => releases.at(-1))).toEqual(['gone', 'gone', 'gone']);
  });

  it('is told each time when it was lost', async () => {
    const { nodes, redlock, clock } = await holding();
    redlock.acquire('r', FOREVER).catch(() => {});
    await clock.advanceAsync(10_000);
    expect(told(nodes)[0]?.[0]).toBe(true);
  });
});

describe('another process that waits for it', () => {
  it('gets it as soon as nobody of that process wants it any more', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const locks = [redlock.acquire('r'), redlock.acquire('r'), redlock.acquire('r')];
    await locks[0];
    const waiting = another().acquire('r', FOREVER);
    await clock.advanceAsync(1_000);
    for (const lock of locks) {
      expect(await peek(waiting)).toBe('pending');
      await (await lock).release();
    }
    expect(await peek(waiting)).toMatchObject({ value: { state: 'held' } });
  });

  it('gets it as soon as the heir has given up', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const lock = await redlock.acquire('r');
    const controller = new AbortController();
    const heir = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    const waiting = another().acquire('r', FOREVER);
    await clock.advanceAsync(1_000);
    void lock.release();
    controller.abort();
    await heir;
    await clock.advanceAsync(5);
    expect(await peek(waiting)).toMatchObject({ value: { state: 'held' } });
  });
});
