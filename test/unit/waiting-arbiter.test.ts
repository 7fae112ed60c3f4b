import { describe, expect, it } from 'vitest';
import { arbitersOf } from '../../src/acquire/arbiter.ts';
import { HEAD_START } from '../../src/acquire/contender.ts';
import { MOST_HAND_OVERS } from '../../src/acquire/queues.ts';
import { type Lock, Redlock, type RedlockOptions } from '../../src/index.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const [ARBITER = 0, SECOND = 0, THIRD = 0] = arbitersOf('r', ['a', 'b', 'c']);
const NODE_TIMEOUT = 500;

function deniedBy(owner: string) {
  return { kind: 'denied', remaining: 60_000, owner } as const;
}

function at(nodes: readonly ScriptedNode[], index: number): ScriptedNode {
  return nodes[index] as ScriptedNode;
}

/** What is asked from now on, as the names of the nodes in order. */
function askedSince(nodes: readonly ScriptedNode[]): () => number[] {
  const before = counts(nodes, 'grant');
  return () => counts(nodes, 'grant').map((count, index) => count - (before[index] ?? 0));
}

/** Only that node. */
function only(index: number): number[] {
  return [0, 1, 2].map((node) => (node === index ? 1 : 0));
}

/** A call that has been denied by `A` everywhere, and sleeps; the test answers what it asks next. */
async function contending(options: RedlockOptions = {}) {
  const nodes = scriptedNodes(3, { grant: deniedBy('A') });
  const clock = new ManualClock(1_000);
  const redlock = new Redlock(nodes, {
    clock,
    random: seededRandom(1),
    nodeTimeout: NODE_TIMEOUT,
    ...options,
  });
  const call = redlock.acquire('r', {
    acquireTimeout: Number.POSITIVE_INFINITY,
    retry: { minTimeout: 10_000, maxTimeout: 10_000 },
  });
  await turn();
  for (const node of nodes) delete node.atOnce.grant;
  const released = async (index: number, owner: string): Promise<void> => {
    for (const listener of at(nodes, index).listeners) listener.released(owner);
    await turn();
  };
  const answer = async (index: number, reply: Parameters<ScriptedNode['answer']>[0]): Promise<void> => {
    at(nodes, index).of('grant').at(-1)?.deliver(reply);
    await turn();
  };
  return { nodes, clock, redlock, call, released, answer, asked: askedSince(nodes) };
}

describe('a contender that is called', () => {
  it('asks the arbiter first, and the others once that has granted', async () => {
    const { call, released, answer, asked } = await contending();
    await released(ARBITER, 'A');
    expect(asked()).toEqual(only(ARBITER));
    await answer(ARBITER, granted);
    expect(asked()).toEqual([1, 1, 1]);
    await answer(SECOND, granted);
    expect((await call).state).toBe('held');
  });

  it('counts validity from its request to the arbiter', async () => {
    const { call, released, answer, clock } = await contending({ ttl: 1_000, nodeTimeout: 100 });
    await released(ARBITER, 'A');
    clock.advance(4);
    await answer(ARBITER, granted);
    clock.advance(4);
    await answer(SECOND, granted);
    expect((await call).remaining()).toBe(1_000 - 12 - 8);
  });

  it('does not wait for a silent arbiter longer than a tenth of nodeTimeout', async () => {
    const { released, asked, clock } = await contending();
    await released(ARBITER, 'A');
    clock.advance(NODE_TIMEOUT / 20 - 1);
    expect(asked()).toEqual(only(ARBITER));
    clock.advance(NODE_TIMEOUT / 20 + 1);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('goes on at once where the arbiter cannot be reached', async () => {
    const { released, answer, asked } = await contending();
    await released(ARBITER, 'A');
    await answer(ARBITER, unreachable());
    expect(asked()[SECOND]).toBe(1);
    await answer(SECOND, granted);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('goes on at once where the arbiter still has whom it had before: its vote may be stale', async () => {
    const { released, answer, asked, call } = await contending();
    for (const node of [SECOND, THIRD]) await released(node, 'A');
    await turn();
    await answer(ARBITER, deniedBy('A'));
    await answer(SECOND, granted);
    await answer(THIRD, granted);
    expect(asked()).toEqual([1, 1, 1]);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('leaves the others alone where somebody was faster, until the hedge', async () => {
    const { released, answer, asked, clock } = await contending();
    await released(ARBITER, 'A');
    await answer(ARBITER, deniedBy('B'));
    expect(asked()).toEqual(only(ARBITER));
    await clock.advanceAsync(NODE_TIMEOUT / 10);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('tries again at once when the one who was faster lets go', async () => {
    const { released, answer, asked, call } = await contending();
    await released(ARBITER, 'A');
    await answer(ARBITER, deniedBy('B'));
    await released(ARBITER, 'B');
    expect(asked()[ARBITER]).toBe(2);
    expect(asked()[SECOND]).toBe(0);
    await answer(ARBITER, granted);
    await answer(SECOND, granted);
    expect((await call).state).toBe('held');
  });

  it('does not let another node’s message interrupt an attempt', async () => {
    const { released, answer, asked } = await contending();
    await released(ARBITER, 'A');
    await answer(ARBITER, deniedBy('B'));
    await released(SECOND, 'B');
    expect(asked()).toEqual(only(ARBITER));
  });
});

/** A process that has had to wait for `r`, on nodes that would grant it now. */
async function afterContention(): Promise<{
  nodes: ScriptedNode[];
  clock: ManualClock;
  redlock: Redlock;
  lock: Lock;
}> {
  const { nodes, clock, redlock, call, released, answer } = await contending();
  await released(ARBITER, 'A');
  await answer(ARBITER, granted);
  await answer(SECOND, granted);
  await answer(THIRD, granted);
  const lock = await call;
  for (const node of nodes) node.atOnce.release = { kind: 'released' };
  return { nodes, clock, redlock, lock };
}

describe('a key that others were in the way of lately', () => {
  it('is asked of the arbiter first, also by the first attempt', async () => {
    const { nodes, redlock, lock } = await afterContention();
    await lock.release();
    const asked = askedSince(nodes);
    redlock.acquire('r').catch(() => {});
    await turn();
    expect(asked()).toEqual(only(ARBITER));
  });

  it('is asked of all at once when a while has passed', async () => {
    const { nodes, redlock, lock, clock } = await afterContention();
    await lock.release();
    await clock.advanceAsync(5_000);
    const asked = askedSince(nodes);
    redlock.acquire('r').catch(() => {});
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('is asked of all at once by a single attempt, and by the next call of the process that holds it', async () => {
    const { nodes, redlock, lock } = await afterContention();
    const asked = askedSince(nodes);
    redlock.acquire('r').catch(() => {});
    void lock.release();
    expect(asked()).toEqual([1, 1, 1]);
    void redlock.tryAcquire('r').catch(() => {});
    expect(asked()).toEqual([2, 2, 2]);
  });

  it('makes other keys no more contested', async () => {
    const { nodes, redlock } = await afterContention();
    const asked = askedSince(nodes);
    redlock.acquire('another').catch(() => {});
    expect(asked()).toEqual([1, 1, 1]);
  });
});

describe('a call that leads after many hand-overs', () => {
  it('stands back, and then asks the arbiter first', async () => {
    const nodes = scriptedNodes(3, { grant: granted, release: { kind: 'released' } });
    const clock = new ManualClock(1_000);
    const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
    const calls = Array.from({ length: MOST_HAND_OVERS + 2 }, () => redlock.acquire('r'));
    for (const call of calls.slice(0, MOST_HAND_OVERS)) await (await call).release();
    const last = await (calls[MOST_HAND_OVERS] as Promise<Lock>);
    for (const node of nodes) delete node.atOnce.grant;
    const asked = askedSince(nodes);
    await last.release();
    await clock.advanceAsync(HEAD_START - 1);
    expect(asked()).toEqual([0, 0, 0]);
    await clock.advanceAsync(1);
    expect(asked()).toEqual(only(ARBITER));
  });
});

describe('a lock of its own process that was got beside the queue', () => {
  it('calls who waits when it ends', async () => {
    const { nodes, redlock, call, asked } = await contending();
    for (const node of nodes) Object.assign(node.atOnce, { grant: granted, release: { kind: 'released' } });
    const lock = await redlock.tryAcquire('r');
    expect(await peek(call)).toBe('pending');
    await lock?.release();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(asked()).toEqual([2, 2, 2]);
  });
});
