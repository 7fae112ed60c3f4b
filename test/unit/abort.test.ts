import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Redlock, RedlockClosedError } from '../../src/index.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 5_000, key: 'k' } as const;

interface Call {
  readonly clock: ManualClock;
  readonly redlock: Redlock;
  readonly signal: AbortSignal;
  readonly call: Promise<unknown>;
  /** Ends the call, by its signal or by closing the Redlock. */
  readonly end: () => void;
}

const REASON = new Error('no longer needed');
const ENDINGS = ['abort', 'close'] as const;

function calling(nodes: readonly ScriptedNode[], ending: (typeof ENDINGS)[number]): Call {
  const clock = new ManualClock(1_000);
  const redlock = new Redlock(nodes, { clock, random: seededRandom(1), ttl: 1_000 });
  const controller = new AbortController();
  const { signal } = controller;
  const call = redlock.acquire('r', { signal });
  call.catch(() => {});
  const end = (): void => {
    if (ending === 'abort') controller.abort(REASON);
    else void redlock.close();
  };
  return { clock, redlock, signal, call, end };
}

/** Whether each node that was sent a grant got a release of it afterwards. */
function expectUndone(nodes: readonly ScriptedNode[]): void {
  for (const node of nodes) {
    for (const { ownerToken } of node.of('grant')) {
      const last = node.requests.findLast((request) => request.ownerToken === ownerToken);
      expect(last?.verb).toBe('release');
    }
  }
}

describe.each(ENDINGS)('a call that is ended by %s', (ending) => {
  const reason = ending === 'abort' ? REASON : expect.any(RedlockClosedError);

  it('rejects at once during an attempt', async () => {
    const nodes = scriptedNodes(3);
    const { call, end, clock } = calling(nodes, ending);
    end();
    expect(await peek(call)).toEqual({ status: 'rejected', reason });
    expectUndone(nodes);
    expect(clock.pending).toBe(0);
  });

  it('rejects at once during a pause', async () => {
    const nodes = scriptedNodes(3, { grant: denied });
    const { call, end, clock } = calling(nodes, ending);
    await clock.advanceAsync(10);
    const asked = nodes[0]?.requests.length;
    end();
    expect(await peek(call)).toEqual({ status: 'rejected', reason });
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
    expect(nodes[0]?.requests.length).toBe(asked);
  });

  it('releases again what a node that reorders grants afterwards', async () => {
    const nodes = scriptedNodes(3);
    for (const node of nodes) node.reorders = true;
    const { call, end } = calling(nodes, ending);
    end();
    await peek(call);
    const releases = nodes[1]?.of('release').length ?? 0;
    nodes[1]?.answer(granted, 0);
    expect(nodes[1]?.of('release').length).toBe(releases + 1);
  });

  it('asks each node for one release, whatever it grants afterwards', async () => {
    const nodes = scriptedNodes(3);
    const { call, end } = calling(nodes, ending);
    end();
    await peek(call);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    for (const node of nodes) node.answer(granted, 0);
    await peek(call);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('asks for one release of each node when it ends in the tick in which the attempt wins', async () => {
    const nodes = scriptedNodes(3);
    const { call, end } = calling(nodes, ending);
    for (const node of nodes) node.answer(granted);
    end();
    await peek(call);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('keeps no key when it ends in the tick in which the attempt wins', async () => {
    const nodes = scriptedNodes(3);
    const { call, end, clock } = calling(nodes, ending);
    for (const node of nodes) node.answer(granted);
    end();
    expect(await peek(call)).toEqual({ status: 'rejected', reason });
    expectUndone(nodes);
    expect(clock.pending).toBe(0);
  });

  it('is either held or undone, however many microtasks after the win it ends', async () => {
    const seen = new Set<string>();
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const nodes = scriptedNodes(3, { release: { kind: 'released' } });
      const { call, end, clock, signal } = calling(nodes, ending);
      for (const node of nodes) node.answer(granted);
      for (let i = 0; i < microtasks; i++) await Promise.resolve();
      end();
      const outcome = await peek(call);
      if (outcome === 'pending') throw new Error('still pending');
      seen.add(outcome.status);
      if (outcome.status === 'rejected' || ending === 'close') expectUndone(nodes);
      else expect(nodes[0]?.of('release')).toHaveLength(0);
      if (outcome.status === 'rejected') expect(clock.pending).toBe(0);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    }
    expect([...seen].sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('starts no attempt afterwards, however many microtasks after a pause it ends', async () => {
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const nodes = scriptedNodes(1, { grant: denied });
      const { end, clock } = calling(nodes, ending);
      await clock.advanceAsync(1);
      const pausing = nodes[0]?.of('grant').length;
      // The timer of the first pause fires within this.
      clock.advance(60);
      for (let i = 0; i < microtasks; i++) await Promise.resolve();
      const asked = nodes[0]?.of('grant').length;
      end();
      await clock.advanceAsync(5_000);
      expect(pausing).toBe(1);
      expect(nodes[0]?.of('grant').length).toBe(asked);
      expect(clock.pending).toBe(0);
    }
  });

  it('leaves no listener', async () => {
    const { call, end, signal } = calling(scriptedNodes(3), ending);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    end();
    await peek(call);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('leaves no key on nodes that hang', async () => {
    const { redlock, nodes, clock, keys } = memoryRedlock(3);
    for (const node of nodes) node.hang();
    const controller = new AbortController();
    const call = redlock.acquire('r', { signal: controller.signal });
    call.catch(() => {});
    if (ending === 'abort') controller.abort(REASON);
    else void redlock.close();
    expect(await peek(call)).toEqual({ status: 'rejected', reason });
    for (const node of nodes) node.heal();
    await clock.advanceAsync(0);
    expect(keys()).toEqual([[], [], []]);
    expect(clock.pending).toBe(0);
  });
});

describe('the signal of a call', () => {
  it('that has aborted before rejects without asking any node', async () => {
    const nodes = scriptedNodes(3);
    const redlock = new Redlock(nodes, { clock: new ManualClock() });
    const signal = AbortSignal.abort(REASON);
    expect(await peek(redlock.acquire('r', { signal }))).toEqual({ status: 'rejected', reason: REASON });
    expect(await peek(redlock.tryAcquire('r', { signal }))).toEqual({ status: 'rejected', reason: REASON });
    expect(await peek(redlock.using('r', { signal }, () => 1))).toEqual({
      status: 'rejected',
      reason: REASON,
    });
    expect(nodes[0]?.requests).toEqual([]);
  });

  it.each(['a string', 42, null, { an: 'object' }])('may have %j as its reason', async (reason) => {
    const redlock = new Redlock(scriptedNodes(3), { clock: new ManualClock() });
    const controller = new AbortController();
    const call = redlock.acquire('r', { signal: controller.signal });
    call.catch(() => {});
    controller.abort(reason);
    expect(await peek(call)).toEqual({ status: 'rejected', reason });
  });

  it('without a reason rejects with its AbortError', async () => {
    const redlock = new Redlock(scriptedNodes(3), { clock: new ManualClock() });
    const controller = new AbortController();
    const call = redlock.acquire('r', { signal: controller.signal });
    call.catch(() => {});
    controller.abort();
    expect(await peek(call)).toMatchObject({ reason: { name: 'AbortError' } });
  });

  it('has no effect on the lock that was acquired', async () => {
    const { redlock } = memoryRedlock(3);
    const controller = new AbortController();
    const lock = await redlock.acquire('r', { signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    controller.abort();
    expect([lock.state, lock.signal.aborted]).toEqual(['held', false]);
  });
});
