import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Lock } from '../../src/lock.ts';
import { heard, traced } from '../support/heard.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

/** How many contexts are kept from now on: one by each lock, and one by what is published of a call. */
function contextsKept(): () => number {
  let kept = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'quorlock') kept++;
    },
  }).enable();
  onTestFinished(() => void hook.disable());
  return () => kept;
}

/** How often the resources of a lock are read from now on, as every event about a lock has them. */
function resourcesRead(): () => number {
  const spy = vi.spyOn(Lock.prototype, 'resources', 'get');
  return () => spy.mock.calls.length;
}

afterEach(() => vi.restoreAllMocks());

const ignore = (): void => {};

/** Takes a lock in each way, and gives it back. */
async function takeAndRelease(): Promise<void> {
  const { redlock, clock } = memoryRedlock(3);
  await (await redlock.acquire('a')).release();
  await (await redlock.tryAcquire('a'))?.release();
  await redlock.using('a', () => {});
  await clock.advanceAsync(0);
}

describe('without subscribers', () => {
  it('nothing is kept of a call but the context of its lock', async () => {
    const kept = contextsKept();
    await takeAndRelease();
    expect(kept()).toBe(3);
  });

  it('no event about a lock is made', async () => {
    const read = resourcesRead();
    await takeAndRelease();
    expect(read()).toBe(0);
  });

  it.each(['acquired', 'released'])(
    'of all channels but one, only the event for that is made: %s',
    async (what) => {
      const read = resourcesRead();
      const events = heard(`quorlock:lock:${what}`);
      await takeAndRelease();
      expect([events.length, read()]).toEqual([3, 3]);
    },
  );

  it('an extension makes no event', async () => {
    const { redlock } = memoryRedlock(3);
    const lock = await redlock.acquire('a');
    const read = resourcesRead();
    await lock.extend();
    const without = read();
    heard('quorlock:lock:extended');
    await lock.extend();
    expect(read() - without).toBe(without + 1);
  });

  it('again, as the last one has unsubscribed, nothing is kept of a call', async () => {
    subscribe('quorlock:waiting:queued', ignore);
    unsubscribe('quorlock:waiting:queued', ignore);
    const kept = contextsKept();
    await takeAndRelease();
    expect(kept()).toBe(3);
  });
});

describe('with a subscriber', () => {
  it.each(['local', 'queued', 'notified', 'polling'])('to waiting:%s, calls are followed', async (what) => {
    heard(`quorlock:waiting:${what}`);
    const kept = contextsKept();
    await takeAndRelease();
    expect(kept()).toBe(6);
  });

  it('to one stage of a call, calls are followed', async () => {
    traced('quorlock:acquire');
    const kept = contextsKept();
    await takeAndRelease();
    expect(kept()).toBe(6);
  });

  it('to what becomes of locks and nodes, calls are not', async () => {
    for (const what of ['acquired', 'extended', 'extendFailed', 'lost', 'released'])
      heard(`quorlock:lock:${what}`);
    heard('quorlock:node:down');
    const kept = contextsKept();
    await takeAndRelease();
    expect(kept()).toBe(3);
  });
});
