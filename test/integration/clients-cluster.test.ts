import { type NodeSpec, QuorumUnreachableError, Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cluster as clusterNode } from '../support/clients/client.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, reasonOf } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { expectLocksOnAll, resourcesOf } from './fixtures/masters.ts';

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

async function evalshas(): Promise<(string | undefined)[]> {
  return Promise.all(cluster.servers.map((server) => server.info('cmdstat_evalsha')));
}

describe('a Redis Cluster as one node', () => {
  it('locks on the master of each key', () => expectLocksOnAll(client(), cluster));

  it('locks resources of many slots at the same time', async () => {
    await using redlock = new Redlock([client()], LONG_LOCK);
    const resources = Array.from({ length: 200 }, (_, n) => `many:${n}`);
    const locks = await Promise.all(resources.map((resource) => redlock.acquire(resource)));
    const outcomes = await Promise.all(locks.map((lock) => lock.release()));
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['released']));
  });

  it('takes several resources that share a hash tag', async () => {
    await using redlock = new Redlock([client()], LONG_LOCK);
    const lock = await redlock.acquire(['{user:1}:a', '{user:1}:b', 'x{user:1}']);
    expect((await lock.release()).outcome).toBe('released');
  });

  it('refuses several resources of different slots, by name, before anything is sent', async () => {
    await using redlock = new Redlock([client()], LONG_LOCK);
    await (await redlock.acquire('warm-up')).release();
    const before = await evalshas();
    const error: unknown = await redlock.acquire(['user:1', 'user:2']).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(/"user:1".*"user:2".*slot/);
    expect(await evalshas()).toEqual(before);
  });

  it.each(['{}{b}c', '{}b}'])(
    'refuses braces that clients and servers read differently: %s',
    async (resource) => {
      await using redlock = new Redlock([client()], LONG_LOCK);
      await (await redlock.acquire('warm-up')).release();
      const before = await evalshas();
      const error: unknown = await redlock.acquire(resource).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RangeError);
      expect((error as Error).message).toContain(JSON.stringify(resource));
      expect(await evalshas()).toEqual(before);
    },
  );

  it('does not miss a script that one master has lost', async () => {
    await using redlock = new Redlock([client()], LONG_LOCK);
    const resources = await resourcesOf(cluster);
    await cluster.servers[1]?.cli('SCRIPT', 'FLUSH');
    const locks = await Promise.all(
      resources.map((resource) => redlock.acquire(resource, { acquireTimeout: 0 })),
    );
    const outcomes = await Promise.all(locks.map((lock) => lock.release()));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['released', 'released', 'released']);
  });

  it('follows a slot that moves to another master', async () => {
    const [from, to] = cluster.servers as [RedisServer, RedisServer, RedisServer];
    const [resource = ''] = await resourcesOf(cluster);
    await using redlock = new Redlock([client()], LONG_LOCK);
    await (await redlock.acquire(resource)).release();
    await moveSlot(Number(await from.cli('CLUSTER', 'KEYSLOT', resource)), from, to);
    const lock = await redlock.acquire(resource);
    expect(await to.cli('GET', resource)).toBe(lock.ownerToken);
    await lock.release();
    await moveSlot(Number(await from.cli('CLUSTER', 'KEYSLOT', resource)), to, from);
  });

  it('votes together with nodes of other kinds', async () => {
    const others = (await startRedises(2)) as [RedisServer, RedisServer];
    onTestFinished(async () => {
      await Promise.all(others.map((server) => server.stop()));
    });
    await using redlock = new Redlock([client(), others[0].url, { port: others[1].port }], LONG_LOCK);
    const lock = await redlock.acquire(['{a}1', '{a}2']);
    expect((await lock.release()).outcome).toBe('released');
    await expectNoKeys(others);
  });

  it('votes unreachable while the master of a key is dead', async () => {
    const others = (await startRedises(2)) as [RedisServer, RedisServer];
    onTestFinished(async () => {
      await Promise.all(others.map((server) => server.stop()));
    });
    await using alone = new Redlock([client()], LONG_LOCK);
    await using redlock = new Redlock([client(), ...others.map(({ url }) => url)], LONG_LOCK);
    const [resource = ''] = await resourcesOf(cluster);
    await (await alone.acquire(resource)).release();
    await (await redlock.acquire(resource)).release();
    await cluster.servers[0]?.kill();
    for (let attempt = 0; attempt < 3; attempt++) {
      const error = await failureOf(alone, resource);
      expect(error).toBeInstanceOf(QuorumUnreachableError);
      expect(reasonOf(error.votes[0])).toMatch(/^unreachable/);
      await (await redlock.acquire(resource, { acquireTimeout: 0 })).release();
    }
    await cluster.servers[0]?.restart();
    await eventually(async () => {
      const lock = await alone.tryAcquire(resource).catch(() => null);
      await lock?.release();
      return lock ?? undefined;
    });
    await expectNoKeys(others);
  });
});

async function moveSlot(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
  const id = String(await to.cli('CLUSTER', 'MYID'));
  // What is left there are counters, which a real move would take along.
  const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, 1_000)) as string[];
  if (keys.length > 0) await from.cli('DEL', ...keys);
  for (const server of [to, from]) await server.cli('CLUSTER', 'SETSLOT', slot, 'NODE', id);
}
