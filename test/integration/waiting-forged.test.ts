import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Lock, Redlock } from '../../src/index.ts';
import { inboxOf } from '../../src/node/inbox.ts';
import { lineOf } from '../../src/node/line.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { tokenOf } from '../support/token.ts';
import { arbitersFor, lineIs, lineOn, openRedlocks, queueUp, served } from './fixtures/line.ts';
import { startNodes } from './fixtures/nodes.ts';
import { inboxesOn } from './fixtures/waiters.ts';

enforceNoLeaks();

/** A lock, and two that wait for it. */
interface Scene {
  readonly servers: RedisServer[];
  readonly arbiter: RedisServer;
  readonly redlocks: Redlock[];
  readonly lock: Lock;
  readonly calls: Promise<Lock>[];
}

async function scene(): Promise<Scene> {
  const servers = await startNodes(3);
  const redlocks = await openRedlocks(3, servers);
  const [arbiter] = arbitersFor(servers) as [RedisServer];
  const [holder, ...others] = redlocks as [Redlock, ...Redlock[]];
  const lock = await holder.acquire('r');
  const calls = await queueUp(others, arbiter);
  return { servers, arbiter, redlocks, lock, calls };
}

/** Both get the lock, whichever is the first; then nobody is in line. */
async function expectBothServed({ arbiter, calls }: Pick<Scene, 'arbiter' | 'calls'>): Promise<void> {
  expect(await served(calls)).toHaveLength(2);
  await lineIs(arbiter, 0);
}

const take = (servers: readonly RedisServer[], ttl: number): Promise<unknown> =>
  Promise.all(servers.map((server) => server.cli('SET', 'r', 'not a token', 'PX', ttl)));
const remove = (servers: readonly RedisServer[], key = 'r'): Promise<unknown> =>
  Promise.all(servers.map((server) => server.cli('DEL', key)));

/** Subscribes to an inbox of nobody's, for the length of the test. */
async function hear(server: RedisServer, inbox: string): Promise<void> {
  const socket = connect(server.port, '127.0.0.1');
  onTestFinished(async () => {
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
  });
  socket.write(`SSUBSCRIBE ${inbox}\r\n`);
  await eventually(async () => (await inboxesOn(server)).includes(inbox) || undefined);
}

describe('those that wait are served although a foreign client', () => {
  it.each(['the arbiter', 'a majority', 'all nodes'])(
    'takes the key over while it is held, and deletes it: %s',
    async (where) => {
      const set = await scene();
      const { arbiter, servers, lock } = set;
      const others = servers.filter((server) => server !== arbiter);
      const count = { 'the arbiter': 0, 'a majority': 1, 'all nodes': 2 }[where];
      const taken = [arbiter, ...others.slice(0, count)];
      await take(taken, 60_000);
      await lock.release();
      await remove(taken);
      await expectBothServed(set);
    },
  );

  it('deletes the key at the arbiter while it is held', async () => {
    const set = await scene();
    await remove([set.arbiter]);
    await set.lock.release();
    await expectBothServed(set);
  });

  it('takes the key after the release, before the next one comes', async () => {
    const set = await scene();
    const { arbiter, servers, lock } = set;
    const others = servers.filter((server) => server !== arbiter);
    await remove(servers);
    await take(others, 60_000);
    await lock.release();
    await remove(others);
    await expectBothServed(set);
  });

  it('takes and deletes the key again and again', async () => {
    const servers = await startNodes(5);
    const redlocks = await openRedlocks(3, servers);
    const over = new AbortController();
    const foreign = servers.map(async (server) => {
      while (!over.signal.aborted) {
        await server.cli('SET', 'r', 'not a token', 'NX', 'PX', 20);
        await server.cli('EVAL', DELETE_FOREIGN, 1, 'r');
      }
    });
    let holders = 0;
    await Promise.all(
      redlocks.map(async (redlock) => {
        for (let time = 0; time < 5; time++)
          await redlock.using('r', { retry: { maxTimeout: 50 } }, async () => {
            expect(++holders).toBe(1);
            await new Promise((resolve) => setImmediate(resolve));
            holders--;
          });
      }),
    );
    over.abort();
    await Promise.all(foreign);
  });

  it('overwrites and deletes what is reserved', async () => {
    const set = await scene();
    const { arbiter, lock } = set;
    const over = new AbortController();
    const foreign = (async () => {
      while (!over.signal.aborted) await arbiter.cli('EVAL', REPLACE_RESERVATION, 1, 'r');
    })();
    await lock.release();
    await expectBothServed(set);
    over.abort();
    await foreign;
  });
});

const DELETE_FOREIGN = `if redis.call('GET', KEYS[1]) == 'not a token' then return redis.call('DEL', KEYS[1]) end`;
const REPLACE_RESERVATION = `if string.find(redis.call('GET', KEYS[1]) or '', 'quorlock:turn:', 1, true) then
  redis.call('SET', KEYS[1], 'not a token')
  redis.call('DEL', KEYS[1])
end`;

describe('those that wait are served although somebody deletes', () => {
  it('the key of the lock, everywhere', async () => {
    const set = await scene();
    await remove(set.servers);
    // Nobody notifies of that: the first in line has to ask.
    const [first] = set.calls;
    await first;
    await set.lock.release();
    await expectBothServed(set);
  });

  it('the line', async () => {
    const set = await scene();
    await remove([set.arbiter], lineOf('r'));
    await set.lock.release();
    await expectBothServed(set);
  });

  it('all keys of the arbiter', async () => {
    const set = await scene();
    await set.arbiter.cli('FLUSHALL');
    await set.lock.release();
    await expectBothServed(set);
  });
});

describe('with a forged line, a lock is served as ever:', () => {
  it.each<[string, (server: RedisServer) => Promise<unknown>]>([
    ['a string', (server) => server.cli('SET', lineOf('r'), 'x')],
    ['a hash', (server) => server.cli('HSET', lineOf('r'), 'x', 'y')],
    ['a list', (server) => server.cli('RPUSH', lineOf('r'), 'x')],
  ])('%s in its place', async (_what, forge) => {
    const servers = await startNodes(3);
    await Promise.all(servers.map(forge));
    const redlocks = await openRedlocks(3, servers, { retry: { maxTimeout: 50 } });
    expect(await served(redlocks.map((redlock) => redlock.acquire('r')))).toHaveLength(3);
    await remove(servers, lineOf('r'));
  });

  it('of a wrong type from the middle of a wait on', async () => {
    const set = await scene();
    await set.arbiter.cli('SET', lineOf('r'), 'x');
    await set.lock.release();
    expect(await served(set.calls)).toHaveLength(2);
    await remove(set.servers, lineOf('r'));
  });

  it.each<[string, (n: number) => string]>([
    ['thousands of inboxes that nobody hears', (n) => inboxOf(tokenOf(9, n))],
    ['thousands of members that are no inboxes', (n) => `member ${n}`],
  ])('%s before all others', async (_what, member) => {
    const set = await scene();
    const members = Array.from({ length: 3_000 }, (_, n) => [n, member(n)]).flat();
    await set.arbiter.cli('ZADD', lineOf('r'), ...members);
    await set.lock.release();
    await expectBothServed(set);
  });

  it('somebody hears and never comes', async () => {
    const set = await scene();
    const inboxes = [1, 2].map((n) => inboxOf(tokenOf(9, n)));
    for (const inbox of inboxes) await hear(set.arbiter, inbox);
    await set.arbiter.cli('ZADD', lineOf('r'), ...inboxes.flatMap((inbox, n) => [n, inbox]));
    await set.lock.release();
    await expectBothServed(set);
  });

  it.each([60_000, undefined])('a reservation for nobody at the arbiter, for %s ms', async (ttl) => {
    const set = await scene();
    const expiry = ttl === undefined ? [] : ['PX', ttl];
    await set.arbiter.cli('SET', 'r', inboxOf(tokenOf(9, 1)), ...expiry);
    await set.lock.release();
    expect(await served(set.calls)).toHaveLength(2);
    await remove([set.arbiter]);
    await lineIs(set.arbiter, 0);
  });
});

describe('forged messages', () => {
  it.each(['turn r', 'next r'])('get nobody a lock that is held: %s', async (message) => {
    const set = await scene();
    const { arbiter, lock, redlocks } = set;
    const before = await lineOn(arbiter);
    const [, waiting] = redlocks as [Redlock, Redlock];
    for (let time = 0; time < 20; time++)
      for (const inbox of before)
        for (const text of [message, `${message} too`, 'nonsense'])
          expect(await arbiter.cli('SPUBLISH', inbox, text)).toBe(1);
    expect((await waiting.inspect('r')).state).toBe('held');
    await lock.extend();
    expect((await lineOn(arbiter)).toSorted()).toEqual(before.toSorted());
    await lock.release();
    await expectBothServed(set);
  });
});
