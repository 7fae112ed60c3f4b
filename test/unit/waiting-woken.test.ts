import { describe, expect, it } from 'vitest';
import { type AcquireOptions, Redlock, ResourceHeldError } from '../../src/index.ts';
import type { ReleaseListener } from '../../src/node/lock-node.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

function deniedBy(owner: string, remaining = 60_000) {
  return { kind: 'denied', remaining, owner } as const;
}

/** A call that waits at a single node: the test answers, and tells of releases. */
function waitingAtOne(options: AcquireOptions = FOREVER) {
  const clock = new ManualClock(1_000);
  const node = new ScriptedNode('a');
  const redlock = new Redlock([node], { clock, random: seededRandom(1) });
  const call = redlock.acquire('r', options);
  return {
    clock,
    node,
    call,
    attempts: (): number => node.of('grant').length,
    ear: (): ReleaseListener => {
      const [listener] = node.listeners;
      if (!listener) throw new Error('nobody listens');
      return listener;
    },
    /** Answers the last attempt, and lets the call do what it does about it. */
    answer: async (reply: typeof granted | ReturnType<typeof deniedBy>): Promise<void> => {
      node.of('grant').at(-1)?.deliver(reply);
      await turn();
    },
  };
}

/** The same, once it has been denied by `A`, and relies on being told of releases; attempts count from then on. */
async function waitingForA(options?: AcquireOptions) {
  const waiting = waitingAtOne(options);
  await waiting.answer(deniedBy('A'));
  waiting.ear().listening(waiting.clock.now());
  await turn();
  await waiting.answer(deniedBy('A'));
  const before = waiting.attempts();
  return { ...waiting, attempts: () => waiting.attempts() - before };
}

describe('a call that waits for another process', () => {
  it('gets the lock as soon as that has released it, without a pause', async () => {
    const { redlock, another, clock } = memoryRedlock(5);
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_234);
    const now = clock.now();
    void holder.release();
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
  });

  it('gets the lock with any minority of nodes down', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(5);
    nodes[1]?.fail();
    nodes[3]?.fail();
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_234);
    void holder.release();
    await turn();
    await clock.advanceAsync(5);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('gets a lock that was lost when its holder gives it up', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('r', { ttl: 20_000, maxHoldTime: 2_000 });
    const call = redlock.acquire('r');
    await clock.advanceAsync(1_998);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(2);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    expect(holder.state).toBe('lost');
  });

  it('listens to every node while it waits, and to none afterwards', async () => {
    const nodes = scriptedNodes(3, { grant: deniedBy('A') });
    const clock = new ManualClock(1_000);
    const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
    const call = rejectionOf(redlock.acquire('r', { acquireTimeout: 100 }));
    await turn();
    expect(nodes.map(({ listeners }) => listeners.size)).toEqual([1, 1, 1]);
    await clock.advanceAsync(100);
    await call;
    expect(nodes.map(({ listeners }) => listeners.size)).toEqual([0, 0, 0]);
    expect(clock.pending).toBe(0);
  });

  it('listens to nobody if it gets the lock at once', async () => {
    const nodes = scriptedNodes(3, { grant: granted });
    const redlock = new Redlock(nodes, { clock: new ManualClock(), random: seededRandom(1) });
    let listened = 0;
    for (const node of nodes) {
      node.onRelease = () => {
        listened++;
        return () => {};
      };
    }
    await redlock.acquire('r');
    expect(listened).toBe(0);
  });

  it('tries once more when a node tells of releases from now on: one may have been missed', async () => {
    const { answer, ear, attempts, clock } = waitingAtOne();
    await answer(deniedBy('A'));
    ear().listening(clock.now());
    await turn();
    expect(attempts()).toBe(2);
    await answer(deniedBy('A'));
    await clock.advanceAsync(4_000);
    expect(attempts()).toBe(2);
  });

  it('tries once more when a node tells of releases again', async () => {
    const { ear, attempts, clock, answer, call } = await waitingForA();
    await clock.advanceAsync(100);
    ear().deaf();
    await clock.advanceAsync(100);
    ear().listening(clock.now());
    await turn();
    expect(attempts()).toBe(1);
    await answer(granted);
    expect((await call).state).toBe('held');
  });
});

describe('a message', () => {
  it('makes one attempt', async () => {
    const { ear, attempts, answer, clock } = await waitingForA();
    ear().released('A');
    ear().released('A');
    await turn();
    expect(attempts()).toBe(1);
    await answer(deniedBy('B'));
    await clock.advanceAsync(4_000);
    expect(attempts()).toBe(1);
  });

  it.each([1, 2])('during an attempt makes exactly one more, though it comes %d times', async (times) => {
    const { ear, attempts, answer, clock } = await waitingForA();
    ear().released('A');
    await turn();
    for (let time = 0; time < times; time++) ear().released('B');
    expect(attempts()).toBe(1);
    await answer(deniedBy('B'));
    expect(attempts()).toBe(2);
    await answer(deniedBy('C'));
    await clock.advanceAsync(4_000);
    expect(attempts()).toBe(2);
  });

  it('right after the denial makes exactly one more', async () => {
    const { ear, attempts, answer, clock, node } = await waitingForA();
    ear().released('A');
    await turn();
    node.of('grant').at(-1)?.deliver(deniedBy('B'));
    ear().released('B');
    await turn();
    expect(attempts()).toBe(2);
    await answer(deniedBy('C'));
    await clock.advanceAsync(4_000);
    expect(attempts()).toBe(2);
  });

  it('of somebody else makes one too: whoever was in the way has gone before', async () => {
    const { ear, attempts, answer, clock } = await waitingForA();
    ear().released('X');
    await turn();
    expect(attempts()).toBe(1);
    await answer(deniedBy('A'));
    await clock.advanceAsync(4_000);
    expect(attempts()).toBe(1);
  });

  it('that is late makes none', async () => {
    const { ear, attempts, answer, clock } = await waitingForA();
    ear().released('A');
    await turn();
    await answer(deniedBy('B'));
    ear().released('A');
    await clock.advanceAsync(4_000);
    expect(attempts()).toBe(1);
  });

  it('consumes no retry', async () => {
    const { ear, attempts, answer, clock, call } = await waitingForA({
      ...FOREVER,
      retry: { retries: 1, minTimeout: 1_000, randomize: false },
    });
    for (const [released, next] of ['AB', 'BC', 'CD'].map((pair) => pair.split(''))) {
      ear().released(released ?? '');
      await turn();
      await answer(deniedBy(next ?? ''));
    }
    expect(attempts()).toBe(3);
    const failure = rejectionOf(call);
    await clock.advanceAsync(1_000);
    expect(attempts()).toBe(4);
    await answer(deniedBy('D'));
    expect(await failure).toBeInstanceOf(ResourceHeldError);
  });

  it('for a call that is over does nothing', async () => {
    const { ear, attempts, call, clock } = await waitingForA({ acquireTimeout: 100 });
    const listener = ear();
    const failure = rejectionOf(call);
    await clock.advanceAsync(100);
    await failure;
    listener.released('A');
    listener.listening(clock.now());
    listener.deaf();
    await clock.advanceAsync(10_000);
    expect(attempts()).toBe(0);
  });
});

describe('a call that is told of releases', () => {
  it('asks at the pace of its options where retries are counted', async () => {
    const { node, clock, attempts, call } = await waitingForA({
      retry: { retries: 3, minTimeout: 100, factor: 2, randomize: false },
    });
    const failure = rejectionOf(call);
    node.atOnce.grant = deniedBy('A');
    for (const [pause, expected] of [
      [99, 0],
      [1, 1],
      [199, 1],
      [1, 2],
      [399, 2],
      [1, 3],
    ] as const) {
      await clock.advanceAsync(pause);
      expect(attempts()).toBe(expected);
    }
    expect(await failure).toBeInstanceOf(ResourceHeldError);
    expect(clock.pending).toBe(0);
  });
});
