import { NodeMisconfiguredError, type NodeSpec, Redlock } from 'quorlock';
import { expect, it, onTestFinished } from 'vitest';
import { startFakeNode } from '../support/fake-node.ts';
import { LONG_LOCK } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL } from '../support/least-acl.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { rejection } from './fixtures/nodes.ts';

enforceNoLeaks();

const FOR_EVER = { acquireTimeout: Number.POSITIVE_INFINITY } as const;

async function started(count: number): Promise<RedisServer[]> {
  const servers = await startRedises(count);
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
  return servers;
}

async function evicting(server: RedisServer): Promise<NodeSpec> {
  await server.cli('CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
  return server.url;
}

/** Makes a server unfit, and says how it is reached then. */
type Misfit = (server: RedisServer, third: RedisServer, address: string) => Promise<NodeSpec>;
const misfits: Record<string, Misfit> = {
  'evict keys': evicting,
  'forbid a command': async (server) => {
    await server.cli('ACL', 'SETUSER', 'quorlock', 'on', '>secret', '~*', ...LEAST_ACL, '-del');
    return `redis://quorlock:secret@127.0.0.1:${server.port}`;
  },
  'forbid the keys': async (server) => {
    await server.cli('ACL', 'SETUSER', 'quorlock', 'on', '>secret', '~x', ...LEAST_ACL);
    return `redis://quorlock:secret@127.0.0.1:${server.port}`;
  },
  'do not know the password': async (server) => {
    await server.cli('ACL', 'SETUSER', 'quorlock', 'on', '>another');
    return `redis://quorlock:secret@127.0.0.1:${server.port}`;
  },
  'are the same as the third': async (_server, third, address) => `redis://${address}:${third.port}`,
};

it.each(Object.keys(misfits))(
  'a lock that cannot be had because two of three %s is not waited for',
  async (what) => {
    const [a, b, third] = (await started(3)) as [RedisServer, RedisServer, RedisServer];
    await third.cli('CONFIG', 'SET', 'bind', '127.0.0.1 127.0.0.2 127.0.0.3');
    const misfit = misfits[what] as Misfit;
    const nodes = [third.url, await misfit(a, third, '127.0.0.2'), await misfit(b, third, '127.0.0.3')];
    await using redlock = new Redlock(nodes, LONG_LOCK);
    for (const failed of [redlock.acquire('r', FOR_EVER), redlock.using('r', FOR_EVER, () => {})]) {
      const error = await rejection(failed);
      expect(error).toBeInstanceOf(NodeMisconfiguredError);
      expect(
        (error as NodeMisconfiguredError).votes.filter(
          (vote) => vote.kind === 'unusable' && vote.isPermanent,
        ),
      ).toHaveLength(2);
    }
  },
);

it('calls that wait in line for a lock that cannot be had all fail like the first', async () => {
  const [server] = (await started(1)) as [RedisServer];
  const misfit = await evicting(server);
  await using redlock = new Redlock([misfit], LONG_LOCK);
  const calls = Array.from({ length: 20 }, () => rejection(redlock.acquire('r', FOR_EVER)));
  for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(NodeMisconfiguredError);
});

it('one misfit of three costs nothing', async () => {
  const [server, ...others] = (await started(3)) as [RedisServer, ...RedisServer[]];
  await using redlock = new Redlock([await evicting(server), ...others.map(({ url }) => url)], LONG_LOCK);
  for (let time = 0; time < 3; time++) await (await redlock.acquire('r', FOR_EVER)).release();
});

it('a server that is set right between two checks is waited for', async () => {
  const fake = await startFakeNode({
    info: (time) => (time === 1 ? { maxmemory_policy: 'allkeys-lru' } : {}),
  });
  await using redlock = new Redlock([fake.url], LONG_LOCK);
  const lock = await redlock.acquire('r', FOR_EVER);
  expect((await lock.release()).outcome).toBe('released');
});

it('a replica is waited for, however often it was looked at', async () => {
  const fake = await startFakeNode({ info: (time) => (time < 5 ? { role: 'slave' } : {}) });
  await using redlock = new Redlock([fake.url], LONG_LOCK);
  const lock = await redlock.acquire('r', FOR_EVER);
  expect((await lock.release()).outcome).toBe('released');
});
