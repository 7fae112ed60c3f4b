import { describe, expect, it } from 'vitest';
import type { AcquireEvent, PollingEvent, QueuedEvent, WaitingEvent } from '../../src/index.ts';
import type { LockNode } from '../../src/node/lock-node.ts';
import { heard, traced } from '../support/heard.ts';
import { denied, deniedBy, granted, place, standing } from '../support/in-line.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek } from '../support/peek.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** What the four channels publish, in the order in which it comes. */
function waits(): { readonly channel: string; readonly event: WaitingEvent }[] {
  const all: { channel: string; event: WaitingEvent }[] = [];
  for (const channel of ['local', 'queued', 'notified', 'polling'])
    heard<WaitingEvent>(`quorlock:waiting:${channel}`, (event) => all.push({ channel, event }));
  return all;
}

describe('quorlock:waiting:queued', () => {
  it('has the node and how many processes wait before this one, and comes again when that changes', async () => {
    const queued = heard<QueuedEvent>('quorlock:waiting:queued');
    const { answer, nodes, clock, asked } = await standing(3, 2);
    const node = nodes[0]?.name;
    expect(queued).toMatchObject([{ resources: ['r'], node, position: 2 }]);
    /** The call asks the arbiter again after a while. */
    const denies = async (position: number): Promise<void> => {
      const [before] = asked();
      while (asked()[0] === before) await clock.advanceAsync(clock.untilNext);
      await answer(0, deniedBy('A', place(position)));
    };
    await denies(2);
    expect(queued).toHaveLength(1);
    await denies(0);
    await denies(0);
    expect(queued.map(({ position }) => position)).toEqual([2, 0]);
  });

  it('counts the processes in the line of nodes in memory', async () => {
    const { another, clock } = memoryRedlock(3);
    const queued = heard<QueuedEvent>('quorlock:waiting:queued');
    await another().acquire('a', { ttl: 30_000 });
    for (const label of ['first', 'second']) {
      void another().acquire('a', { ...FOREVER, label });
      await clock.advanceAsync(100);
    }
    await clock.advanceAsync(1_000);
    const last = new Map(queued.map(({ call, position }) => [call.label, position]));
    expect([...last]).toEqual([
      ['first', 0],
      ['second', 1],
    ]);
  });
});

describe('quorlock:waiting:notified', () => {
  it('is published when a node has reserved the key, before the call asks for it', async () => {
    const notified = heard<WaitingEvent>('quorlock:waiting:notified');
    const { tell, nodes, answer, call, asked } = await standing(3);
    expect(notified).toEqual([]);
    await tell(0, 'turn');
    expect(notified).toMatchObject([{ resources: ['r'], node: nodes[0]?.name }]);
    expect(asked()).toEqual([1, 1, 1]);
    for (const node of [0, 1, 2]) await answer(node, granted);
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
    expect(notified).toHaveLength(1);
  });
});

describe('quorlock:waiting:polling', () => {
  it('says that notifications do not arrive, once', async () => {
    const polling = heard<PollingEvent>('quorlock:waiting:polling');
    const { clock, nodes, answer } = await denied(3);
    expect(polling).toEqual([]);
    for (let i = 0; i < 3; i++) {
      await clock.advanceAsync(10_000);
      for (const [node] of nodes.entries()) await answer(node, deniedBy('A'));
    }
    expect(polling).toMatchObject([
      { resources: ['r'], why: `notifications of ${nodes[0]?.name} do not arrive` },
    ]);
    expect(polling[0]).not.toHaveProperty('node');
  });

  it('repeats what the node says about why it notifies nobody', async () => {
    const polling = heard<PollingEvent>('quorlock:waiting:polling');
    const { clock, nodes, answer } = await denied(3);
    Object.assign(nodes[0] as LockNode, { condition: { state: 'up', polling: 'no permission' } });
    await clock.advanceAsync(10_000);
    for (const [node] of nodes.entries()) await answer(node, deniedBy('A'));
    expect(polling.map(({ why }) => why)).toEqual(['no permission']);
  });

  it('says that the node gave no place', async () => {
    const polling = heard<PollingEvent>('quorlock:waiting:polling');
    const { tell, answer, nodes } = await denied(3);
    await tell(0, 'live');
    await answer(0, deniedBy('A'));
    expect(polling.map(({ why }) => why)).toEqual([`${nodes[0]?.name} gave no place in its line`]);
  });

  it('says that a holder is foreign', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes)
      node.grant({ keys: ['r'], ownerToken: 'by hand', ttl: 60_000, wanted: () => true }, () => {});
    const all = waits();
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(5_000);
    const polls = all.filter(({ channel }) => channel === 'polling');
    expect(polls.map(({ event }) => (event as PollingEvent).why)).toEqual([
      'what is in the way is no lock of quorlock, so nobody announces its release',
    ]);
    // It has a place in the line all the same, which is published once.
    expect(all.filter(({ channel }) => channel === 'queued').length).toBeLessThan(2);
    const [{ event } = { event: undefined }] = polls;
    expect(event?.call.attempts).toBeGreaterThan(5);
    expect(await peek(call)).toBe('pending');
  });

  it('is not published for a call that is notified', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const all = waits();
    await another().acquire('a', { ttl: 30_000 });
    void redlock.acquire('a', FOREVER);
    await clock.advanceAsync(20_000);
    expect(new Set(all.map(({ channel }) => channel))).toEqual(new Set(['queued']));
  });
});

describe('quorlock:waiting:local', () => {
  it('is published once for a call behind a lock of its own Redlock', async () => {
    const { redlock, clock } = memoryRedlock(3);
    const all = waits();
    const holder = await redlock.acquire('a');
    const call = redlock.acquire(['a', 'b']);
    await clock.advanceAsync(1_000);
    expect(all).toEqual([
      { channel: 'local', event: { call: expect.anything() as unknown, resources: ['a', 'b'] } },
    ]);
    await holder.release();
    await clock.advanceAsync(0);
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
    expect(all).toHaveLength(1);
  });

  it('is followed by the wait for another process', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await another().acquire('a', { ttl: 30_000 });
    const controller = new AbortController();
    redlock.acquire('a', { ...FOREVER, signal: controller.signal }).catch(() => {});
    await clock.advanceAsync(100);
    const all = waits();
    const call = redlock.acquire('a', { ...FOREVER, label: 'me' });
    await clock.advanceAsync(100);
    controller.abort();
    await clock.advanceAsync(1_000);
    const ours = all.filter(({ event }) => event.call.label === 'me');
    expect(ours.map(({ channel }) => channel)).toEqual(['local', 'queued']);
    expect(await peek(call)).toBe('pending');
  });

  it('is not published for a call that asks at once, or does not wait', async () => {
    const { redlock } = memoryRedlock(3);
    const all = waits();
    await redlock.acquire('a');
    await redlock.acquire('b');
    await redlock.tryAcquire('a');
    expect(all).toEqual([]);
  });
});

describe('what a call publishes while it waits', () => {
  it('names the call, by the context object of quorlock:acquire', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await another().acquire('a', { ttl: 30_000 });
    const calls = traced<AcquireEvent>('quorlock:acquire');
    const all = waits();
    const waiting = [redlock.acquire('a', FOREVER), redlock.acquire(['a', 'b'], FOREVER)];
    await clock.advanceAsync(1_000);
    const [first, second] = calls.filter(({ stage }) => stage === 'start').map(({ event }) => event);
    expect(all.map(({ channel, event }) => [channel, event.call])).toEqual([
      ['local', second],
      ['queued', first],
    ]);
    for (const { event } of all) expect(event.resources).toBe(event.call.resources);
    for (const each of waiting) expect(await peek(each)).toBe('pending');
  });

  it('does so also if nobody has subscribed to the call itself', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await another().acquire('a', { ttl: 30_000 });
    const all = waits();
    void redlock.acquire('a', { ...FOREVER, label: 'me' });
    await clock.advanceAsync(1_000);
    expect(all[0]?.event.call).toMatchObject({ method: 'acquire', label: 'me', contended: true });
  });
});
