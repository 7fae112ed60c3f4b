import { describe, expect, it } from 'vitest';
import { calling, denied, deniedBy, FALLBACK, granted, HEDGE, place, standing } from '../support/in-line.ts';
import { peek } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

describe('a call that nobody was in the way of lately', () => {
  it('asks all nodes at once, in nobody’s name, and opens no inbox', () => {
    const { nodes, asked } = calling(5);
    expect(asked()).toEqual([1, 1, 1, 1, 1]);
    for (const node of nodes) {
      expect(node.of('grant')[0]?.waiter).toBeUndefined();
      expect(node.inboxes.size).toBe(0);
    }
  });

  it('that wins has opened no inbox, and leaves no line', async () => {
    const { nodes, call, answer, given } = calling(3);
    for (const node of [0, 1, 2]) await answer(node, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([0, 0, 0]);
    expect(given()).toEqual([[], [], []]);
  });

  it('that is denied opens its inbox at the arbiter, and nowhere else', async () => {
    const { nodes } = await denied(5);
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([1, 0, 0, 0, 0]);
  });

  it('stands in line at the arbiter as soon as its inbox is live, with the time that it has waited', async () => {
    const { nodes, clock, asked, tell } = await denied(3);
    clock.advance(7);
    expect(asked()).toEqual([0, 0, 0]);
    await tell(0, 'live');
    expect(asked()).toEqual([1, 0, 0]);
    const [inbox] = nodes[0]?.inboxes ?? [];
    expect(nodes[0]?.of('grant').at(-1)?.waiter).toEqual({ name: inbox?.waiter, key: 'r', since: -7_000 });
  });

  it('stands there at once if the inbox is live while the attempt is under way', async () => {
    const { asked, tell, answer } = await denied(3);
    await tell(0, 'live');
    await tell(0, 'deaf');
    await tell(0, 'live');
    expect(asked()).toEqual([1, 0, 0]);
    await answer(0, deniedBy('A', place(0)));
    expect(asked()).toEqual([2, 0, 0]);
  });
});

describe('a call that asks the arbiter', () => {
  it('and gets its vote asks all others', async () => {
    const { call, tell, answer, asked } = await denied(5);
    await tell(0, 'live');
    await answer(0, granted);
    expect(asked()).toEqual([1, 1, 1, 1, 1]);
    await answer(1, granted);
    await answer(2, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('and is denied waits in line, and asks nobody else', async () => {
    const { asked, given, clock } = await standing(5);
    await clock.advanceAsync(FALLBACK - 1);
    expect(asked()).toEqual([0, 0, 0, 0, 0]);
    expect(given()).toEqual([[], [], [], [], []]);
  });

  it('keeps the place that it was told', async () => {
    const { nodes, tell } = await standing(3);
    await tell(0, 'live');
    expect(nodes[0]?.of('grant').at(-1)?.waiter?.since).toBe(77);
  });

  it('and has its turn before the denial acts on it when that arrives', async () => {
    const { tell, answer, asked, call } = await denied(3);
    await tell(0, 'live');
    await tell(0, 'turn');
    expect(asked()).toEqual([1, 0, 0]);
    await answer(0, deniedBy('A', place(0)));
    expect(asked()).toEqual([2, 1, 1]);
    await answer(0, granted);
    await answer(1, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('and is next before the denial watches from when that arrives', async () => {
    const { tell, answer, asked, clock } = await denied(3);
    await tell(0, 'live');
    await tell(0, 'next');
    clock.advance(3);
    await answer(0, deniedBy('A', place(0)));
    await clock.advanceAsync(34);
    expect(asked()).toEqual([1, 0, 0]);
    await clock.advanceAsync(1);
    expect(asked()).toEqual([2, 0, 0]);
  });

  it('and gets no answer asks all others', async () => {
    const { tell, asked, clock } = await denied(3);
    await tell(0, 'live');
    await clock.advanceAsync(HEDGE - 1);
    expect(asked()).toEqual([1, 0, 0]);
    await clock.advanceAsync(1);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('and cannot reach it asks all others', async () => {
    const { tell, asked, answer } = await denied(3);
    await tell(0, 'live');
    await answer(0, unreachable());
    expect(asked()).toEqual([1, 1, 1]);
  });
});

describe('a call in line', () => {
  it('asks all nodes at once when it has its turn, the arbiter in its own name', async () => {
    const { nodes, tell, asked } = await standing(3);
    await tell(0, 'turn');
    expect(asked()).toEqual([1, 1, 1]);
    expect(nodes.map((node) => node.of('grant').at(-1)?.waiter?.since)).toEqual([77, undefined, undefined]);
  });

  it('gets the lock by its turn', async () => {
    const { tell, answer, call, given, clock } = await standing(5);
    const now = clock.now();
    await tell(0, 'turn');
    for (const node of [0, 1, 2]) await answer(node, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
    expect(given()).toEqual([[], [], [], [], []]);
  });

  it('makes one attempt for a turn that comes twice', async () => {
    const { tell, asked, answer, clock } = await standing(3);
    await tell(0, 'turn');
    await tell(0, 'turn');
    await answer(0, granted);
    for (const node of [1, 2]) await answer(node, granted);
    await clock.advanceAsync(1_000);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('watches when it is next, and then stands again, with its place', async () => {
    const { nodes, tell, asked, clock } = await standing(3);
    await tell(0, 'next');
    await clock.advanceAsync(34);
    expect(asked()).toEqual([0, 0, 0]);
    await clock.advanceAsync(1);
    expect(asked()).toEqual([1, 0, 0]);
    expect(nodes[0]?.of('grant').at(-1)?.waiter?.since).toBe(77);
  });

  it('stands again as soon as its inbox is live again: a message may have been missed', async () => {
    const { tell, asked, clock } = await standing(3);
    await tell(0, 'deaf');
    clock.advance(1);
    await tell(0, 'live');
    expect(asked()).toEqual([1, 0, 0]);
  });

  it('asks the arbiter in nobody’s name while its inbox is deaf, and polls that and another', async () => {
    const { nodes, tell, asked, answer, othersAnswer, clock } = await standing(3, 0, {
      retry: { minTimeout: 100, factor: 1, randomize: false },
    });
    await tell(0, 'deaf');
    await clock.advanceAsync(5);
    expect(asked()).toEqual([1, 0, 0]);
    expect(nodes[0]?.of('grant').at(-1)?.waiter).toBeUndefined();
    await answer(0, deniedBy('A'));
    for (let poll = 2; poll < 6; poll++) {
      await clock.advanceAsync(100);
      expect(asked()[0]).toBe(poll);
      await answer(0, deniedBy('A'));
      await othersAnswer(deniedBy('A'));
      const [, ...others] = asked();
      expect(others.toSorted((a, b) => a - b)).toEqual([0, poll - 2]);
    }
  });

  it('is told nothing that concerns another key', async () => {
    const { tell, asked } = await standing(3);
    await tell(0, 'turn', 'another');
    await tell(0, 'next', 'another');
    expect(asked()).toEqual([0, 0, 0]);
  });

  it('consumes no retry by what it is told', async () => {
    const { tell, answer, othersAnswer, asked, clock, call } = await standing(3, 0, {
      retry: { retries: 3, minTimeout: 5_000, factor: 1, randomize: false },
    });
    for (const owner of ['B', 'C', 'D', 'E']) {
      await tell(0, 'turn');
      for (const node of [0, 1, 2]) await answer(node, deniedBy(owner, place(0)));
    }
    expect(asked()).toEqual([4, 4, 4]);
    for (let retry = 1; retry <= 3; retry++) {
      await clock.advanceAsync(5_000);
      await answer(0, deniedBy('E', place(0)));
      await othersAnswer(deniedBy('E'));
    }
    expect(await peek(call)).toMatchObject({ reason: { code: 'RESOURCE_HELD' } });
  });
});

describe('a call that wins', () => {
  it.each([
    ['denies', deniedBy('B', place(0)), 'leave'],
    ['cannot be reached', unreachable(true), 'leave'],
    ['grants', granted, undefined],
  ])('before the arbiter has answered leaves its line if that %s', async (_what, reply, expected) => {
    const { tell, answer, given, call } = await standing(3);
    await tell(0, 'turn');
    await answer(1, granted);
    await answer(2, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(given()).toEqual([[], [], []]);
    await answer(0, reply);
    expect(given()).toEqual([expected ? [expected] : [], [], []]);
  });

  it('though the arbiter has denied leaves its line', async () => {
    const { tell, answer, given, call } = await standing(3);
    await tell(0, 'turn');
    await answer(0, deniedBy('B', place(2)));
    await answer(1, granted);
    await answer(2, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(given()).toEqual([['leave'], [], []]);
  });

  it('with the arbiter’s vote is in no line any more', async () => {
    const { tell, answer, given, call, redlock } = await standing(3);
    await tell(0, 'turn');
    await answer(0, granted);
    await answer(1, granted);
    await answer(2, granted);
    await call;
    await redlock.close();
    expect(given()).toEqual([['serve'], ['serve'], ['serve']]);
  });

  it('while its inbox is deaf leaves the line in which it stood before', async () => {
    const { tell, answer, given, call, clock } = await standing(3);
    await tell(0, 'deaf');
    await clock.advanceAsync(5);
    await answer(0, granted);
    await answer(1, granted);
    await answer(2, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(given()).toEqual([['leave'], [], []]);
  });

  it('answers a turn that comes afterwards by leaving: nothing stays reserved', async () => {
    const { tell, answer, given, call } = await standing(3);
    await tell(0, 'turn');
    for (const node of [0, 1, 2]) await answer(node, granted);
    await call;
    await tell(0, 'turn');
    expect(given()).toEqual([['leave'], [], []]);
  });
});

describe('a lock that its own process has got without waiting', () => {
  it('calls the one that waits when it ends', async () => {
    const { nodes, redlock, call, asked } = await standing(3);
    for (const node of nodes) node.atOnce.grant = granted;
    const lock = await redlock.tryAcquire('r');
    expect(await peek(call)).toBe('pending');
    const before = asked();
    await lock?.release();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(asked()).toEqual(before.map((grants) => grants + 1));
  });
});
