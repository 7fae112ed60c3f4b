import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Lock, Redlock, RedlockOptions } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { SHORT, SHORT_TTL } from './fixtures/guarded.ts';
import { arbitersFor, lineIs, lineOn, openRedlocks, queueUp, served } from './fixtures/line.ts';
import { startNodes, UNGUARDED } from './fixtures/nodes.ts';
import { heardOn, subscribersOf } from './fixtures/waiters.ts';

enforceNoLeaks();

const WAITERS = 3;

/** A lock, and some that wait for it at its arbiter. */
interface Scene {
  readonly servers: RedisServer[];
  readonly arbiter: RedisServer;
  /** The node that stands in for the arbiter. */
  readonly next: RedisServer;
  readonly lock: Lock;
  readonly calls: Promise<Lock>[];
}

/** `gap`: how long after one the next begins to wait, in ms. */
async function scene(options: RedlockOptions = UNGUARDED, gap = 0): Promise<Scene> {
  const servers = await startNodes(5);
  const redlocks = await openRedlocks(WAITERS + 1, servers, { nodeTimeout: 1_000, ...options });
  const [arbiter, next] = arbitersFor(servers) as [RedisServer, RedisServer];
  const [holder, ...others] = redlocks as [Redlock, ...Redlock[]];
  const lock = await holder.acquire('r', { autoExtend: true });
  const calls: Promise<Lock>[] = [];
  for (const redlock of others) {
    calls.push(...(await queueUp([redlock], arbiter)));
    await new Promise((resolve) => setTimeout(resolve, gap));
  }
  return { servers, arbiter, next, lock, calls };
}

/** What happens to the arbiter. */
const FAULTS: Record<string, (scene: Scene) => unknown> = {
  'is killed': ({ arbiter }) => arbiter.kill(),
  'is restarted empty': ({ arbiter }) => arbiter.restart(),
  'is stopped': ({ arbiter }) => arbiter.pause(),
  'forgets its scripts, as all do': ({ servers }) =>
    Promise.all(servers.map((server) => server.cli('SCRIPT', 'FLUSH', 'SYNC'))),
  'cuts those who hear of turns': ({ arbiter }) => arbiter.cli('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  'cuts everybody': async ({ arbiter }) => {
    await arbiter.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await arbiter.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  },
  'loses its keys': ({ arbiter }) => arbiter.cli('FLUSHALL'),
};

/** Every one of those that wait gets the lock, and then there is nobody in line where a server can be asked. */
async function expectAllServed({ servers, arbiter, calls }: Scene, isStopped = false): Promise<void> {
  expect(await served(calls)).toHaveLength(WAITERS);
  if (isStopped) arbiter.resume();
  for (const server of servers) if (server.reachable) await lineIs(server, 0);
}

describe('all that wait are served when their arbiter', () => {
  it.each(Object.entries(FAULTS))('%s as the lock is released', async (name, fault) => {
    const set = await scene();
    await Promise.all([fault(set), set.lock.release()]);
    await expectAllServed(set, name === 'is stopped');
  });

  it.each(Object.entries(FAULTS))('%s when the first has its turn', async (name, fault) => {
    const set = await scene();
    await set.lock.release();
    await fault(set);
    await expectAllServed(set, name === 'is stopped');
  });

  it('is stopped before the lock is released', async () => {
    const set = await scene();
    set.arbiter.pause();
    void set.lock.release();
    await expectAllServed(set, true);
  });
});

/** Resolves once these stand in line, in this order; one that tries whether the lock is free leaves it for a moment. */
async function lineBecomes(server: RedisServer, inboxes: readonly string[]): Promise<void> {
  await eventually(async () => isDeepStrictEqual(await lineOn(server), inboxes) || undefined);
}

/**
 * How long after one the next begins to wait, in ms. Another node puts them in order by how long each has waited, which it knows to the time that a
 * request takes: on a busy machine, hundreds of milliseconds.
 */
const APART = 500;

describe('those that wait keep their order', () => {
  it('at the next node in line when the arbiter is killed', async () => {
    const { arbiter, next, lock, calls } = await scene({ ...UNGUARDED, nodeTimeout: 5_000 }, APART);
    const before = await lineOn(arbiter);
    await arbiter.kill();
    await lineBecomes(next, before);
    await lock.release();
    await served(calls);
    // Otherwise close waits for nodeTimeout to send it what is owed.
    await arbiter.restart();
  });

  it('when the arbiter restarts empty', async () => {
    const { arbiter, lock, calls } = await scene(UNGUARDED, APART);
    const before = await lineOn(arbiter);
    await arbiter.restart();
    await lineBecomes(arbiter, before);
    await lock.release();
    await served(calls);
  });

  it('when the connections that hear of turns are cut', async () => {
    const { arbiter, lock, calls } = await scene();
    const before = await lineOn(arbiter);
    const connections = await subscribersOf(arbiter);
    await arbiter.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(async () => {
      const now = await subscribersOf(arbiter);
      return (now.length === WAITERS && !now.some((id) => connections.includes(id))) || undefined;
    });
    await lineBecomes(arbiter, before);
    await lock.release();
    await served(calls);
  });
});

describe('a node in quarantine', () => {
  it('is nobody’s arbiter', async () => {
    const set = await scene({ ...SHORT, ttl: SHORT_TTL, nodeTimeout: 500, restartGuard: 'strict' });
    await set.arbiter.restart();
    const others = set.servers.filter((server) => server !== set.arbiter);
    await heardOn(others, WAITERS);
    expect(await lineOn(set.arbiter)).toEqual([]);
    await set.lock.release();
    await expectAllServed(set);
  });
});
