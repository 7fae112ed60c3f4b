import { describe, expect, it } from 'vitest';
import { arbitersOf } from '../../src/acquire/arbiter.ts';
import { QuorumUnreachableError, Redlock } from '../../src/index.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const NODE_TIMEOUT = 500;
/** How long a silent node is waited for by those who split the votes is drawn between half of this and all, in ms. */
const HEDGE = NODE_TIMEOUT / 10;
const granted = { kind: 'granted', counter: 7 } as const;

function deniedBy(owner: string) {
  return { kind: 'denied', remaining: 60_000, owner } as const;
}

/** A call that `A` kept out on all nodes, and that sleeps for seconds; the test answers what it asks next. Nodes are numbered with the arbiter first. */
async function contending(count: number, acquireTimeout = Number.POSITIVE_INFINITY, pause = 10_000) {
  const all = scriptedNodes(count, { grant: deniedBy('A') });
  const clock = new ManualClock(1_000);
  const redlock = new Redlock(all, { clock, random: seededRandom(1), nodeTimeout: NODE_TIMEOUT });
  const call = redlock.acquire('r', {
    acquireTimeout,
    retry: { minTimeout: pause, maxTimeout: pause },
  });
  call.catch(() => {});
  await turn();
  for (const node of all) delete node.atOnce.grant;
  const names = all.map(({ name }) => name);
  const nodes = arbitersOf('r', names).map((index) => all[index] as ScriptedNode);
  const released = async (index: number, owner: string): Promise<void> => {
    for (const listener of nodes[index]?.listeners ?? []) listener.released(owner);
    await turn();
  };
  /** Answers the attempt that is under way, the arbiter before the others are asked. */
  const answer = async (...replies: GrantReply[]): Promise<void> => {
    for (const [index, reply] of replies.entries()) {
      nodes[index]?.of('grant').at(-1)?.deliver(reply);
      await turn();
    }
  };
  const before = counts(nodes, 'grant');
  const asked = (): number[] => counts(nodes, 'grant').map((grants, index) => grants - (before[index] ?? 0));
  return { clock, nodes, call, released, answer, asked };
}

describe('a call behind a node that always says that its key is about to expire', () => {
  it.each([1, 3])('asks it less and less often (%d nodes)', async (count) => {
    let denials = 0;
    const nodes = scriptedNodes(count, { release: { kind: 'released' } });
    for (const node of nodes)
      Object.defineProperty(node.atOnce, 'grant', {
        get: () => ({ kind: 'denied', remaining: 0, owner: ownerOf(`${denials++}`) }),
      });
    const clock = new ManualClock(1_000);
    const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
    const call = redlock.acquire('r', { acquireTimeout: 10_000 });
    call.catch(() => {});
    await clock.advanceAsync(10_000);
    expect(await rejectionOf(call)).toHaveProperty('code', 'ACQUIRE_TIMEOUT');
    expect(nodes[0]?.of('grant').length).toBeGreaterThan(10);
    expect(nodes[0]?.of('grant').length).toBeLessThan(40);
  });
});

describe('a call whose time is up while somebody is faster at the arbiter', () => {
  it('tells why the last attempt failed that asked all nodes', async () => {
    const { clock, call, released, answer, asked } = await contending(3, 1_000);
    await clock.advanceAsync(990);
    await released(0, 'A');
    await answer(deniedBy('B'));
    await clock.advanceAsync(10);
    expect(asked()).toEqual([1, 0, 0]);
    expect(await rejectionOf(call)).toMatchObject({
      code: 'ACQUIRE_TIMEOUT',
      cause: { code: 'RESOURCE_HELD', votes: [{ kind: 'denied' }, { kind: 'denied' }, { kind: 'denied' }] },
    });
  });

  it('tells of that one, not of an earlier one', async () => {
    const { clock, call, released, answer, asked } = await contending(3, 1_000);
    await clock.advanceAsync(990);
    await released(0, 'A');
    await answer(unreachable(), unreachable(), unreachable());
    await released(0, 'A');
    await answer(deniedBy('B'));
    await clock.advanceAsync(10);
    expect(asked()).toEqual([2, 1, 1]);
    expect(await rejectionOf(call)).toHaveProperty('cause', expect.any(QuorumUnreachableError));
  });

  it('tells of the last one if that has asked all nodes after the hedge', async () => {
    const { clock, call, released, answer } = await contending(3, 1_000);
    await clock.advanceAsync(900);
    await released(0, 'A');
    await answer(deniedBy('B'));
    await clock.advanceAsync(HEDGE);
    await clock.advanceAsync(50);
    expect(await rejectionOf(call)).toHaveProperty('cause', expect.any(QuorumUnreachableError));
  });
});

it('a call whose attempt was decided by whoever was faster pauses for that, not for what came before', async () => {
  const { clock, released, answer, asked } = await contending(3, Number.POSITIVE_INFINITY, 50);
  const quarantined = { kind: 'quarantined', remaining: 9_000 } as const;
  await released(0, 'A');
  await answer(deniedBy('B'));
  await clock.advanceAsync(HEDGE);
  await answer(deniedBy('B'), quarantined, quarantined);
  await released(1, 'Z');
  await clock.advanceAsync(5);
  await answer(deniedBy('B'), deniedBy('Y'));
  expect(asked()).toEqual([2, 2, 1]);
  await clock.advanceAsync(100);
  expect(asked()[0]).toBe(3);
});

/** Once it has half of the votes that are in, and `X` the other half; the fifth node is silent. */
async function split() {
  const waiting = await contending(5);
  await waiting.released(0, 'A');
  await waiting.answer(granted, granted, deniedBy('X'), deniedBy('X'));
  expect(waiting.asked()).toEqual([1, 1, 1, 1, 1]);
  return waiting;
}

describe('a call that has split the votes with another, while one node is silent', () => {
  it('tries again as soon as the other has let go', async () => {
    const { clock, nodes, call, released, answer, asked } = await split();
    await clock.advanceAsync(HEDGE);
    for (const node of [2, 3]) await released(node, 'X');
    expect(counts(nodes, 'release')).toEqual([1, 1, 0, 0, 1]);
    expect(asked()).toEqual([2, 1, 1, 1, 1]);
    await answer(granted, granted, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('tries again after the hedge if the other has let go before', async () => {
    const { clock, released, asked } = await split();
    await clock.advanceAsync(HEDGE / 2 - 1);
    for (const node of [2, 3]) await released(node, 'X');
    expect(asked()).toEqual([1, 1, 1, 1, 1]);
    await clock.advanceAsync(HEDGE / 2 + 1);
    expect(asked()).toEqual([2, 1, 1, 1, 1]);
  });

  it('gives the silent node as long as an arbiter first', async () => {
    const { clock, nodes, call, released, asked } = await split();
    await clock.advanceAsync(HEDGE / 2 - 1);
    for (const node of [2, 3]) await released(node, 'X');
    expect(counts(nodes, 'release')).toEqual([0, 0, 0, 0, 0]);
    expect(asked()).toEqual([1, 1, 1, 1, 1]);
    nodes[4]?.of('grant').at(-1)?.deliver(granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('waits on while the other keeps a quorum from it', async () => {
    const waiting = await contending(5);
    const { clock, nodes, released, answer, asked } = waiting;
    await released(0, 'A');
    await answer(granted, deniedBy('X'), deniedBy('X'));
    await clock.advanceAsync(HEDGE);
    await released(1, 'X');
    expect(counts(nodes, 'release')).toEqual([0, 0, 0, 0, 0]);
    expect(asked()).toEqual([1, 1, 1, 1, 1]);
  });
});

/** Once a quorum has granted, and its fencing token has not been confirmed in time. */
async function unconfirmed() {
  const waiting = await contending(3);
  const { clock, released, answer, nodes } = waiting;
  await released(0, 'A');
  await answer(granted, { ...granted, counter: 9 }, granted);
  expect(counts(nodes, 'confirm')).toEqual([1, 0, 0]);
  await clock.advanceAsync(NODE_TIMEOUT);
  expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  return waiting;
}

describe('a call whose attempt met nobody, and failed all the same', () => {
  it('sleeps', async () => {
    const { clock, asked, call } = await unconfirmed();
    await clock.advanceAsync(4_900);
    expect(asked()).toEqual([1, 1, 1]);
    expect(await peek(call)).toBe('pending');
  });

  it('tries again at once when somebody else is released', async () => {
    const { released, asked, answer, call } = await unconfirmed();
    await released(1, 'X');
    expect(asked()).toEqual([2, 1, 1]);
    await answer(granted, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('is not woken by the message that its own attempt was undone', async () => {
    const { clock, nodes, released, asked } = await unconfirmed();
    const ownerToken = nodes[0]?.of('grant').at(-1)?.ownerToken ?? '';
    for (const node of [0, 1, 2]) await released(node, ownerOf(ownerToken));
    await clock.advanceAsync(4_900);
    expect(asked()).toEqual([1, 1, 1]);
  });
});
