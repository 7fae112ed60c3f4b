import { describe, expect, it } from 'vitest';
import { MOST_CONTESTED_HAND_OVERS, MOST_HAND_OVERS } from '../../src/acquire/local-queue.ts';
import type { Lock, Redlock, RedlockOptions } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  arbitersFor,
  expiredOn,
  LATE,
  lineIs,
  lineOn,
  notifiedOnly,
  openRedlocks,
  overtakers,
  queueUp,
  served,
} from './fixtures/line.ts';
import { startNodes } from './fixtures/nodes.ts';
import { heardOn } from './fixtures/waiters.ts';

enforceNoLeaks();

interface Contest {
  readonly servers: RedisServer[];
  readonly arbiter: RedisServer;
  readonly redlocks: Redlock[];
}

/** Several Redlocks, each as of a process of its own. */
async function contest(nodes: number, redlocks: number, options?: RedlockOptions): Promise<Contest> {
  const servers = await startNodes(nodes);
  const [arbiter] = arbitersFor(servers) as [RedisServer];
  return { servers, arbiter, redlocks: await openRedlocks(redlocks, servers, options) };
}

/** How often one that is called so had the lock. */
function timesIn(order: string): number {
  return order.split('many').length - 1;
}

describe('Redlocks that wait for a lock', () => {
  it.each([1, 2, 3, 4, 5, 7])('get it in the order in which they came: %d nodes', async (nodes) => {
    const { arbiter, redlocks } = await contest(nodes, 5);
    const [holder, ...others] = redlocks as [Redlock, ...Redlock[]];
    for (let round = 0; round < 2; round++) {
      const lock = await holder.acquire('r');
      const calls = await queueUp(others, arbiter);
      const before = await expiredOn(arbiter);
      await lock.release();
      expect(overtakers(await served(calls))).toBeLessThanOrEqual((await expiredOn(arbiter)) - before);
      expect(await lineOn(arbiter)).toEqual([]);
    }
  });

  it('have one line for each resource, at different nodes', async () => {
    const { servers, redlocks } = await contest(5, 3);
    const [holder, ...others] = redlocks as [Redlock, ...Redlock[]];
    const resources = Array.from({ length: 12 }, (_, i) => `resource ${i}`);
    const arbiters = resources.map((resource) => arbitersFor(servers, resource)[0] as RedisServer);
    expect(new Set(arbiters).size).toBeGreaterThan(1);
    const locks = await Promise.all(resources.map((resource) => holder.acquire(resource)));
    const calls = await Promise.all(
      resources.map((resource, i) => queueUp(others, arbiters[i] as RedisServer, resource)),
    );
    for (const lock of locks) void lock.release();
    for (const order of await Promise.all(calls.map(served))) expect(order).toHaveLength(2);
  });

  it('are notified of each of many releases', async () => {
    const { options, begin } = notifiedOnly(LATE);
    const { redlocks } = await contest(5, 4, options);
    begin();
    let holders = 0;
    let times = 0;
    await Promise.all(
      redlocks.map(async (redlock) => {
        for (let time = 0; time < 40; time++) {
          await redlock.using('r', async () => {
            expect(++holders).toBe(1);
            times++;
            await new Promise((resolve) => setImmediate(resolve));
            holders--;
          });
        }
      }),
    );
    expect(times).toBe(160);
  });

  it('come before calls that begin later in the process that holds the lock', async () => {
    const { servers, redlocks } = await contest(5, 2);
    const [many, one] = redlocks as [Redlock, Redlock];
    const order: string[] = [];
    const held = await many.acquire('r');
    const use = async (who: string, call: Promise<Lock>): Promise<void> => {
      const lock = await call;
      order.push(who);
      await lock.release();
    };
    const others = Array.from({ length: 2 * MOST_HAND_OVERS }, () => use('many', many.acquire('r')));
    const first = one.acquire('r');
    await heardOn(servers);
    void held.release();
    await use('one', first);
    for (let time = 0; time < 3; time++) await use('one', one.acquire('r'));
    await Promise.all(others);
    // It is not before it is denied itself that a process knows of others.
    const [before = '', ...between] = order.join(' ').split('one').slice(0, -1);
    expect(timesIn(before)).toBeLessThanOrEqual(MOST_HAND_OVERS);
    for (const run of between) expect(timesIn(run)).toBeLessThanOrEqual(MOST_CONTESTED_HAND_OVERS + 1);
  });

  it('keep it when one in the middle gives up', async () => {
    const { arbiter, redlocks } = await contest(5, 5);
    const [holder, first, second, third, fourth] = redlocks as [Redlock, Redlock, Redlock, Redlock, Redlock];
    const lock = await holder.acquire('r');
    const controller = new AbortController();
    const before = await queueUp([first], arbiter);
    const [middle] = await queueUp([second], arbiter, 'r', { signal: controller.signal });
    const after = await queueUp([third, fourth], arbiter);
    const inLine = await lineOn(arbiter);
    controller.abort();
    await expect(middle).rejects.toBe(controller.signal.reason);
    await lineIs(arbiter, 3);
    expect(await lineOn(arbiter)).toEqual(inLine.toSpliced(1, 1));
    await lock.release();
    expect(await served([...before, ...after])).toHaveLength(3);
  });

  it('are all served though others try again and again without waiting', async () => {
    const { redlocks } = await contest(5, 5);
    const [trying, ...others] = redlocks as [Redlock, ...Redlock[]];
    const over = new AbortController();
    let holders = 0;
    const visit = async (): Promise<void> => {
      expect(++holders).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      holders--;
    };
    const tries = (async () => {
      while (!over.signal.aborted) {
        await using lock = await trying.tryAcquire('r');
        if (lock) await visit();
      }
    })();
    await Promise.all(
      others.map(async (redlock) => {
        for (let time = 0; time < 10; time++) await redlock.using('r', visit);
      }),
    );
    over.abort();
    await tries;
  });

  it('leave nothing in line when they have had it', async () => {
    const { servers, redlocks } = await contest(5, 24);
    await served(redlocks.map((redlock) => redlock.acquire('r')));
    for (const server of servers) await lineIs(server, 0);
  });
});
