import { NodesQuarantinedError, Redlock, type RedlockOptions } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { quarantineOf } from '../../src/node/redis/quarantine.ts';
import { cluster as clusterNode } from '../support/clients/client.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { aged, startServer } from './fixtures/guarded.ts';

enforceNoLeaks();

/** A master that is back takes part in its Cluster only after two seconds or three; its quarantine has to be longer. */
const LONGEST_TTL = 6_000;
const QUARANTINE = quarantineOf(LONGEST_TTL, 0.01);
const GUARDED: RedlockOptions = {
  maxTtl: LONGEST_TTL,
  nodeTimeout: 1_000,
  connectTimeout: 10_000,
  // 'auto' does not guard a single node.
  restartGuard: 'strict',
};

let cluster: RedisCluster;
/** One for each master. */
let resources: string[];

beforeAll(async () => {
  cluster = await startRedisCluster();
  resources = await Promise.all(cluster.servers.map(resourceOn));
  await aged(cluster.servers, QUARANTINE);
});
afterAll(() => cluster.stop());
afterEach(() => expectNoKeys(cluster.servers));

async function resourceOn(server: RedisServer): Promise<string> {
  for (let n = 0; ; n++) {
    const resource = `order:${n}`;
    const isThere = await server.cli('GET', resource).then(
      () => true,
      () => false,
    );
    if (isThere) return resource;
  }
}

function open(): Redlock {
  return new Redlock([clusterNode(cluster.startupNodes)], GUARDED);
}

/** Takes the resources' locks at the first attempt, and gives them back. */
async function expectLocks(redlock: Redlock, some: readonly string[]): Promise<void> {
  for (const resource of some) {
    const lock = await redlock.acquire(resource, { acquireTimeout: 0 });
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
  }
}

/** Resolves once a master that is back is found to be in quarantine. */
function quarantined(redlock: Redlock, resource: string): Promise<NodesQuarantinedError> {
  return eventually(async () => {
    const error = await redlock.tryAcquire(resource).catch((reason: unknown) => reason);
    if (error === null || !(error instanceof Error)) throw new Error('a lock of it was given, or denied');
    return error instanceof NodesQuarantinedError ? error : undefined;
  });
}

describe('a Redis Cluster as one node', () => {
  it('does not vote for the slots of a master that has forgotten its locks, but for all others', async () => {
    const [master] = cluster.servers as [RedisServer, RedisServer, RedisServer];
    const [lost = '', ...others] = resources;
    await using redlock = open();
    await expectLocks(redlock, resources);
    const held = await redlock.acquire(lost);
    await master.restart();
    const { remaining, votes } = await quarantined(redlock, lost);
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThanOrEqual(QUARANTINE);
    expect(votes).toMatchObject([{ kind: 'quarantined' }]);
    await expectLocks(redlock, others);

    await using newcomer = open();
    await quarantined(newcomer, lost);
    await expectLocks(newcomer, others);
    expect(held.state).toBe('held');

    const lock = await redlock.acquire(lost, { acquireTimeout: 20_000 });
    expect(held.state).toBe('lost');
    expect(Number(await master.info('uptime_in_seconds')) * 1_000).toBeGreaterThanOrEqual(LONGEST_TTL);
    await lock.release();
    await expectLocks(newcomer, resources);
  });

  it('does not miss the scripts that one master has lost', async () => {
    await using redlock = open();
    await expectLocks(redlock, resources);
    await cluster.servers[1]?.cli('SCRIPT', 'FLUSH');
    await expectLocks(redlock, resources);
  });

  it('serves a newcomer although one old master has lost its scripts', async () => {
    await aged(cluster.servers, QUARANTINE);
    await cluster.servers[1]?.cli('SCRIPT', 'FLUSH');
    await using redlock = open();
    await expectLocks(redlock, resources);
  });

  it('is as new as two servers beside it, and all vote at once', async () => {
    const others = await Promise.all([startServer(), startServer()]);
    const fresh = await startRedisCluster();
    onTestFinished(() => fresh.stop());
    const nodes = [clusterNode(fresh.startupNodes), ...others.map(({ url }) => url)];
    await using redlock = new Redlock(nodes, { connectTimeout: 10_000 });
    await expectLocks(redlock, resources);
  });
});
