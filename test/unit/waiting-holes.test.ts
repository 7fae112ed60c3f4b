import { describe, expect, it } from 'vitest';
import type { AcquireOptions, Lock, Redlock } from '../../src/index.ts';
import type { LockNode } from '../../src/node/lock-node.ts';
import { DEAD, releasedBy, takenByTheDead } from '../support/attempts.ts';
import { denied, deniedBy, granted, place, reserved, standing } from '../support/in-line.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

const FOREVER: AcquireOptions = { acquireTimeout: Number.POSITIVE_INFINITY };
const RESERVATION = 30;

/** Sets the key at one node, as an attempt does that has one vote so far. */
function voteOf(node: LockNode | undefined, ownerToken: string): void {
  node?.grant({ keys: ['r'], ownerToken, ttl: 60_000, wanted: () => true }, () => {});
}

/**
 * Each of these is a sequence of events after which the key was free, a waiter alive, and nothing on its way in some version of the
 * protocol.
 */
describe('a waiter is not forgotten', () => {
  it('when the vote that denied it is rolled back by an attempt that did not wait', async () => {
    const { redlock, nodes, clock } = memoryRedlock(1);
    voteOf(nodes[0], DEAD);
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(5);
    expect(await peek(call)).toBe('pending');
    releasedBy(nodes, 'r', DEAD);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('when it is told that it is next before it is told that it has to wait', async () => {
    const { tell, answer, asked, clock, call } = await denied(3);
    await tell(0, 'live');
    await tell(0, 'next');
    // The one before it has a reservation, which denied this, and dies.
    await answer(0, reserved(600, place(0)));
    await clock.advanceAsync(RESERVATION + 5);
    expect(asked()).toEqual([2, 0, 0]);
    await answer(0, granted);
    await answer(1, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('when those that have not executed the last release yet deny its turn: they are no holder', async () => {
    const { tell, answer, asked, call, clock } = await standing(3);
    await tell(0, 'turn');
    await answer(0, granted);
    const now = clock.now();
    // They still have what denied it before.
    await answer(1, deniedBy('A'));
    await answer(2, deniedBy('A'));
    expect(asked()).toEqual([1, 2, 2]);
    await answer(1, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
  });

  it('when its own failed turn is rolled back late: it has given the turn back before it stands again', async () => {
    const { nodes, tell, answer, given, clock } = await standing(3);
    await tell(0, 'turn');
    await answer(0, granted);
    for (let time = 0; time < 3; time++) for (const node of [1, 2]) await answer(node, deniedBy('B'));
    expect(given()).toEqual([['yield'], [], []]);
    await clock.advanceAsync(10);
    const verbs = nodes[0]?.requests.slice(-3).map(({ verb, afterwards }) => afterwards ?? verb);
    expect(verbs).toEqual(['grant', 'yield', 'grant']);
    const [turn, retry] = nodes[0]?.of('grant').slice(-2) ?? [];
    expect(turn?.ownerToken).not.toBe(retry?.ownerToken);
  });

  it('and does not go round in circles when leftover votes elsewhere fail the turns of all', async () => {
    const { redlock, another, nodes, clock } = memoryRedlock(2);
    // The key's arbiter is the first of the two.
    takenByTheDead(nodes.slice(1), 'r', 3_000);
    let asked = 0;
    for (const node of nodes) {
      const grant = node.grant.bind(node);
      node.grant = (claim, deliver) => {
        asked++;
        grant(claim, deliver);
      };
    }
    const calls = [redlock, another(), another()].map((each) => each.acquire('r', FOREVER));
    for (const call of calls) call.catch(() => {});
    await clock.advanceAsync(2_900);
    // Each time that the next in line has watched for long enough, it stands, and the first has another turn.
    expect(asked).toBeLessThan((2_900 / (RESERVATION + 5)) * (1 + 4 + 4));
    await clock.advanceAsync(400);
    expect(await held(calls)).toBe(1);
  });

  it('when it waits again before its process has left the line for the last time', async () => {
    const { redlock, another, nodes, clock } = memoryRedlock(1);
    const holder = await another().acquire('r', { ttl: 30_000 });
    const controller = new AbortController();
    const first = redlock.acquire('r', { ...FOREVER, signal: controller.signal }).catch(() => {});
    await clock.advanceAsync(5);
    // What is sent from here on is executed when the node is back.
    nodes[0]?.hang();
    controller.abort();
    await first;
    const second = redlock.acquire('r', FOREVER);
    await turn();
    nodes[0]?.heal();
    await clock.advanceAsync(50);
    void holder.release();
    expect(await peek(second)).toMatchObject({ value: { state: 'held' } });
  });

  it('when the one before it has its turn and hangs', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(3);
    const holder = await another().acquire('r', { ttl: 30_000 });
    const hung = deafTo(nodes, another());
    void hung.acquire('r', FOREVER).catch(() => {});
    await clock.advanceAsync(5);
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(5);
    void holder.release();
    await clock.advanceAsync(RESERVATION + 4);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('when the one before it gives its turn back and dies in its pause', async () => {
    const { tell, answer, asked, clock } = await standing(3, 1);
    // The other was denied elsewhere, and yields: this is first.
    await tell(0, 'next');
    await clock.advanceAsync(RESERVATION + 5);
    expect(asked()).toEqual([1, 0, 0]);
    await answer(0, granted);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('by one that stands on a free key: whoever came before comes first', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(3);
    // The arbiter’s key is free, and the first in line pauses: the others still have a dead owner’s votes.
    takenByTheDead(nodes.slice(1), 'r', 2_000);
    const first = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(30);
    const order: string[] = [];
    const note = async (name: string, call: Promise<Lock>): Promise<void> => {
      const lock = await call;
      order.push(name);
      await lock.release();
    };
    void note('first', first);
    void note('second', another().acquire('r', FOREVER));
    await clock.advanceAsync(4_000);
    expect(order).toEqual(['first', 'second']);
  });

  it('by an arbiter in quarantine, where nobody is in line: it stands at the next', async () => {
    const { nodes, tell, asked, answer, clock } = await standing(3);
    const quarantined = { kind: 'quarantined', remaining: 60_000 } as const;
    await tell(0, 'live');
    await answer(0, quarantined);
    expect(asked()).toEqual([1, 1, 1]);
    await answer(1, deniedBy('A'));
    await answer(2, deniedBy('A'));
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([1, 1, 0]);
    await tell(1, 'live');
    expect(asked()).toEqual([1, 2, 1]);
    expect(nodes[1]?.of('grant').at(-1)?.waiter).toMatchObject({ key: 'r' });
    await answer(1, deniedBy('A', place(0)));
    await clock.advanceAsync(100);
    expect(asked()).toEqual([1, 2, 1]);
  });

  it('by an arbiter that goes down while it waits', async () => {
    const { nodes, tell, asked, answer, clock } = await standing(3);
    await tell(0, 'deaf');
    await clock.advanceAsync(5);
    expect(asked()).toEqual([1, 0, 0]);
    await answer(0, unreachable());
    expect(asked()).toEqual([1, 1, 1]);
    await answer(1, deniedBy('A'));
    await answer(2, deniedBy('A'));
    await tell(1, 'live');
    expect(nodes[1]?.of('grant').at(-1)?.waiter).toMatchObject({ key: 'r' });
  });
});

/** How many of the calls hold the lock. */
async function held(calls: readonly Promise<unknown>[]): Promise<number> {
  const outcomes = await Promise.all(calls.map((call) => peek(call)));
  return outcomes.filter((outcome) => outcome !== 'pending' && outcome.status === 'fulfilled').length;
}

/** A process that stands in lines, and then hangs: its inboxes are open, and nothing that comes is read. */
function deafTo(nodes: readonly LockNode[], redlock: Redlock): Redlock {
  for (const node of nodes) {
    const open = node.openInbox.bind(node);
    node.openInbox = (waiter, key, listener) => {
      node.openInbox = open;
      return open(waiter, key, { ...listener, turn: () => {}, next: () => {} });
    };
  }
  return redlock;
}
