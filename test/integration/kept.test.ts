import { describe, expect, it } from 'vitest';
import type { Lock, Redlock } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  connected,
  openRedlock,
  rejection,
  startNodes,
  startProxies,
  takenOnAll,
  UNGUARDED,
} from './fixtures/nodes.ts';

enforceNoLeaks();

/** So long that a busy machine cannot use it up; extensions are asked for by hand. */
const LASTING = { ...UNGUARDED, ttl: 30_000, nodeTimeout: 200 } as const;

async function taken(redlock: Redlock, servers: readonly RedisServer[]): Promise<Lock> {
  await connected(redlock, servers);
  const lock = await redlock.acquire('r');
  await takenOnAll(servers, 'r');
  return lock;
}

function becomesBusy(server: RedisServer): Promise<true> {
  return eventually(() =>
    server.cli('PING').then(
      () => undefined,
      () => true as const,
    ),
  );
}

/** The lock can be extended again before its validity ends. */
async function kept(lock: Lock): Promise<void> {
  const end = (): number => performance.now() + lock.remaining();
  const before = end();
  await eventually(() =>
    lock.extend().then(
      () => true,
      (error: Error) => {
        if (lock.state !== 'held') throw error;
        return undefined;
      },
    ),
  );
  expect(end()).toBeGreaterThan(before + 1);
  expect((await lock.release()).outcome).toBe('released');
}

async function filled(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.cli('CONFIG', 'SET', 'maxmemory', '1')));
}

describe('a lock is extended again after', () => {
  it('a majority of nodes hung while it was extended', async () => {
    const servers = await startNodes(3);
    const lock = await taken(openRedlock(servers, LASTING), servers);
    for (const server of servers.slice(1)) server.pause();
    expect(await rejection(lock.extend())).toMatchObject({ code: 'QUORUM_UNREACHABLE' });
    for (const server of servers.slice(1)) server.resume();
    await kept(lock);
  });

  it('all nodes hung for so long that their connections were cut', async () => {
    const servers = await startNodes(3);
    const lock = await taken(openRedlock(servers, LASTING), servers);
    for (const server of servers) server.pause();
    await eventually(async () => /no answer for/.test((await rejection(lock.extend())).message) || undefined);
    for (const server of servers) server.resume();
    await kept(lock);
  });

  it.each(['requests', 'answers'] as const)(
    'all connections were reset with the %s of an extension on their way',
    async (direction) => {
      const servers = await startNodes(3);
      const proxies = await startProxies(servers);
      const lock = await taken(openRedlock(proxies, LASTING), servers);
      for (const proxy of proxies) proxy.hold(direction);
      const failed = rejection(lock.extend());
      await Promise.all(proxies.map((proxy) => proxy.held(direction)));
      for (const proxy of proxies) proxy.cut();
      for (const proxy of proxies) proxy.resumeFlow();
      expect(await failed).toMatchObject({ code: 'QUORUM_UNREACHABLE' });
      await kept(lock);
    },
  );

  it('one node died and another hung', async () => {
    const servers = await startNodes(3);
    const lock = await taken(openRedlock(servers, LASTING), servers);
    const [, hung, dead] = servers as [RedisServer, RedisServer, RedisServer];
    await dead.kill();
    hung.pause();
    expect(await rejection(lock.extend())).toMatchObject({ code: 'QUORUM_UNREACHABLE' });
    hung.resume();
    await kept(lock);
  });

  it.each([1, 3])('%i nodes were busy with a script', async (count) => {
    const servers = await startNodes(count);
    const lock = await taken(openRedlock(servers, LASTING), servers);
    await Promise.all(servers.map((server) => server.cli('CONFIG', 'SET', 'busy-reply-threshold', '5')));
    const scripts = servers.map((server) => server.cli('EVAL', 'while true do end', 0).catch(() => {}));
    await Promise.all(servers.map(becomesBusy));
    expect((await rejection(lock.extend())).message).toContain('BUSY');
    await Promise.all(servers.map((server) => server.cli('SCRIPT', 'KILL')));
    await Promise.all(scripts);
    await kept(lock);
  });
});

describe('on servers whose memory is full', () => {
  it.each([true, false])('a lock is extended and released (fencing: %s)', async (fencing) => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, LASTING);
    await connected(redlock, servers);
    const lock = await redlock.acquire(['r', 's'], { fencing });
    await takenOnAll(servers, 'r');
    await filled(servers);
    for (const server of servers) await server.cli('PEXPIRE', 'r', 20_000);
    await lock.extend();
    for (const server of servers) expect(await server.cli('PTTL', 'r')).toBeGreaterThan(20_000);
    expect((await lock.release()).outcome).toBe('released');
  });

  it('a new lock is refused with the reason', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, LASTING);
    await connected(redlock, servers);
    await filled(servers);
    const error = await rejection(redlock.tryAcquire('r'));
    expect(error).toMatchObject({ code: 'QUORUM_UNREACHABLE' });
    expect(error.message).toContain('OOM command not allowed');
  });
});
