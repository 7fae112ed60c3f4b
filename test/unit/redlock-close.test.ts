import { afterEach, describe, expect, it, vi } from 'vitest';
import { Redlock, RedlockClosedError } from '../../src/index.ts';
import { Lock } from '../../src/lock.ts';
import { RedisNode } from '../../src/node/redis/redis-node.ts';
import { counts, lockOver } from '../support/lock-over.ts';
import { rejectionOf } from '../support/peek.ts';

const CALLS: [string, (redlock: Redlock) => Promise<unknown>][] = [
  ['acquire', (redlock) => redlock.acquire('s')],
  ['tryAcquire', (redlock) => redlock.tryAcquire('s')],
  ['using', (redlock) => redlock.using('s', () => 'ran')],
  ['inspect', (redlock) => redlock.inspect('s')],
];

describe('a listener that hears of the loss while its Redlock is being closed', () => {
  it.each(CALLS)('is refused when it calls %s', async (_name, call) => {
    const { redlock, lock, nodes, clock } = await lockOver(3);
    const refused = new Promise((resolve) => {
      lock.signal.addEventListener('abort', () => resolve(rejectionOf(call(redlock))));
    });
    await redlock.close();
    expect(await refused).toBeInstanceOf(RedlockClosedError);
    for (const { requests } of nodes) expect(requests.map(({ verb }) => verb)).toEqual(['grant', 'release']);
    expect(clock.pending).toBe(0);
  });

  it('gets the same closing when it closes', async () => {
    const { redlock, lock } = await lockOver(3);
    const closings: Promise<void>[] = [];
    lock.signal.addEventListener('abort', () => closings.push(redlock.close()));
    closings.push(redlock.close(), redlock.close());
    expect(new Set(closings).size).toBe(1);
    expect(closings).toHaveLength(3);
    await Promise.all(closings);
  });

  it('changes nothing for other locks when it closes', async () => {
    const { redlock, lock, nodes, clock } = await lockOver(3);
    const locks = [lock, await redlock.acquire('s'), await redlock.acquire('t', { autoExtend: true })];
    const heard: string[] = [];
    for (const { signal, resources } of locks) {
      signal.addEventListener('abort', () => {
        heard.push(...resources);
        void redlock.close();
      });
    }
    await redlock.close();
    expect(heard).toEqual(['r', 's', 't']);
    expect(counts(nodes, 'release')).toEqual([3, 3, 3]);
    expect(clock.pending).toBe(0);
  });
});

describe('a lock that is won as its Redlock is closed', () => {
  afterEach(() => void vi.restoreAllMocks());

  it.each(Array.from({ length: 20 }, (_, microtasks) => microtasks))(
    'after %d microtasks is released before the nodes are closed',
    async (microtasks) => {
      vi.spyOn(RedisNode.prototype, 'grant').mockImplementation((_claim, deliver) =>
        deliver({ kind: 'granted' }),
      );
      const release = vi.spyOn(RedisNode.prototype, 'release').mockImplementation(() => {});
      const close = vi.spyOn(RedisNode.prototype, 'close');
      const redlock = new Redlock(['redis://127.0.0.1:1'], { fencing: false });
      const call = redlock.acquire('r').catch((error: unknown) => error);
      for (let i = 0; i < microtasks; i++) await Promise.resolve();
      await redlock.close();
      expect(release).toHaveBeenCalledOnce();
      expect(close).toHaveBeenCalledAfter(release);
      const outcome = await call;
      if (outcome instanceof Lock) expect(outcome.state).toBe('lost');
      else expect(outcome).toBeInstanceOf(RedlockClosedError);
    },
  );
});
