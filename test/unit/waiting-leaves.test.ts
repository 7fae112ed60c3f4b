import { describe, expect, it } from 'vitest';
import { type AcquireOptions, type Lock, Redlock } from '../../src/index.ts';
import { denied, deniedBy, granted, HEDGE, place, standing } from '../support/in-line.ts';
import { linesAt, noLines } from '../support/line-at.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';

const FOREVER: AcquireOptions = { acquireTimeout: Number.POSITIVE_INFINITY };
const ENDINGS = ['abort', 'close', 'timeout'] as const;

/** Calls of one process that wait behind another one, and how they all end. */
async function waitingBehind(ending: (typeof ENDINGS)[number], calls: number) {
  const memory = memoryRedlock(3);
  const { another, clock, nodes } = memory;
  const holder = await another().acquire('r', { ttl: 20_000 });
  const process = another();
  const controller = new AbortController();
  const options = ending === 'timeout' ? { acquireTimeout: 100 } : FOREVER;
  const acquired: Lock[] = [];
  const outcomes = Promise.allSettled(
    Array.from({ length: calls }, async () => {
      const lock = await process.acquire('r', { ...options, signal: controller.signal });
      acquired.push(lock);
    }),
  );
  const end = async (): Promise<void> => {
    if (ending === 'abort') controller.abort();
    if (ending === 'close') void process.close();
    if (ending === 'timeout') await clock.advanceAsync(100);
    await outcomes;
    for (const lock of acquired) await lock.release();
    await turn();
  };
  return { clock, nodes, holder, end, keys: memory.keys };
}

describe.each(ENDINGS)('calls that are ended by %s', (ending) => {
  it.each([1, 3])('while they wait (%d of them) leave nothing in any line', async (calls) => {
    for (const ms of [0, 1, 5, 40, 90]) {
      const { clock, nodes, holder, end } = await waitingBehind(ending, calls);
      await clock.advanceAsync(ms);
      await end();
      expect(await linesAt(nodes)).toEqual(noLines(3));
      await holder.release();
      expect(await linesAt(nodes)).toEqual(noLines(3));
    }
  });

  it.each([1, 3])(
    'however many microtasks after the holder has let go (%d of them) leave nothing anywhere',
    async (calls) => {
      for (let microtasks = 0; microtasks < 60; microtasks++) {
        const { clock, nodes, holder, end, keys } = await waitingBehind(ending, calls);
        await clock.advanceAsync(20);
        void holder.release();
        for (let i = 0; i < microtasks; i++) await Promise.resolve();
        await end();
        expect(keys()).toEqual([[], [], []]);
        expect(await linesAt(nodes)).toEqual(noLines(3));
      }
    },
  );

  it('however many microtasks after they began leave nothing anywhere', async () => {
    for (let microtasks = 0; microtasks < 60; microtasks++) {
      const { nodes, holder, end } = await waitingBehind(ending, 2);
      for (let i = 0; i < microtasks; i++) await Promise.resolve();
      await end();
      await holder.release();
      expect(await linesAt(nodes)).toEqual(noLines(3));
    }
  });

  it('do not keep others waiting', async () => {
    const { clock, nodes, holder, end } = await waitingBehind(ending, 3);
    await clock.advanceAsync(20);
    const other = new Redlock(nodes, { clock });
    const next = other.acquire('r', FOREVER);
    await clock.advanceAsync(10);
    await end();
    void holder.release();
    expect(await peek(next)).toMatchObject({ value: { state: 'held' } });
  });
});

/** A standing call, and what aborts it. */
async function abortable() {
  const controller = new AbortController();
  const waiting = await standing(3, 0, { signal: controller.signal });
  return { ...waiting, abort: () => controller.abort() };
}

describe('a call that is aborted', () => {
  it('in line leaves it', async () => {
    const { abort, given } = await abortable();
    abort();
    await turn();
    expect(given()).toEqual([['leave'], [], []]);
  });

  it('before it stands anywhere leaves nothing', async () => {
    const controller = new AbortController();
    const { given } = await denied(3, { signal: controller.signal });
    controller.abort();
    await turn();
    expect(given()).toEqual([[], [], []]);
  });

  it('while it stands undoes that, and then leaves, on the same connection', async () => {
    const { abort, given, tell } = await abortable();
    await tell(0, 'live');
    abort();
    await turn();
    expect(given()).toEqual([['serve', 'leave'], [], []]);
  });

  it('in its turn undoes that everywhere, and then leaves', async () => {
    const { abort, given, tell, answer } = await abortable();
    await tell(0, 'turn');
    await answer(0, granted);
    abort();
    await turn();
    expect(given()).toEqual([['serve', 'leave'], ['serve'], ['serve']]);
  });

  it('in the pause after its turn was given back leaves the line in which it stands again', async () => {
    const { abort, given, tell, answer } = await abortable();
    await tell(0, 'turn');
    await answer(0, granted);
    for (let time = 0; time < 3; time++) for (const node of [1, 2]) await answer(node, deniedBy('B'));
    abort();
    await turn();
    expect(given()).toEqual([['yield', 'leave'], [], []]);
  });

  it('while its inbox is deaf leaves the line in which it stood before', async () => {
    const { abort, given, tell, answer, clock } = await abortable();
    await tell(0, 'deaf');
    await clock.advanceAsync(5);
    await answer(0, deniedBy('A'));
    abort();
    await turn();
    expect(given()).toEqual([['leave'], [], []]);
  });

  it('at the second arbiter leaves both lines', async () => {
    const { abort, given, tell, answer, clock } = await abortable();
    await tell(0, 'live');
    await clock.advanceAsync(HEDGE);
    for (const node of [1, 2]) await answer(node, deniedBy('A'));
    await tell(1, 'live');
    await answer(1, deniedBy('A', place(0)));
    abort();
    await turn();
    expect(given()).toEqual([['yield', 'leave'], ['leave'], []]);
  });

  it('hands its place to the next call of its process, which keeps it', async () => {
    const { abort, given, redlock, nodes, asked, tell } = await abortable();
    const next = redlock.acquire('r', FOREVER);
    next.catch(() => {});
    abort();
    await turn();
    expect(given()).toEqual([[], [], []]);
    expect(asked()).toEqual([1, 0, 0]);
    expect(nodes[0]?.of('grant').at(-1)?.waiter?.since).toBe(77);
    await tell(0, 'turn');
    expect(given()).toEqual([[], [], []]);
  });

  it('in its turn lets the next call of its process stand where it stood', async () => {
    const { abort, given, redlock, nodes, tell, answer } = await abortable();
    redlock.acquire('r', FOREVER).catch(() => {});
    await tell(0, 'turn');
    await answer(0, granted);
    abort();
    await turn();
    expect(given()).toEqual([['serve'], ['serve'], ['serve']]);
    expect(nodes[0]?.of('grant').at(-1)?.waiter?.since).toBe(77);
  });
});

describe('a turn for a process of which nobody waits any more', () => {
  it('is given back at once: the next process has the lock without a delay', async () => {
    const { another, clock, nodes } = memoryRedlock(3);
    const holder = await another().acquire('r', { ttl: 20_000 });
    const controller = new AbortController();
    const call = another()
      .acquire('r', { ...FOREVER, signal: controller.signal })
      .catch(() => {});
    await clock.advanceAsync(10);
    const next = another().acquire('r', FOREVER);
    await clock.advanceAsync(10);
    const now = clock.now();
    void holder.release();
    controller.abort();
    await call;
    expect(await peek(next)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
    await (await next).release();
    expect(await linesAt(nodes)).toEqual(noLines(3));
  });
});
