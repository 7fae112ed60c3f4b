import slotOf from 'cluster-key-slot';
import { type Lock, type NodeSpec, Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cluster as clusterNode } from '../support/clients/client.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { SLACK, timed } from './fixtures/nodes.ts';
import { inboxesOn, standingOn, subscribersOf, UNWOKEN, wokenByRelease } from './fixtures/waiters.ts';

enforceNoLeaks();

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.stop());
afterEach(() => expectNoKeys(cluster.servers));

function client(): NodeSpec {
  return clusterNode(cluster.startupNodes);
}

/** The master that has a key. */
async function masterOf(key: string): Promise<RedisServer> {
  for (const server of cluster.servers) {
    const has = await server.cli('EXISTS', key).then(
      () => true,
      () => false,
    );
    if (has) return server;
  }
  throw new Error(`no master has ${key}`);
}

/** One resource for each master, in the order of the servers. */
async function spread(): Promise<string[]> {
  const found = new Map<RedisServer, string>();
  for (let n = 0; found.size < cluster.servers.length; n++) {
    const server = await masterOf(`order:${n}`);
    if (!found.has(server)) found.set(server, `order:${n}`);
  }
  return cluster.servers.map((server) => found.get(server) ?? '');
}

/** Moves the hash slot of a key, with the keys in it, as an operator does who scales a Cluster. */
async function moveSlot(key: string, from: RedisServer, to: RedisServer): Promise<void> {
  const slot = slotOf(key);
  const [fromId, toId] = await Promise.all(
    [from, to].map(async (server) => String(await server.cli('CLUSTER', 'MYID'))),
  );
  await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId ?? '');
  await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId ?? '');
  const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
  if (keys.length > 0) await from.cli('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
  for (const server of [to, from, ...cluster.servers.filter((each) => each !== to && each !== from)])
    await server.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId ?? '');
}

/** Resolves once somebody stands in line for one of the keys at a master. */
function heardAt(server: RedisServer, ...keys: string[]): Promise<true> {
  return eventually(async () => {
    const standing = await Promise.all(keys.map((key) => standingOn(server, key)));
    return standing.some((count) => count > 0) || undefined;
  });
}

async function expectWoken(lock: Lock, call: Promise<Lock>): Promise<void> {
  const won = await wokenByRelease(lock, call);
  expect(await won.release()).toMatchObject({ outcome: 'released' });
}

describe('a call that waits for a lock on a Redis Cluster', () => {
  it('is woken by the release, whatever master has the key', async () => {
    await using holder = new Redlock([client()]);
    await using redlock = new Redlock([client()]);
    for (const [index, resource] of (await spread()).entries()) {
      const lock = await holder.acquire(resource);
      const call = redlock.acquire(resource, UNWOKEN);
      await heardAt(cluster.servers[index] as RedisServer, resource);
      await expectWoken(lock, call);
    }
  });

  it('is woken by the release of several resources in one hash slot', async () => {
    await using holder = new Redlock([client()]);
    await using redlock = new Redlock([client()]);
    const resources = ['{order}:a', 'b:{order}', '{order}'];
    const lock = await holder.acquire(resources);
    const call = redlock.acquire(resources.slice(1), UNWOKEN);
    await heardAt(await masterOf('{order}'), ...resources.slice(1));
    await expectWoken(lock, call);
  });

  it('has one connection that hears of turns with each master that has a line', async () => {
    await using holder = new Redlock([client()]);
    await using redlock = new Redlock([client()]);
    const resources = await spread();
    const [first = '', second = ''] = resources;
    const locks = [await holder.acquire(first), await holder.acquire(second)] as const;
    const calls = [redlock.acquire(first, UNWOKEN), redlock.acquire(second, UNWOKEN)] as const;
    await heardAt(cluster.servers[0] as RedisServer, first);
    await heardAt(cluster.servers[1] as RedisServer, second);
    const counts = await Promise.all(
      cluster.servers.map(async (server) => (await subscribersOf(server)).length),
    );
    expect(counts).toEqual([1, 1, 0]);
    await expectWoken(locks[0], calls[0]);
    await expectWoken(locks[1], calls[1]);
  });

  it('hears again of a master whose connections were cut', async () => {
    await using holder = new Redlock([client()]);
    await using redlock = new Redlock([client()]);
    const lock = await holder.acquire('r');
    const call = redlock.acquire('r', UNWOKEN);
    const master = await masterOf('r');
    await heardAt(master, 'r');
    const before = await subscribersOf(master);
    await master.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(async () => {
      const after = await subscribersOf(master);
      return after.some((id) => !before.includes(id)) || undefined;
    });
    await expectWoken(lock, call);
  });

  it('hears again of a key whose hash slot has moved to another master', async () => {
    const [resource = ''] = await spread();
    const [from, to] = cluster.servers as [RedisServer, RedisServer];
    await using holder = new Redlock([client()]);
    await using redlock = new Redlock([client()]);
    const lock = await holder.acquire(resource, { ttl: 30_000 });
    const call = redlock.acquire(resource, UNWOKEN);
    await heardAt(from, resource);
    await moveSlot(resource, from, to);
    const { ms } = await timed(eventually(async () => (await inboxesOn(to)).length > 0 || undefined));
    await expectWoken(lock, call);
    await moveSlot(resource, to, from);
    expect(ms).toBeLessThan(5_000);
  }, 60_000);

  it('gets the lock although its hash slot moves again and again', async () => {
    const [resource = ''] = await spread();
    const [from, to] = cluster.servers as [RedisServer, RedisServer];
    await using holder = new Redlock([client()]);
    await using redlock = new Redlock([client()]);
    for (let time = 0; time < 2; time++) {
      const lock = await holder.acquire(resource, { ttl: 30_000 });
      const call = redlock.acquire(resource, { acquireTimeout: 20_000 });
      await moveSlot(resource, from, to);
      void lock.release();
      expect((await timed(call)).ms).toBeLessThan(5_000 + SLACK);
      await (await call).release();
      await moveSlot(resource, to, from);
    }
  }, 60_000);
});
