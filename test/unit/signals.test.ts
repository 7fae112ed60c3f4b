import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Signals } from '../../src/acquire/signals.ts';
import { type GrantReply, Redlock } from '../../src/index.ts';
import type { Deliver, WriteRequest } from '../../src/node/lock-node.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, turn } from '../support/peek.ts';
import { ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';

const REASON = new Error('no longer needed');
const CALLS = 50;

class Call {
  readonly reasons: unknown[] = [];
  cancel(reason: unknown): void {
    this.reasons.push(reason);
  }
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

describe('the calls under one signal', () => {
  it('share one listener', () => {
    const signals = new Signals();
    const { signal } = new AbortController();
    const calls = Array.from({ length: CALLS }, () => new Call());
    for (const call of calls) signals.add(signal, call);
    expect(listeners(signal)).toBe(1);
    for (const call of calls.slice(1)) signals.delete(signal, call);
    expect(listeners(signal)).toBe(1);
    for (const call of calls) signals.delete(signal, call);
    expect(listeners(signal)).toBe(0);
  });

  it('are all cancelled when it aborts', () => {
    const signals = new Signals();
    const controller = new AbortController();
    const calls = [new Call(), new Call(), new Call()];
    for (const call of calls) signals.add(controller.signal, call);
    controller.abort(REASON);
    expect(calls.map(({ reasons }) => reasons)).toEqual([[REASON], [REASON], [REASON]]);
  });

  it('are cancelled no more once they have ended', () => {
    const signals = new Signals();
    const controller = new AbortController();
    const [ended, waiting] = [new Call(), new Call()];
    signals.add(controller.signal, ended);
    signals.add(controller.signal, waiting);
    signals.delete(controller.signal, ended);
    controller.abort(REASON);
    expect([ended.reasons, waiting.reasons]).toEqual([[], [REASON]]);
  });

  it('are none of another signal’s business', () => {
    const signals = new Signals();
    const [one, other] = [new AbortController(), new AbortController()];
    const [mine, theirs] = [new Call(), new Call()];
    signals.add(one.signal, mine);
    signals.add(other.signal, theirs);
    one.abort(REASON);
    expect([mine.reasons, theirs.reasons]).toEqual([[REASON], []]);
    expect(listeners(other.signal)).toBe(1);
  });

  it('can end in any order, also twice', () => {
    const signals = new Signals();
    const { signal } = new AbortController();
    const call = new Call();
    signals.delete(signal, call);
    signals.add(signal, call);
    signals.delete(signal, call);
    signals.delete(signal, call);
    expect(listeners(signal)).toBe(0);
    signals.add(signal, call);
    expect(listeners(signal)).toBe(1);
  });

  it('are cancelled at once when it had aborted before they came', () => {
    const signals = new Signals();
    const call = new Call();
    signals.add(AbortSignal.abort(REASON), call);
    expect(call.reasons).toEqual([REASON]);
  });
});

describe('many acquires under one signal', () => {
  const warnings: Error[] = [];
  const note = (warning: Error): unknown => warnings.push(warning);
  beforeEach(() => {
    warnings.length = 0;
    process.on('warning', note);
  });
  afterEach(() => process.off('warning', note));

  it('print no warning of a leak', async () => {
    const { signal } = new AbortController();
    const redlock = new Redlock(scriptedNodes(3), { clock: new ManualClock() });
    const calls = Array.from({ length: CALLS }, (_, n) => redlock.acquire(`r${n}`, { signal }));
    for (const call of calls) call.catch(() => {});
    await turn();
    expect(warnings).toEqual([]);
    await redlock.close();
  });

  it('reject all with its reason', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const clock = new ManualClock();
    const redlock = new Redlock(scriptedNodes(3), { clock });
    const calls = Array.from({ length: CALLS }, (_, n) => redlock.acquire(`r${n}`, { signal }));
    for (const call of calls) call.catch(() => {});
    controller.abort(REASON);
    for (const call of calls) expect(await peek(call)).toEqual({ status: 'rejected', reason: REASON });
    expect(listeners(signal)).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('leave no listener when they succeed', async () => {
    const { signal } = new AbortController();
    const nodes = scriptedNodes(3, { grant: { kind: 'granted', counter: 7 }, release: { kind: 'released' } });
    const redlock = new Redlock(nodes, { clock: new ManualClock() });
    await Promise.all(Array.from({ length: CALLS }, (_, n) => redlock.acquire(`r${n}`, { signal })));
    expect(listeners(signal)).toBe(0);
    await redlock.close();
  });
});

/** Aborts the call's signal as soon as it is asked for a grant. */
class AbortingNode extends ScriptedNode {
  readonly #controller: AbortController;

  constructor(name: string, controller: AbortController) {
    super(name, { grant: { kind: 'granted', counter: 7 }, release: { kind: 'released' } });
    this.#controller = controller;
  }

  override grant(claim: WriteRequest, deliver: Deliver<GrantReply>): void {
    this.#controller.abort(REASON);
    super.grant(claim, deliver);
  }
}

describe('a signal that a node aborts while it is asked', () => {
  it('cancels the call, and no other node is asked', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const nodes = ['a', 'b', 'c'].map((name) => new AbortingNode(name, controller));
    const clock = new ManualClock();
    const redlock = new Redlock(nodes, { clock });
    const call = redlock.acquire('r', { signal });
    expect(await peek(call)).toEqual({ status: 'rejected', reason: REASON });
    expect(counts(nodes, 'grant')).toEqual([1, 0, 0]);
    expect(counts(nodes, 'release')).toEqual([1, 0, 0]);
    expect(listeners(signal)).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
