import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import slotOf from 'cluster-key-slot';
import { Redlock } from 'quorlock';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { cluster as clusterNode } from '../support/clients/client.ts';
import { eventually } from '../support/eventually.ts';
import { bulk, info, startFakeRedis } from '../support/fake-redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { runFixture } from './fixtures/child.ts';
import { timed } from './fixtures/nodes.ts';

const USER = 'q';
const PASSWORD = 'secret';

/** What goes wrong with a server, and what calls say of it. */
interface Trouble {
  readonly says: RegExp;
  readonly begin: (server: RedisServer) => unknown;
}

const TROUBLES: Record<string, Trouble> = {
  'is killed': { says: /ECONNREFUSED|was lost/, begin: (server) => server.kill() },
  'is stopped': { says: /no answer|not answered|no connection/, begin: (server) => server.pause() },
  'has another password': {
    says: /WRONGPASS/,
    begin: async (server) => {
      await server.cli('ACL', 'SETUSER', USER, 'resetpass', '>another');
      await server.cli('CLIENT', 'KILL', 'USER', USER);
    },
  },
  'says READONLY': {
    says: /READONLY|replica/,
    begin: (server) => server.cli('REPLICAOF', '127.0.0.1', '1'),
  },
  'says MISCONF': {
    says: /MISCONF/,
    begin: async (server) => {
      // What cannot be replaced by a file makes saving fail, for root too.
      await mkdir(join(server.dir, 'dump.rdb', 'x'), { recursive: true });
      await server.cli('CONFIG', 'SET', 'save', '3600 1');
      await server.cli('BGSAVE').catch(() => {});
      await eventually(async () => (await server.info('rdb_last_bgsave_status')) === 'err' || undefined);
    },
  },
  'says OOM': { says: /OOM/, begin: (server) => server.cli('CONFIG', 'SET', 'maxmemory', '1') },
  'says NOREPLICAS': {
    says: /NOREPLICAS/,
    begin: (server) => server.cli('CONFIG', 'SET', 'min-replicas-to-write', '1'),
  },
  'says BUSY': {
    says: /BUSY/,
    begin: async (server) => {
      server.cli('EVAL', 'while true do end', 0).catch(() => {});
      await eventually(() =>
        server.cli('GET', 'x').then(
          () => undefined,
          () => true,
        ),
      );
    },
  },
  'evicts keys': {
    says: /evict/,
    begin: async (server) => {
      await server.cli('CONFIG', 'SET', 'maxmemory', '1gb', 'maxmemory-policy', 'allkeys-lru');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
  },
  'permits no scripts any more': {
    says: /NOPERM/,
    begin: (server) => server.cli('ACL', 'SETUSER', USER, '-evalsha'),
  },
  'permits none of the keys any more': {
    says: /NOPERM/,
    begin: (server) => server.cli('ACL', 'SETUSER', USER, 'resetkeys', '~other:*'),
  },
  'permits no deletions any more': {
    says: /NOPERM|ACL/,
    begin: (server) => server.cli('ACL', 'SETUSER', USER, '-del', '-set'),
  },
  'refuses INFO': {
    says: /NOPERM/,
    begin: async (server) => {
      await server.cli('ACL', 'SETUSER', USER, '-info');
      await server.cli('CLIENT', 'KILL', 'USER', USER);
    },
  },
};

/** How a server that only speaks like one answers scripts. */
const ANSWERS: Record<string, string> = {
  'says NOSCRIPT for ever': '-NOSCRIPT No matching script.\r\n',
  'says READONLY, and that it is a master': "-READONLY You can't write against a read only replica.\r\n",
};

/** The most that twenty waiters cost in a second, at all three servers; a core's share with some room for a busy machine. */
const MOST = { commands: 400, connections: 60, core: 0.2 };

interface Cost {
  readonly commands: number;
  readonly connections: number;
  readonly core: number;
  readonly outcome: string;
}

async function cost(
  urls: readonly string[],
  begin: () => Promise<unknown>,
  onFinished: TestContext['onTestFinished'],
): Promise<Cost> {
  const fixture = runFixture('twenty-waiters.ts', [urls.join(',')], [], onFinished);
  await fixture.printed('ready');
  await begin();
  fixture.process.kill('SIGUSR2');
  await fixture.exit;
  return JSON.parse(fixture.lines.at(-1) ?? '') as Cost;
}

function expectLittle({ commands, connections, core }: Cost): void {
  expect(commands).toBeLessThanOrEqual(MOST.commands);
  expect(connections).toBeLessThanOrEqual(MOST.connections);
  expect(core).toBeLessThanOrEqual(MOST.core);
}

describe('twenty waiters cost little while every server', () => {
  it.concurrent.for(Object.entries(TROUBLES))('%s', async ([, { says, begin }], { onTestFinished }) => {
    const servers = await startRedises(3, { config: { 'lua-time-limit': '5' } });
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    for (const server of servers)
      await server.cli('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    const urls = servers.map(({ port }) => `redis://${USER}:${PASSWORD}@127.0.0.1:${port}`);
    const spent = await cost(urls, () => Promise.all(servers.map(begin)), onTestFinished);
    expect(spent.outcome).toMatch(says);
    expectLittle(spent);
  });

  it.concurrent.for(Object.entries(ANSWERS))('%s', async ([, answer], { onTestFinished }) => {
    const servers = await Promise.all(
      [1, 2, 3].map((id) =>
        startFakeRedis(([command = '', verb = '', ...more]) => {
          if (command.toLowerCase() === 'info') return infoOfMaster(id);
          if (command.toLowerCase() === 'evalsha') return answer;
          if (verb.toLowerCase() !== 'exists') return bulk('loaded');
          return `*${more.length}\r\n${':1\r\n'.repeat(more.length)}`;
        }),
      ),
    );
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    const urls = servers.map(({ url }) => url);
    const spent = await cost(urls, () => Promise.resolve(), onTestFinished);
    expect(spent.outcome).toMatch(/^cannot lock "r0"/);
    expectLittle(spent);
  });
});

describe('a Redis Cluster that moves a slot', () => {
  it('serves what is in that slot from the master that it is moved to, and the others as before', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.stop());
    const [from, to] = cluster.servers as [RedisServer, RedisServer];
    const options = {
      maxTtl: 500,
      ttl: 500,
      nodeTimeout: 100,
      fencing: false,
      restartGuard: 'strict',
    } as const;
    await using redlock = new Redlock([clusterNode(cluster.startupNodes)], options);
    await (await redlock.acquire('any', { acquireTimeout: 9_000 })).release();
    // The master of the first third of all slots has these.
    const [moving = '', staying = ''] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter(
      (tag) => slotOf(tag) < 5_000,
    );
    const slot = slotOf(moving);
    await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(await from.cli('CLUSTER', 'MYID')));
    await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(await to.cli('CLUSTER', 'MYID')));
    const calls = Array.from({ length: 20 }, (_, i) =>
      timed(redlock.acquire(`{${moving}}${i}`, { acquireTimeout: 4_000 })),
    );
    await sleep(1_000);
    const before = await commandsOf(cluster.servers);
    for (let i = 0; i < 20; i++) {
      const lock = await redlock.acquire(`{${staying}}${i}`, { acquireTimeout: 500 });
      await lock.release();
      await sleep(100);
    }
    const spent = (await commandsOf(cluster.servers)) - before;
    expect(spent).toBeLessThanOrEqual(2 * MOST.commands);
    for (const { outcome } of await Promise.all(calls)) expect(outcome.status).toBe('fulfilled');
  });
});

/** How many commands servers have run. */
async function commandsOf(servers: readonly RedisServer[]): Promise<number> {
  const counts = await Promise.all(servers.map((server) => server.info('total_commands_processed')));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

function infoOfMaster(id: number): string {
  return info({
    redis_version: '7.0.15',
    run_id: `run-${id}`,
    role: 'master',
    master_replid: `replid-${id}`,
    second_repl_offset: '-1',
    uptime_in_seconds: '1000000',
    maxmemory: '0',
    loading: '0',
  });
}
