import { describe, expect, it } from 'vitest';
import { arbitersOf } from '../../src/acquire/arbiter.ts';
import type { Lock, Redlock } from '../../src/index.ts';
import { calling, deniedBy, granted, type InLine, place, viewOf } from '../support/in-line.ts';
import { linesAt, noLines } from '../support/line-at.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** Where the arbiter of `r` comes first, the one of `s` has this number. */
const [, OF_S = -1] = ['r', 's'].map((key) => {
  const inOrder = arbitersOf('r', ['a', 'b', 'c']);
  return inOrder.indexOf(arbitersOf(key, ['a', 'b', 'c'])[0] ?? -1);
});

/** A call for `r` and `s` that is in line for `r`, on three nodes. */
async function inLineForR(options = {}): Promise<InLine> {
  const begun = calling(3, options, {}, ['r', 's']);
  for (const node of [0, 1, 2]) await begun.answer(node, deniedBy('A'));
  await begun.tell(0, 'live');
  await begun.answer(0, deniedBy('A', place(0)));
  return viewOf(begun);
}

describe('a call for several resources', () => {
  it('has two arbiters in these tests', () => {
    expect(OF_S).toBeGreaterThan(0);
  });

  it('stands in the line of the one that denied it, at its arbiter, for all of them', async () => {
    const { nodes, asked, clock } = await inLineForR();
    expect(nodes[0]?.of('grant').at(-1)).toMatchObject({ keys: ['r', 's'], waiter: { key: 'r' } });
    expect(nodes.map(({ inboxes }) => [...inboxes].map(({ key }) => key))).toEqual([['r'], [], []]);
    await clock.advanceAsync(100);
    expect(asked()).toEqual([0, 0, 0]);
  });

  it('tries all of them when its turn has come', async () => {
    const { nodes, tell, answer, call } = await inLineForR();
    await tell(0, 'turn', 'r');
    for (const node of nodes) expect(node.of('grant').at(-1)?.keys).toEqual(['r', 's']);
    for (const node of [0, 1]) await answer(node, granted);
    expect(await peek(call)).toMatchObject({ value: { state: 'held', resources: ['r', 's'] } });
  });

  it('moves to the line of another one that denies it', async () => {
    const { nodes, tell, answer } = await inLineForR();
    await tell(0, 'turn', 'r');
    for (const node of [0, 1, 2]) await answer(node, deniedBy('B', { key: 's' }));
    expect([...(nodes[OF_S]?.inboxes ?? [])].map(({ key }) => key)).toEqual(['s']);
    await tell(OF_S, 'live', 's');
    expect(nodes[OF_S]?.of('grant').at(-1)?.waiter).toMatchObject({ key: 's' });
  });

  it('leaves the line of the one before, if its node has not taken it out', async () => {
    const { tell, answer, given } = await inLineForR();
    await tell(0, 'turn', 'r');
    // The arbiter of `r` is silent; the others deny by `s`.
    for (let time = 0; time < 3; time++)
      for (const node of [1, 2]) await answer(node, deniedBy('B', { key: 's' }));
    expect(given()).toEqual([['yield', 'leave'], [], []]);
  });

  it('holds nothing at any node while it waits', async () => {
    const { tell, answer, given, nodes } = await inLineForR();
    await tell(0, 'turn', 'r');
    await answer(0, granted);
    for (let time = 0; time < 3; time++)
      for (const node of [1, 2]) await answer(node, deniedBy('B', { key: 's' }));
    expect(given()).toEqual([['yield', 'leave'], [], []]);
    expect(nodes[0]?.of('release').map(({ keys }) => keys)).toEqual([['r', 's'], ['r']]);
  });

  it('gives a turn back that comes when it is in another line', async () => {
    const { tell, answer, given } = await inLineForR();
    await tell(0, 'turn', 'r');
    for (const node of [0, 1, 2]) await answer(node, deniedBy('B', { key: 's' }));
    const before = given();
    await tell(0, 'turn', 'r');
    expect(given()).toEqual([[...(before[0] ?? []), 'leave'], before[1], before[2]]);
  });

  it('goes to and fro between its lines without a pause twice at most', async () => {
    const { nodes, tell, asked, clock } = await inLineForR({
      retry: { minTimeout: 100, maxTimeout: 100, randomize: false },
    });
    await tell(OF_S, 'live', 's');
    // The line for `r` is that of `s`, and the other way round.
    for (const [index, node] of nodes.entries())
      node.atOnce.grant = deniedBy('B', { key: index === 0 ? 's' : 'r' });
    await tell(0, 'live', 'r');
    await tell(OF_S, 'live', 's');
    await turn();
    const atFirst = asked().reduce((sum, each) => sum + each);
    expect(atFirst).toBeLessThanOrEqual(4);
    await clock.advanceAsync(1_000);
    expect(asked().reduce((sum, each) => sum + each)).toBeLessThanOrEqual(atFirst + 30);
  });

  it('asks for a place as old as the call in each line', async () => {
    const { nodes, tell, answer, clock } = await inLineForR();
    await clock.advanceAsync(40);
    await tell(0, 'turn', 'r');
    for (const node of [0, 1, 2]) await answer(node, deniedBy('B', { key: 's' }));
    await tell(OF_S, 'live', 's');
    expect(nodes[OF_S]?.of('grant').at(-1)?.waiter?.since).toBe(-40_000);
  });
});

/** Holds a lock for so many ms whenever it is not held, until it is told to stop; counts how often. */
function looping(redlock: Redlock, clock: ManualClock, resources: string[], ms: number) {
  const loop = { held: 0, stop: false, ended: Promise.resolve() };
  loop.ended = (async () => {
    while (!loop.stop) {
      const lock = await redlock.acquire(resources, FOREVER);
      loop.held++;
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
      await lock.release();
    }
  })();
  return loop;
}

describe('a call for two resources that others always want one of', () => {
  it.each([1, 3, 5])('gets them after a bounded number of theirs (%d nodes)', async (n) => {
    const { another, clock, nodes } = memoryRedlock(n);
    const loops = [['r'], ['s'], ['r'], ['s']].map((resources, index) =>
      looping(another(), clock, resources, 2 + index),
    );
    await clock.advanceAsync(20);
    const before = loops.map(({ held }) => held);
    const call = another().acquire(['r', 's'], FOREVER);
    const taken = call.then(() => loops.map(({ held }, index) => held - (before[index] ?? 0)));
    await clock.advanceAsync(300);
    const outcome = await peek(taken);
    expect(outcome).not.toBe('pending');
    for (const held of await taken) expect(held).toBeLessThanOrEqual(30);
    for (const loop of loops) loop.stop = true;
    await (await call).release();
    await clock.advanceAsync(1_000);
    await Promise.all(loops.map(({ ended }) => ended));
    for (const key of ['r', 's']) expect(await linesAt(nodes, key)).toEqual(noLines(n));
  });

  it('leaves no inbox open when it is aborted, whenever that is', async () => {
    const { another, clock, nodes } = memoryRedlock(3);
    let open = 0;
    for (const node of nodes) {
      const openInbox = node.openInbox.bind(node);
      node.openInbox = (...inbox) => {
        const close = openInbox(...inbox);
        open++;
        return () => {
          open--;
          close();
        };
      };
    }
    const loops = [['r'], ['s'], ['r'], ['s']].map((resources, index) =>
      looping(another(), clock, resources, 2 + index),
    );
    for (let ms = 1; ms < 120; ms += 3) {
      const redlock = another();
      const aborter = new AbortController();
      const call = redlock.acquire(['r', 's'], { ...FOREVER, signal: aborter.signal });
      clock.after(ms, () => aborter.abort());
      const lock = await Promise.race([
        call.catch(() => undefined),
        clock.advanceAsync(ms).then(() => call.catch(() => undefined)),
      ]);
      await lock?.release();
    }
    for (const loop of loops) loop.stop = true;
    await clock.advanceAsync(10_000);
    await Promise.all(loops.map(({ ended }) => ended));
    expect(open).toBe(0);
  });

  it('keeps none of them for long from one who holds another, and waits for it', async () => {
    const { another, clock } = memoryRedlock(3);
    const loops = [looping(another(), clock, ['r'], 2), looping(another(), clock, ['r', 's'], 2)];
    const nested = another();
    let rounds = 0;
    const patience = { acquireTimeout: 4_000 };
    const stop = clock.now() + 20_000;
    const run = (async () => {
      while (clock.now() < stop) {
        const outer = await nested.acquire('s', patience);
        const inner = await nested.acquire('r', patience);
        await new Promise<void>((resolve) => void clock.after(3, resolve));
        await inner.release();
        await outer.release();
        rounds++;
      }
    })();
    await clock.advanceAsync(25_000);
    await run;
    expect(rounds).toBeGreaterThan(30);
    for (const loop of loops) loop.stop = true;
    await clock.advanceAsync(5_000);
    await Promise.all(loops.map(({ ended }) => ended));
  });

  it('and all the others go on while several such calls want them in different orders', async () => {
    const { another, clock } = memoryRedlock(3);
    const loops = [
      looping(another(), clock, ['r'], 2),
      looping(another(), clock, ['s'], 3),
      looping(another(), clock, ['q'], 3),
      looping(another(), clock, ['r', 's'], 1),
      looping(another(), clock, ['s', 'q'], 1),
      looping(another(), clock, ['q', 'r'], 1),
    ];
    await clock.advanceAsync(400);
    for (const { held } of loops) expect(held).toBeGreaterThan(5);
    for (const loop of loops) loop.stop = true;
    await clock.advanceAsync(200);
    await Promise.all(loops.map(({ ended }) => ended));
  }, 30_000);

  it.each(['abort', 'close'] as const)(
    'leaves nothing when it is ended by %s at any time',
    async (ending) => {
      for (let ms = 0; ms < 120; ms += 3) {
        const { another, clock, nodes, keys } = memoryRedlock(3);
        const loops = [looping(another(), clock, ['r'], 3), looping(another(), clock, ['s'], 4)];
        const more = [looping(another(), clock, ['r'], 4), looping(another(), clock, ['s'], 3)];
        await clock.advanceAsync(10);
        const process = another();
        const controller = new AbortController();
        const call: Promise<Lock | undefined> = process
          .acquire(['r', 's'], { ...FOREVER, signal: controller.signal })
          .catch(() => undefined);
        await clock.advanceAsync(ms);
        for (let microtasks = 0; microtasks < ms % 7; microtasks++) await Promise.resolve();
        if (ending === 'abort') controller.abort();
        else void process.close();
        await (await call)?.release();
        for (const loop of [...loops, ...more]) loop.stop = true;
        await clock.advanceAsync(300);
        await Promise.all([...loops, ...more].map(({ ended }) => ended));
        await turn();
        expect(keys()).toEqual([[], [], []]);
        for (const key of ['r', 's']) expect(await linesAt(nodes, key)).toEqual(noLines(3));
        await clock.advanceAsync(5_000);
        expect(clock.pending).toBe(0);
      }
    },
    30_000,
  );
});
