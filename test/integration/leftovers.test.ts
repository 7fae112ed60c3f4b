import { describe, expect, it } from 'vitest';
import { QuorumUnreachableError } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { grantsIn } from './fixtures/commands.ts';
import {
  calls,
  connected,
  openRedlock,
  rejection,
  SLACK,
  startNodes,
  startProxies,
  takenOnAll,
  timed,
} from './fixtures/nodes.ts';

enforceNoLeaks();

const NODE_TIMEOUT = 100;

/** Resolves once the server has run as many more grants (SETs, that is). */
async function granted(server: RedisServer, before: number): Promise<void> {
  await eventually(async () => (await calls(server, 'set')) > before || undefined);
}

/** Three nodes, two of them behind proxies that keep the requests of one attempt until it has failed. */
async function attemptWithHeld(direction: 'requests' | 'answers'): Promise<{
  servers: RedisServer[];
  proxies: TcpProxy[];
}> {
  const servers = await startNodes(3);
  const proxies = await startProxies(servers.slice(1));
  const redlock = openRedlock([...servers.slice(0, 1), ...proxies], { nodeTimeout: NODE_TIMEOUT });
  await connected(redlock, servers);
  for (const proxy of proxies) proxy.hold(direction);
  expect(await rejection(redlock.tryAcquire('r'))).toBeInstanceOf(QuorumUnreachableError);
  return { servers, proxies };
}

describe('a failed attempt leaves no key', () => {
  it('when its grant is executed after the timeout', async () => {
    const { servers, proxies } = await attemptWithHeld('requests');
    const sets = await Promise.all(servers.map((server) => calls(server, 'set')));
    for (const proxy of proxies) proxy.resumeFlow();
    await Promise.all(servers.slice(1).map((server, index) => granted(server, sets[index + 1] ?? 0)));
    await expectNoKeys(servers);
  });

  it('when its grant was executed in time, without an answer', async () => {
    const { servers, proxies } = await attemptWithHeld('answers');
    await expectNoKeys(servers);
    for (const proxy of proxies) proxy.resumeFlow();
    await expectNoKeys(servers);
  });

  it('on nodes that granted before others denied', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const held = servers.slice(2);
    await Promise.all(held.map((server) => server.cli('SET', 'r', 'another', 'PX', 60_000)));
    expect(await redlock.tryAcquire('r')).toBeNull();
    await expectNoKeys(servers.slice(0, 2));
    for (const server of held) expect(await server.cli('GETDEL', 'r')).toBe('another');
  });

  it('on nodes that hung during it, once they go on', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    for (const server of servers.slice(1)) server.pause();
    expect(await rejection(redlock.tryAcquire('r'))).toBeInstanceOf(QuorumUnreachableError);
    await expectNoKeys(servers.slice(0, 1));
    const sets = 1;
    for (const server of servers.slice(1)) server.resume();
    await Promise.all(servers.slice(1).map((server) => granted(server, sets)));
    await expectNoKeys(servers);
  });

  it('of several resources', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    for (const server of servers.slice(1)) await server.cli('SET', 'b', 'another', 'PX', 60_000);
    expect(await redlock.tryAcquire(['a', 'b', 'c'])).toBeNull();
    for (const server of servers.slice(1)) await server.cli('DEL', 'b');
    await expectNoKeys(servers);
  });
});

describe('each attempt', () => {
  it('has an owner token of its own', async () => {
    const servers = await startNodes(3);
    const proxies = await startProxies(servers);
    // So many tries are made at that pace, though waiters are notified.
    const redlock = openRedlock(proxies, { retry: { retries: 1_000, minTimeout: 5, maxTimeout: 5 } });
    await connected(redlock, servers);
    for (const server of servers) await server.cli('SET', 'r', 'another', 'PX', 60_000);
    const seen = proxies.map((proxy) => {
      const tokens: string[] = [];
      void proxy.requests((chunk) => {
        tokens.push(...grantsIn(chunk));
        return false;
      });
      return tokens;
    });
    const acquiring = redlock.acquire('r');
    // Not all nodes need be asked about a lock that is held as before.
    await eventually(async () => Math.max(...seen.map(({ length }) => length)) >= 5 || undefined);
    for (const server of servers) await server.cli('DEL', 'r');
    await using lock = await acquiring;
    for (const tokens of seen) {
      await eventually(async () => tokens.at(-1) === lock.ownerToken || undefined);
      expect(new Set(tokens).size).toBe(tokens.length);
    }
  });
});

describe('aborting an attempt', () => {
  it.each(['requests', 'answers'] as const)(
    'leaves nothing when its %s were under way',
    async (direction) => {
      const servers = await startNodes(3);
      const proxies = await startProxies(servers);
      const redlock = openRedlock(proxies, { nodeTimeout: 5_000 });
      await connected(redlock, servers);
      const sets = await Promise.all(servers.map((server) => calls(server, 'set')));
      for (const proxy of proxies) proxy.hold(direction);
      const controller = new AbortController();
      const acquiring = timed(redlock.acquire('r', { signal: controller.signal }));
      await Promise.all(proxies.map((proxy) => proxy.held(direction)));
      const reason = new Error('not wanted any more');
      controller.abort(reason);
      const { ms, outcome } = await acquiring;
      expect(outcome).toEqual({ status: 'rejected', reason });
      expect(ms).toBeLessThan(5_000 / 3);
      for (const proxy of proxies) proxy.resumeFlow();
      await Promise.all(servers.map((server, index) => granted(server, sets[index] ?? 0)));
      await expectNoKeys(servers);
    },
  );
});

describe('a release', () => {
  it('is owed to a node that hangs, and done when it goes on', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    servers[2]?.pause();
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    servers[2]?.resume();
    await expectNoKeys(servers);
  });

  it('is unconfirmed in time when most nodes hang, and done when they go on', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    for (const server of servers.slice(1)) server.pause();
    const { ms, outcome } = await timed(lock.release());
    expect(outcome).toMatchObject({ status: 'fulfilled', value: { outcome: 'unconfirmed' } });
    expect(ms).toBeLessThan(NODE_TIMEOUT + SLACK);
    for (const server of servers.slice(1)) server.resume();
    await expectNoKeys(servers);
  });

  it('takes back a grant that comes after the win', async () => {
    const servers = await startNodes(3);
    const proxies = await startProxies(servers.slice(2));
    const redlock = openRedlock([...servers.slice(0, 2), ...proxies]);
    await connected(redlock, servers);
    const sets = await calls(servers[2] as RedisServer, 'set');
    for (const proxy of proxies) proxy.hold('requests');
    const lock = await redlock.acquire('r');
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    for (const proxy of proxies) proxy.resumeFlow();
    await granted(servers[2] as RedisServer, sets);
    await expectNoKeys(servers);
  });
});
