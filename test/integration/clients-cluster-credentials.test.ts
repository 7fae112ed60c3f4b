import type { RedisOptions } from 'ioredis';
import { Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { COUNTER_SUFFIX } from '../../src/node/counter.ts';
import { cluster as clusterNode } from '../support/clients/client.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, reasonOf } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { callRedis } from '../support/resp.ts';

enforceNoLeaks();

const USER = { username: 'alice', password: 's3cret' };
const RESOURCES = ['a', 'b', 'c', 'd', 'e', 'f'];

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
  await onEach('ACL', 'SETUSER', USER.username, 'on', `>${USER.password}`, '~*', '+@all');
});
afterAll(() => cluster.stop());

async function onEach(...command: string[]): Promise<void> {
  for (const server of cluster.servers) await server.cli(...command);
}

function openRedlock(redisOptions: RedisOptions): Redlock {
  return new Redlock([clusterNode(cluster.startupNodes, { redisOptions })], LONG_LOCK);
}

/** Locks on all masters. */
async function expectLocks(redisOptions: RedisOptions): Promise<void> {
  await using redlock = openRedlock(redisOptions);
  const locks = await Promise.all(
    RESOURCES.map((resource) => redlock.acquire(resource, { acquireTimeout: 0 })),
  );
  const releases = await Promise.all(locks.map((lock) => lock.release()));
  expect(new Set(releases.map(({ outcome }) => outcome))).toEqual(new Set(['released']));
}

describe('a Cluster that runs scripts for one user only', () => {
  beforeAll(() => onEach('ACL', 'SETUSER', 'default', '-@scripting'));
  afterAll(() => onEach('ACL', 'SETUSER', 'default', '+@all'));
  afterEach(() => expectNoKeys(cluster.servers));

  it('takes locks of that user', () => expectLocks(USER));

  it('takes no locks of anybody else', async () => {
    await using redlock = openRedlock({});
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toMatch(/^unusable: NOPERM/);
  });
});

describe('a Cluster with a password', () => {
  beforeAll(() => onEach('ACL', 'SETUSER', 'default', 'resetpass', '>pass'));
  afterAll(async () => {
    for (const { port } of cluster.servers)
      await callRedis({ port, password: 'pass' }, ['ACL', 'SETUSER', 'default', 'nopass']);
  });
  afterEach(async () => {
    for (const { port } of cluster.servers) {
      const keys = (await callRedis({ port, password: 'pass' }, ['KEYS', '*'])) as string[];
      expect(keys.filter((key) => !key.endsWith(COUNTER_SUFFIX))).toEqual([]);
    }
  });

  it('takes locks of who knows it', () => expectLocks({ password: 'pass' }));

  it('takes locks of a user with another one', () => expectLocks(USER));

  it('takes no locks of who does not', async () => {
    await using redlock = openRedlock({});
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toMatch(/NOAUTH/);
  });
});
