import { describe, expect, it } from 'vitest';
import { LONGEST_FOREIGN_PAUSE } from '../../src/acquire/wake.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { connected, openRedlock, startNodes, timed } from './fixtures/nodes.ts';
import { heardOn } from './fixtures/waiters.ts';

enforceNoLeaks();

/** Many times the longest pause, for a busy machine; a waiter that relied on notifications would need up to 5 s. */
const SOON = 15 * LONGEST_FOREIGN_PAUSE;

const DELETE_OWN = 'if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end';

async function deleteOwn(server: RedisServer, value: string): Promise<void> {
  await server.cli('EVAL', DELETE_OWN, 1, 'r', value);
}

describe('behind a holder that is not quorlock, a waiter with default options gets the lock soon after its release', () => {
  it.each<[string, (server: RedisServer) => Promise<unknown>, (server: RedisServer) => Promise<unknown>]>([
    [
      'a lock of redlock',
      (server) => server.cli('SET', 'r', '5f4dcc3b5aa765d61d8327deb882cf99', 'NX', 'PX', 60_000),
      (server) => deleteOwn(server, '5f4dcc3b5aa765d61d8327deb882cf99'),
    ],
    [
      'a lock of redis-semaphore',
      (server) => server.cli('SET', 'r', 'f47ac10b-58cc-4372-a567-0e02b2c3d479', 'NX', 'PX', 60_000),
      (server) => deleteOwn(server, 'f47ac10b-58cc-4372-a567-0e02b2c3d479'),
    ],
    ['a value set by hand', (server) => server.cli('SET', 'r', '1'), (server) => server.cli('DEL', 'r')],
    [
      'a hash',
      (server) => server.cli('HSET', 'r', 'owner', 'x'),
      (server) => server.cli('HDEL', 'r', 'owner'),
    ],
    [
      'a value that is replaced by another',
      (server) => server.cli('SET', 'r', '1', 'PX', 60_000),
      (server) => server.cli('SET', 'r', '2', 'PX', 1),
    ],
  ])('%s', async (_what, take, release) => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    await Promise.all(servers.map(take));
    const call = redlock.acquire('r', { acquireTimeout: 60_000 });
    await heardOn(servers);
    await Promise.all(servers.map(release));
    const { ms, outcome } = await timed(call);
    expect(outcome.status).toBe('fulfilled');
    expect(ms).toBeLessThan(SOON);
    await (await call).release();
  });
});
