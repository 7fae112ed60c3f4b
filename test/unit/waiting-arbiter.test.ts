import { describe, expect, it } from 'vitest';
import { SHORTEST_PAUSE } from '../../src/acquire/backoff.ts';
import {
  denied,
  deniedBy,
  FALLBACK,
  granted,
  HEDGE,
  NODE_TIMEOUT,
  place,
  standing,
  viewOf,
} from '../support/in-line.ts';
import { peek, turn } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

/** A call that has asked the arbiter, which was silent, and was denied by the others. */
async function passedOver() {
  const waiting = await standing(3);
  await waiting.tell(0, 'live');
  await waiting.clock.advanceAsync(HEDGE);
  for (const node of [1, 2]) await waiting.answer(node, deniedBy('A'));
  return viewOf(waiting);
}

describe('a silent arbiter', () => {
  it('is waited for between a twentieth and a tenth of nodeTimeout', async () => {
    const { tell, asked, clock } = await denied(
      3,
      {},
      { random: { token: tokens(), fraction: () => 0.999 } },
    );
    await tell(0, 'live');
    await clock.advanceAsync(NODE_TIMEOUT / 10 - 1);
    expect(asked()).toEqual([1, 0, 0]);
    await clock.advanceAsync(1);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('does not keep the others from granting', async () => {
    const { tell, answer, clock, call } = await standing(3);
    await tell(0, 'live');
    await clock.advanceAsync(HEDGE);
    await answer(1, granted);
    await answer(2, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('is passed over: the call stands at the next arbiter as soon as that can be heard', async () => {
    const { nodes, tell, asked } = await passedOver();
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([1, 1, 0]);
    expect(asked()).toEqual([0, 0, 0]);
    await tell(1, 'live');
    expect(asked()).toEqual([0, 1, 0]);
    const waiter = nodes[1]?.of('grant').at(-1)?.waiter;
    // Its place at the other node says nothing here: it has waited for so long.
    expect(waiter).toMatchObject({ key: 'r', since: -HEDGE * 1_000 });
  });

  it('is passed over in all calls of the process', async () => {
    const { nodes, redlock, clock, call } = await standing(3);
    await clock.advanceAsync(1);
    const silent = nodes[0];
    void redlock.tryAcquire('another').catch(() => {});
    for (const node of nodes) if (node !== silent) node.of('grant').at(-1)?.deliver(granted);
    await turn();
    void call;
    expect(silent?.of('grant').at(-1)?.keys).toEqual(['another']);
  });

  it('is asked first again once it has voted', async () => {
    const { nodes, tell, answer, asked } = await passedOver();
    await answer(0, deniedBy('A', place(0)));
    await tell(1, 'live');
    await tell(0, 'live');
    expect(asked()[0]).toBe(1);
    expect(nodes[0]?.of('grant').at(-1)?.waiter).toMatchObject({ key: 'r' });
  });

  it('is asked soon when it says that it votes: the call stands there again', async () => {
    const { nodes, tell, answer, asked, clock } = await passedOver();
    await tell(1, 'live');
    await answer(1, deniedBy('A', place(0)));
    const before = asked();
    nodes[0]?.begins();
    await clock.advanceAsync(SHORTEST_PAUSE);
    expect(asked()).toEqual([(before[0] ?? 0) + 1, before[1], before[2]]);
    expect(nodes[0]?.of('grant').at(-1)?.waiter).toMatchObject({ key: 'r', since: -HEDGE * 1_000 - 5_000 });
  });

  it('is looked at when nothing has happened for a while: if it is quick again, the call stands there, and nowhere else', async () => {
    const { nodes, tell, answer, asked, given, clock } = await passedOver();
    await tell(1, 'live');
    await answer(1, deniedBy('A', place(0)));
    await clock.advanceAsync(FALLBACK);
    const before = asked();
    nodes[0]?.of('inspect').at(-1)?.deliver({ kind: 'held', ownerToken: 'A', remaining: 60_000 });
    await answer(1, deniedBy('A', place(0)));
    await clock.advanceAsync(SHORTEST_PAUSE);
    expect(asked()).toEqual([(before[0] ?? 0) + 1, before[1], before[2]]);
    expect(given()).toEqual([['leave'], [], []]);
    await answer(0, deniedBy('A', place(2)));
    expect(given()).toEqual([['leave'], ['leave'], []]);
  });

  it('is not asked again if it is still slow, or says nothing of the key', async () => {
    const { nodes, tell, answer, othersAnswer, asked, clock } = await passedOver();
    await tell(1, 'live');
    await answer(1, deniedBy('A', place(0)));
    await clock.advanceAsync(FALLBACK);
    const before = asked();
    nodes[0]?.of('inspect').at(-1)?.deliver(unreachable());
    await answer(1, deniedBy('A', place(0)));
    await clock.advanceAsync(2 * FALLBACK);
    await answer(1, deniedBy('A', place(0)));
    await othersAnswer(deniedBy('A'));
    await clock.advanceAsync(2 * HEDGE + 1);
    nodes[0]?.of('inspect').at(-1)?.deliver({ kind: 'free' });
    await clock.advanceAsync(SHORTEST_PAUSE);
    expect(nodes[0]?.of('inspect')).toHaveLength(2);
    expect(asked()[0]).toBe(before[0]);
  });

  it('that gave no vote is not looked at: it says itself when it votes again', async () => {
    const waiting = await standing(3);
    await waiting.tell(0, 'live');
    await waiting.answer(0, { kind: 'quarantined', remaining: 9_000 });
    for (const node of [1, 2]) await waiting.answer(node, deniedBy('A'));
    await waiting.tell(1, 'live');
    await waiting.answer(1, deniedBy('A', place(0)));
    await waiting.clock.advanceAsync(FALLBACK);
    expect(waiting.nodes[0]?.of('inspect')).toHaveLength(0);
  });

  it('that says that it votes, and was asked all along, is not asked again for it', async () => {
    const { nodes, asked } = await standing(3);
    for (const node of nodes) node.begins();
    await turn();
    expect(asked()).toEqual([0, 0, 0]);
  });

  it('does not take the turn that another one has given', async () => {
    const { nodes, tell, answer, asked, call } = await passedOver();
    await tell(1, 'live');
    await answer(1, deniedBy('A', place(0)));
    await tell(1, 'turn');
    expect(asked()).toEqual([1, 2, 1]);
    const waiters = nodes.map((node) => node.of('grant').at(-1)?.waiter?.name);
    expect(waiters).toEqual([undefined, expect.any(String), undefined]);
    await answer(1, granted);
    await answer(2, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('that gives a turn late is believed: all are asked, and it in the name of the call', async () => {
    const { nodes, tell, asked } = await passedOver();
    await tell(1, 'live');
    await tell(0, 'turn');
    // The attempt at the next arbiter comes first.
    expect(asked()).toEqual([0, 1, 0]);
    nodes[1]
      ?.of('grant')
      .at(-1)
      ?.deliver(deniedBy('A', place(0)));
    await turn();
    expect(asked()).toEqual([1, 2, 1]);
    expect(nodes[0]?.of('grant').at(-1)?.waiter?.since).toBe(-HEDGE * 1_000);
  });

  it('is not asked again by each retry, if others deny', async () => {
    const { nodes, tell, answer, othersAnswer, clock } = await passedOver();
    await tell(1, 'live');
    const before = nodes[0]?.of('grant').length;
    for (let time = 0; time < 5; time++) {
      await answer(1, deniedBy('A', place(0)));
      await othersAnswer(deniedBy('A'));
      await clock.advanceAsync(FALLBACK * 2 ** time);
    }
    expect(nodes[0]?.of('grant').length).toBe(before);
  });
});

describe('a node at which a call stands', () => {
  it('is listened to when it goes deaf, though others have found it silent before', async () => {
    const { nodes, redlock, tell, asked, clock } = await standing(3, 9);
    // Another call of the process finds it silent; this one has not asked it since.
    void redlock.tryAcquire('another').catch(() => {});
    nodes[0]?.of('grant').at(-1)?.deliver(unreachable());
    for (const node of nodes.slice(1)) node.of('grant').at(-1)?.deliver(granted);
    await turn();
    const before = asked();
    await tell(0, 'deaf');
    await clock.advanceAsync(5);
    expect(asked()).not.toEqual(before);
  });

  it('is listened to when it can be heard again, though others have found it silent before', async () => {
    const { nodes, redlock, tell, asked } = await standing(3, 9);
    void redlock.tryAcquire('another').catch(() => {});
    nodes[0]?.of('grant').at(-1)?.deliver(unreachable());
    for (const node of nodes.slice(1)) node.of('grant').at(-1)?.deliver(granted);
    await turn();
    const before = asked();
    await tell(0, 'live');
    expect(asked()).not.toEqual(before);
  });
});

/** The same tokens for each test. */
function tokens(): () => string {
  let serial = 0;
  return () => String(serial++).padStart(40, '0');
}
