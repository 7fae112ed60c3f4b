import { describe, expect, it } from 'vitest';
import {
  calling,
  denied,
  deniedBy,
  FALLBACK,
  granted,
  HEDGE,
  type InLine,
  place,
  RESERVATION,
  reserved,
  standing,
} from '../support/in-line.ts';
import { peek } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

/** A call whose turn has just failed: the arbiter has granted, and `B` has denied it elsewhere, so often that it has given up. */
async function yielded(options = {}): Promise<InLine> {
  const waiting = await standing(3, 0, options);
  await waiting.tell(0, 'turn');
  await fail(waiting);
  return waiting;
}

/** The arbiter grants, and all others deny, as often as they are asked. */
async function fail({ answer, asked }: InLine, owner = 'B'): Promise<void> {
  await answer(0, granted);
  for (let last = -1; last !== asked()[1]; ) {
    last = asked()[1] ?? 0;
    for (const node of [1, 2]) await answer(node, deniedBy(owner));
  }
}

/** After how many ms the arbiter is asked next, if nothing else happens. */
async function untilAsked({ asked, clock }: InLine): Promise<number> {
  const [before = 0] = asked();
  for (let ms = 0; ms < 10_000; ms++) {
    if (asked()[0] !== before) return ms;
    await clock.advanceAsync(1);
  }
  throw new Error('it is not asked again');
}

describe('the watch of the next in line', () => {
  it('lasts 5 ms longer than the reservation', async () => {
    const waiting = await standing(3);
    await waiting.tell(0, 'next');
    expect(await untilAsked(waiting)).toBe(RESERVATION + 5);
  });

  it('does not put off what was to happen earlier', async () => {
    const waiting = await denied(3);
    await waiting.tell(0, 'live');
    await waiting.answer(0, reserved(9, place(0)));
    await waiting.tell(0, 'next');
    expect(await untilAsked(waiting)).toBe(10);
  });

  it('is one for each message', async () => {
    const waiting = await standing(3);
    await waiting.tell(0, 'next');
    expect(await untilAsked(waiting)).toBe(RESERVATION + 5);
    for (const node of [0, 1, 2]) await waiting.answer(node, deniedBy('B', node === 0 ? place(0) : {}));
    expect(await untilAsked(waiting)).toBe(FALLBACK);
  });

  it('finds out whether a new owner holds the lock', async () => {
    const waiting = await standing(3);
    await waiting.tell(0, 'next');
    await untilAsked(waiting);
    await waiting.answer(0, deniedBy('B', place(0)));
    expect(waiting.asked()).toEqual([1, 1, 1]);
  });

  it('is as long as reservations are over slow links', async () => {
    const waiting = await denied(3);
    await waiting.tell(0, 'live');
    waiting.clock.advance(20);
    await waiting.answer(0, deniedBy('A', place(0)));
    await waiting.tell(0, 'next');
    expect(await untilAsked(waiting)).toBe(65);
  });
});

describe('the expiry of what has denied', () => {
  it.each([
    // position, remaining, expected
    [0, 50, 51],
    [1, 50, 51 + 35],
    [2, 50, 51 + 70],
  ])('at position %d and for %d ms more ends the pause after %d ms', async (position, remaining, ms) => {
    const waiting = await denied(3);
    await waiting.tell(0, 'live');
    await waiting.answer(0, deniedBy('A', { remaining, ...place(position) }));
    expect(await untilAsked(waiting)).toBe(ms);
  });

  it('is that of a reservation too', async () => {
    const waiting = await denied(3);
    await waiting.tell(0, 'live');
    await waiting.answer(0, reserved(30, place(0)));
    expect(await untilAsked(waiting)).toBe(31);
  });

  it('is told anew by each denial of the arbiter', async () => {
    const waiting = await denied(3);
    await waiting.tell(0, 'live');
    await waiting.answer(0, deniedBy('A', { remaining: 50, ...place(0) }));
    expect(await untilAsked(waiting)).toBe(51);
    await waiting.answer(0, deniedBy('A', { remaining: 20, ...place(0) }));
    expect(await untilAsked(waiting)).toBe(21);
  });

  it('does not make a call ask in a loop where it has passed', async () => {
    const waiting = await denied(3);
    await waiting.tell(0, 'live');
    const pauses: number[] = [];
    for (let time = 0; time < 5; time++) {
      await waiting.answer(0, deniedBy(`${time}`, { remaining: 0, ...place(0) }));
      for (const node of [1, 2]) await waiting.answer(node, deniedBy(`${time}`));
      pauses.push(await untilAsked(waiting));
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80]);
  });

  it('is that of a quorum as long as the call stands in no line', async () => {
    const waiting = calling(3);
    for (const [node, remaining] of [200, 300, 9_000].entries())
      await waiting.answer(node, deniedBy('A', { remaining }));
    expect(await untilAsked(waiting)).toBe(301);
  });
});

describe('the pause after a turn that was given back', () => {
  it('is 10 ms, doubling to 250 ms', async () => {
    const waiting = await yielded();
    const pauses: number[] = [];
    for (let time = 0; time < 7; time++) {
      pauses.push(await untilAsked(waiting));
      await fail(waiting);
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 250, 250]);
  });

  it('begins anew when an attempt was denied by the arbiter meanwhile', async () => {
    const waiting = await yielded();
    for (let time = 0; time < 3; time++) {
      await untilAsked(waiting);
      await fail(waiting);
    }
    await untilAsked(waiting);
    await waiting.answer(0, deniedBy('C', place(0)));
    for (const node of [1, 2]) await waiting.answer(node, deniedBy('C'));
    await waiting.tell(0, 'turn');
    await fail(waiting);
    expect(await untilAsked(waiting)).toBe(10);
  });

  it('asks the arbiter first, and the others when that grants', async () => {
    const waiting = await yielded();
    const before = waiting.asked();
    await untilAsked(waiting);
    expect(waiting.asked()).toEqual([(before[0] ?? 0) + 1, before[1], before[2]]);
    await waiting.answer(0, granted);
    await waiting.answer(1, granted);
    expect(await peek(waiting.call)).toMatchObject({ value: { state: 'held' } });
  });

  it('ends at once by a turn that comes in it', async () => {
    const waiting = await yielded();
    const [before = 0] = waiting.asked();
    await waiting.tell(0, 'turn');
    expect(waiting.asked()[0]).toBe(before + 1);
  });

  it('does not end by a turn that came while the attempt was under way: it was for that one', async () => {
    const waiting = await standing(3);
    await waiting.tell(0, 'next');
    await untilAsked(waiting);
    await waiting.answer(0, granted);
    await waiting.tell(0, 'turn');
    await fail(waiting);
    expect(waiting.asked()[0]).toBe(1);
    expect(await untilAsked(waiting)).toBe(10);
  });

  it('is as long as the options want retries apart that are counted, at most', async () => {
    const waiting = await yielded({ retry: { retries: 9, minTimeout: 7, randomize: false } });
    expect(await untilAsked(waiting)).toBe(7);
  });
});

describe('an owner that has died with nothing but the arbiter’s vote', () => {
  it('does not keep the first in line from the others: it asks them when nothing has happened for a while', async () => {
    const waiting = await standing(3);
    await untilAsked(waiting);
    await waiting.answer(0, deniedBy('B', place(0)));
    expect(waiting.asked()).toEqual([1, 1, 1]);
    for (const node of [1, 2]) await waiting.answer(node, granted);
    expect(await peek(waiting.call)).toMatchObject({ value: { state: 'held' } });
    // Its entry in the line goes.
    expect(waiting.given()).toEqual([['leave'], [], []]);
  });

  it('is not told from one that is about to ask the others, if something has just happened', async () => {
    const waiting = await standing(3);
    await waiting.tell(0, 'live');
    await waiting.answer(0, deniedBy('B', place(0)));
    expect(waiting.asked()).toEqual([1, 0, 0]);
  });

  it('is left to the first in line by those behind it', async () => {
    const waiting = await standing(3, 1);
    await untilAsked(waiting);
    await waiting.answer(0, deniedBy('B', place(1)));
    expect(waiting.asked()).toEqual([1, 0, 0]);
  });

  it('is asked about everywhere once: the one that holds the lock is known then', async () => {
    const waiting = await standing(3);
    for (let time = 0; time < 4; time++) {
      await untilAsked(waiting);
      await waiting.answer(0, deniedBy('B', place(0)));
      await waiting.othersAnswer(deniedBy('B'));
    }
    const [first, ...others] = waiting.asked();
    expect([first, others.toSorted((a, b) => a - b)]).toEqual([4, [1, 3]]);
  });
});

/** The second look finds the same owner, and asks another node. */
async function looking(nodes: number): Promise<InLine> {
  const waiting = await standing(nodes);
  for (let time = 0; time < 2; time++) {
    await untilAsked(waiting);
    await waiting.answer(0, deniedBy('A', place(0)));
  }
  return waiting;
}

describe('a release that has not reached the arbiter', () => {
  it('is found by asking one other node, when nothing has changed twice; then all are asked', async () => {
    const waiting = await looking(3);
    expect(waiting.asked().reduce((sum, grants) => sum + grants)).toBe(3);
    await waiting.othersAnswer(granted);
    expect(waiting.asked().reduce((sum, grants) => sum + grants)).toBe(4);
    await waiting.othersAnswer(granted);
    expect(await peek(waiting.call)).toMatchObject({ value: { state: 'held' } });
  });

  it.each([
    ['denies', deniedBy('A')],
    ['cannot be reached', unreachable()],
  ])('is not looked for further if that %s', async (_what, reply) => {
    const waiting = await looking(5);
    await waiting.othersAnswer(reply);
    expect(waiting.asked().reduce((sum, grants) => sum + grants)).toBe(3);
    expect(await peek(waiting.call)).toBe('pending');
  });

  it('is not looked for further if that says nothing for as long as an arbiter may', async () => {
    const waiting = await looking(5);
    await waiting.clock.advanceAsync(HEDGE);
    expect(waiting.asked().reduce((sum, grants) => sum + grants)).toBe(3);
    expect(await untilAsked(waiting)).toBe(4 * FALLBACK);
  });

  it('is left to the first in line by those behind it', async () => {
    const waiting = await standing(3, 1);
    for (let time = 0; time < 4; time++) {
      await untilAsked(waiting);
      await waiting.answer(0, deniedBy('A', place(1)));
    }
    expect(waiting.asked()).toEqual([4, 0, 0]);
  });
});

describe('the fallback', () => {
  it.each([
    // position, expected
    [0, FALLBACK],
    [1, 2 * FALLBACK],
    [3, 4 * FALLBACK],
    [1_000, 1_000],
  ])('at position %d comes after %d ms', async (position, ms) => {
    const waiting = await standing(3, position);
    expect(await untilAsked(waiting)).toBe(ms);
  });

  it('comes later each time that it finds the same, up to 5 s', async () => {
    const waiting = await standing(3);
    const pauses: number[] = [];
    for (let time = 0; time < 8; time++) {
      pauses.push(await untilAsked(waiting));
      await waiting.answer(0, deniedBy('A', place(0)));
      await waiting.othersAnswer(deniedBy('A'));
    }
    expect(pauses).toEqual([150, 300, 600, 1_200, 2_400, 4_800, 5_000, 5_000]);
  });

  it.each([
    ['another owner', deniedBy('B', place(1))],
    ['another place', deniedBy('A', place(0))],
  ])('comes sooner again when it has found %s', async (_what, reply) => {
    const waiting = await standing(3, 1);
    for (let time = 0; time < 3; time++) {
      await untilAsked(waiting);
      await waiting.answer(0, deniedBy('A', place(1)));
    }
    await untilAsked(waiting);
    await waiting.answer(0, reply);
    await waiting.othersAnswer(deniedBy('A'));
    const { position = 0 } = reply.place ?? {};
    expect(await untilAsked(waiting)).toBe((1 + position) * FALLBACK);
  });

  it('is a stand, which keeps the place', async () => {
    const waiting = await standing(3);
    await untilAsked(waiting);
    expect(waiting.nodes[0]?.of('grant').at(-1)?.waiter?.since).toBe(77);
    expect(waiting.asked()).toEqual([1, 0, 0]);
  });
});
