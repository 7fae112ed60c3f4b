import { describe, expect, it } from 'vitest';
import type { Redlock } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { aged, SHORT, SHORT_TTL } from './fixtures/guarded.ts';
import { connected, openRedlock, startNodes, takenOnAll } from './fixtures/nodes.ts';

enforceNoLeaks();

const TIMES = 50;

/** Resolves once the resource's key is on no server. */
function goneFromAll(servers: readonly RedisServer[], key: string): Promise<unknown> {
  return Promise.all(
    servers.map((server) => eventually(async () => (await server.cli('EXISTS', key)) === 0 || undefined)),
  );
}

describe('while all is well', () => {
  it.each([true, false])(
    'an operation is one EVALSHA on each node, and nothing else is sent (fencing: %s)',
    async (fencing) => {
      const servers = await startNodes(5);
      const redlock = openRedlock(servers, { fencing });
      await connected(redlock, servers);
      const before = await Promise.all(servers.map(commandsOf));
      for (let time = 1; time <= TIMES; time++) {
        const lock = await redlock.acquire('r');
        await lock.extend();
        // All that was sent has run on all once the last of it has.
        if (time === TIMES) await takenOnAll(servers, 'r');
        await lock.release();
      }
      await goneFromAll(servers, 'r');
      for (const [index, server] of servers.entries())
        expect(await commandsSince(before[index], server)).toEqual({ evalsha: 3 * TIMES, info: 1 });
    },
  );
});

/** Five servers that two clients have seen, and that then have no script any more. */
async function flushed(age: 'old' | 'young'): Promise<{
  servers: RedisServer[];
  clients: readonly [Redlock, Redlock];
  before: Map<string, number>[];
}> {
  const servers = await startNodes(5);
  // To load scripts again takes several round trips, on a busy machine longer than a tenth of the ttl.
  const options = { ...SHORT, nodeTimeout: SHORT_TTL / 2 };
  const clients = [openRedlock(servers, options), openRedlock(servers, options)] as const;
  for (const client of clients) await connected(client, servers);
  if (age === 'old') await aged(servers);
  const before = await Promise.all(servers.map(commandsOf));
  for (const server of servers) await server.cli('SCRIPT', 'FLUSH');
  return { servers, clients, before };
}

describe('servers that lose their scripts, and nothing else', () => {
  it.each(['old', 'young'] as const)('serve everybody who knew them at once: they are %s', async (age) => {
    const { clients } = await flushed(age);
    const locks = await Promise.all(
      clients.map((client, index) => client.acquire(`r${index}`, { acquireTimeout: 0 })),
    );
    for (const lock of locks) expect(await lock.release()).toMatchObject({ outcome: 'released' });
  });

  it('are each looked at once, and given each script once', async () => {
    const { servers, clients, before } = await flushed('old');
    for (let time = 0; time < 10; time++) {
      const lock = await clients[0].acquire('r', { acquireTimeout: 0 });
      await lock.release();
    }
    await connected(clients[0], servers);
    for (const [index, server] of servers.entries()) {
      const sent = await commandsSince(before[index], server);
      // INFO for the look, and by counting; the gate, the script that grants, and perhaps the one that does not.
      expect(sent).toMatchObject({ 'script|exists': 1, info: 2 });
      expect([2, 3]).toContain(sent['script|load']);
    }
  });

  it('are no reason for a newcomer to wait if they are old', async () => {
    const { servers } = await flushed('old');
    await using lock = await openRedlock(servers, { ...SHORT, restartGuard: 'strict' }).acquire('r', {
      acquireTimeout: 0,
    });
    expect(lock.state).toBe('held');
  });

  it('are no reason for a holder to lose its lock', async () => {
    const { servers, clients } = await flushed('young');
    const lock = await clients[0].acquire('r');
    for (const server of servers) await server.cli('SCRIPT', 'FLUSH');
    await lock.extend();
    expect(await clients[1].tryAcquire('r')).toBeNull();
    for (const server of servers) await server.cli('SCRIPT', 'FLUSH');
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
  });
});
