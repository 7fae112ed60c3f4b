import { Redlock, type RedlockOptions } from 'quorlock';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { cluster as clusterNode } from '../support/clients/client.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { peek } from '../support/peek.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';

enforceNoLeaks();

let cluster: RedisCluster;
/** One for each master. */
let resources: string[];

beforeAll(async () => {
  cluster = await startRedisCluster();
  resources = await Promise.all(cluster.servers.map(resourceOn));
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

function open(options: RedlockOptions): Redlock {
  return new Redlock([clusterNode(cluster.startupNodes)], options);
}

/** Takes a lock and gives it back. */
async function expectLock(redlock: Redlock, resource: string, acquireTimeout?: number): Promise<void> {
  const lock = await redlock.acquire(resource, acquireTimeout === undefined ? {} : { acquireTimeout });
  expect(await lock.release()).toMatchObject({ outcome: 'released' });
}

it('a dead master of a Redis Cluster does not keep others from voting while somebody waits for its slots', async () => {
  const [, alive = '', lost = ''] = resources;
  const [, , doomed] = cluster.servers as [RedisServer, RedisServer, RedisServer];
  const allow = cluster.servers.map((each) =>
    each.cli('CONFIG', 'SET', 'cluster-require-full-coverage', 'no'),
  );
  await Promise.all(allow);
  await using redlock = open({ nodeTimeout: 1_000 });
  await expectLock(redlock, alive);
  await expectLock(redlock, lost);
  await using held = await redlock.acquire(`{${alive}}:held`, { ttl: 3_000, autoExtend: true });

  await doomed.kill();
  const waiting = redlock.acquire(lost, { acquireTimeout: 4_000 });
  while ((await peek(waiting)) === 'pending') await expectLock(redlock, alive, 0);
  await expect(waiting).rejects.toThrow('gave up');
  expect(held.state).toBe('held');
});
