import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { LockEvent, NodeEvent, WaitingEvent } from '../../src/index.ts';
import { CONTEXTS, type Contexts } from '../support/contexts.ts';
import { admittedNode } from '../support/fake-connection.ts';
import { heard } from '../support/heard.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

const [ours, theirs] = [{ name: 'ours' }, { name: 'theirs' }];

describe.each(CONTEXTS)('seen by %s', (_name, begin) => {
  let contexts: Contexts;
  const start = (): Contexts => (contexts = begin());
  afterEach(() => contexts.end());

  /** The contexts in which these channels publish what is about the resource `a`. */
  function seenOn(...channels: string[]): [string, unknown][] {
    const seen: [string, unknown][] = [];
    for (const channel of channels)
      heard<LockEvent | WaitingEvent>(channel, ({ resources }) => {
        if (resources.includes('a')) seen.push([channel, contexts.current()]);
      });
    return seen;
  }

  it('an acquired lock is published where it was taken, also if another call has let it go', async () => {
    const { run } = start();
    const { redlock, clock } = memoryRedlock(3);
    const holder = await run(theirs, () => redlock.acquire('a'));
    const seen = seenOn('quorlock:lock:acquired');
    const call = run(ours, () => redlock.acquire('a'));
    await clock.advanceAsync(100);
    await run(theirs, () => holder.release());
    await call;
    expect(seen).toEqual([['quorlock:lock:acquired', ours]]);
  });

  it('an automatic extension, its failure and the loss are published where the lock was taken', async () => {
    const { run } = start();
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: 1_000 });
    const channels = ['extended', 'extendFailed', 'lost'].map((what) => `quorlock:lock:${what}`);
    await run(ours, () => redlock.acquire('a', { autoExtend: true }));
    await run(theirs, () => redlock.acquire('b', { autoExtend: true }));
    const seen = seenOn(...channels);
    await run(theirs, () => clock.advanceAsync(1_000));
    await run(theirs, async () => {
      for (const node of nodes) node.fail();
      await clock.advanceAsync(2_000);
    });
    expect(new Set(seen.map(([channel]) => channel))).toEqual(new Set(channels));
    expect(new Set(seen.map(([, context]) => context))).toEqual(new Set([ours]));
  });

  it('a loss is published there when another call finds it, or the Redlock is closed', async () => {
    const { run } = start();
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const seen = seenOn('quorlock:lock:lost');
    const lost = await run(ours, () => redlock.acquire('a'));
    clock.jump(5_000);
    run(theirs, () => lost.state);
    await run(ours, () => redlock.acquire('a'));
    await run(theirs, () => redlock.close());
    expect(seen.map(([, context]) => context)).toEqual([ours, ours]);
  });

  it('a release and an extension by hand are published where the lock was taken, whoever asks for them', async () => {
    const { run } = start();
    const { redlock } = memoryRedlock(3);
    const seen = seenOn('quorlock:lock:extended', 'quorlock:lock:released');
    const lock = await run(ours, () => redlock.acquire('a'));
    await run(theirs, () => lock.extend());
    await run(theirs, () => lock.release());
    expect(seen.map(([, context]) => context)).toEqual([ours, ours]);
  });

  it('what a waiting call hears is published where it was made', async () => {
    const { run } = start();
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await run(theirs, () => another().acquire('a', { ttl: 30_000 }));
    const channels = ['local', 'queued', 'notified'].map((what) => `quorlock:waiting:${what}`);
    const seen = seenOn(...channels);
    const calls = [0, 1].map(() => run(ours, () => redlock.acquire('a', { acquireTimeout: 60_000 })));
    await run(theirs, () => clock.advanceAsync(1_000));
    void run(theirs, () => holder.release());
    await run(theirs, () => clock.advanceAsync(0));
    await calls[0];
    expect(new Set(seen.map(([channel]) => channel))).toEqual(new Set(channels));
    expect(new Set(seen.map(([, context]) => context))).toEqual(new Set([ours]));
  });

  it('the state of a node is published in no context of a call', async () => {
    const { run, current } = start();
    const { connection } = await admittedNode();
    const before = current();
    const seen: unknown[] = [];
    heard<NodeEvent>('quorlock:node:down', () => seen.push(current()));
    heard<NodeEvent>('quorlock:node:up', () => seen.push(current()));
    await run(theirs, () => connection.down());
    await run(theirs, () => connection.up());
    expect(seen).toEqual([before, before]);
  });
});

/** A store whose value is a new one from the start of each call. */
function bound(channel: string): { store: AsyncLocalStorage<object>; made: object[] } {
  const store = new AsyncLocalStorage<object>();
  const made: object[] = [];
  const { start } = tracingChannel(channel);
  start.bindStore(store, () => {
    const value = {};
    made.push(value);
    return value;
  });
  onTestFinished(() => void start.unbindStore(store));
  return { store, made };
}

describe('a store that is bound to the start of a call', () => {
  it('is seen by what the call publishes while it waits, and by its lock', async () => {
    const { redlock, another, clock, nodes } = memoryRedlock(3, { ttl: 1_000 });
    const holder = await another().acquire('a', { ttl: 30_000 });
    const { store, made } = bound('quorlock:acquire');
    const seen: unknown[] = [];
    for (const channel of [
      'waiting:queued',
      'waiting:notified',
      'lock:acquired',
      'lock:extended',
      'lock:lost',
    ])
      heard(`quorlock:${channel}`, () => seen.push([channel, store.getStore()]));
    const call = redlock.acquire('a', { acquireTimeout: 60_000, autoExtend: true });
    await clock.advanceAsync(1_000);
    await holder.release();
    await clock.advanceAsync(0);
    await call;
    await clock.advanceAsync(500);
    for (const node of nodes) node.fail();
    await clock.advanceAsync(2_000);
    expect(seen).toEqual([
      ['waiting:queued', made[0]],
      ['waiting:notified', made[0]],
      ['lock:acquired', made[0]],
      ['lock:extended', made[0]],
      ['lock:lost', made[0]],
    ]);
    expect(made).toHaveLength(1);
  });

  it('of using is seen by the routine, its lock and the calls that it makes, and not after it', async () => {
    const { redlock } = memoryRedlock(3);
    const { store, made } = bound('quorlock:using');
    const seen: unknown[] = [];
    heard('quorlock:lock:acquired', () => seen.push(store.getStore()));
    const inside = await redlock.using('a', async () => {
      await (await redlock.acquire('b')).release();
      return store.getStore();
    });
    expect([inside, ...seen]).toEqual([made[0], made[0], made[0]]);
    expect(store.getStore()).toBeUndefined();
  });
});
