import { describe, expect, it } from 'vitest';
import { QuorumUnreachableError, Redlock } from '../../src/index.ts';
import { ownerOf } from '../../src/node/owner.ts';
import {
  calling,
  deniedBy,
  granted,
  HEDGE,
  type InLine,
  NODE_TIMEOUT,
  place,
  standing,
} from '../support/in-line.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

describe('a call behind a node that always says that its key is about to expire', () => {
  it.each([1, 3])('asks it less and less often (%d nodes)', async (count) => {
    let denials = 0;
    const nodes = scriptedNodes(count, { release: { kind: 'released' } });
    for (const node of nodes)
      Object.defineProperty(node.atOnce, 'grant', {
        get: () => ({ kind: 'denied', remaining: 0, key: 'r', owner: ownerOf(`${denials++}`) }),
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

describe('a call whose time is up in line', () => {
  it('tells why the last attempt failed that asked all nodes', async () => {
    const { clock, call, asked } = await standing(3, 99, { acquireTimeout: 1_000 });
    await clock.advanceAsync(1_000);
    expect(asked()).toEqual([0, 0, 0]);
    expect(await rejectionOf(call)).toMatchObject({
      code: 'ACQUIRE_TIMEOUT',
      cause: { code: 'RESOURCE_HELD', votes: [{ kind: 'denied' }, { kind: 'denied' }, {}] },
    });
  });

  it('tells of that one, not of an earlier one', async () => {
    const { clock, call, asked, tell, answer } = await standing(3, 99, { acquireTimeout: 1_000 });
    await clock.advanceAsync(990);
    await tell(0, 'turn');
    await answer(2, deniedBy('A'));
    await answer(0, unreachable());
    await answer(1, unreachable());
    await tell(2, 'live');
    await answer(2, deniedBy('B', place(0)));
    await clock.advanceAsync(10);
    expect(asked()).toEqual([1, 1, 2]);
    expect(await rejectionOf(call)).toHaveProperty('cause', expect.any(QuorumUnreachableError));
  });

  it('tells of the last one if that has asked all nodes after the hedge', async () => {
    const { clock, call, tell } = await standing(3, 99, { acquireTimeout: 1_000 });
    await clock.advanceAsync(900);
    await tell(0, 'live');
    await clock.advanceAsync(100);
    expect(await rejectionOf(call)).toHaveProperty('cause', expect.any(QuorumUnreachableError));
  });

  it('tells of an earlier one if nodes had less time for the last than an arbiter has', async () => {
    const { clock, call, tell } = await standing(3, 99, { acquireTimeout: 1_000 });
    await clock.advanceAsync(1_000 - HEDGE - 5);
    await tell(0, 'live');
    await clock.advanceAsync(HEDGE + 5);
    expect(await rejectionOf(call)).toHaveProperty('cause.code', 'RESOURCE_HELD');
  });
});

/** Once a quorum has granted, and its fencing token has not been confirmed in time. */
async function unconfirmed(): Promise<InLine> {
  const waiting = calling(3);
  const { clock, answer, nodes } = waiting;
  await answer(0, granted);
  await answer(1, { kind: 'granted', counter: 9 });
  await answer(2, granted);
  expect(counts(nodes, 'confirm')).toEqual([1, 0, 0]);
  await clock.advanceAsync(NODE_TIMEOUT);
  expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  return waiting;
}

describe('a call whose attempt met nobody, and failed all the same', () => {
  it('pauses as its options say, in no line', async () => {
    const { clock, asked, call, nodes } = await unconfirmed();
    await clock.advanceAsync(9_999);
    expect(asked()).toEqual([1, 1, 1]);
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([0, 0, 0]);
    await clock.advanceAsync(1);
    expect(asked().reduce((sum, each) => sum + each)).toBe(4);
    expect(await peek(call)).toBe('pending');
  });

  it('gives its turn back, if it had one', async () => {
    const { answer, given, tell, clock } = await standing(3);
    await tell(0, 'turn');
    await answer(0, granted);
    await answer(1, { kind: 'granted', counter: 9 });
    await clock.advanceAsync(NODE_TIMEOUT);
    expect(given()).toEqual([['yield'], ['serve'], ['serve']]);
  });
});
