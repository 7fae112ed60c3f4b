import type { ClusterOptions } from 'ioredis';
import { Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { toEndpoint } from '../../src/client/endpoint.ts';
import { IoredisConnection } from '../../src/client/ioredis.ts';
import { systemRandom } from '../../src/random.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, reasonOf, recovered } from '../support/faulty-node.ts';
import { clusterClient, redisClient } from '../support/ioredis-clients.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../support/redis-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';

enforceNoLeaks();

describe('a connection with a name that breaks before the server has answered anything', () => {
  it.each<[string, object]>([
    ['a name', { connectionName: 'somebody' }],
    ['a name and a password', { connectionName: 'somebody', password: 'secret' }],
    ['a name and a database', { connectionName: 'somebody', db: 1 }],
  ])('is made again: one with %s', async (_what, options) => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    proxy.hold('answers');
    await using redlock = new Redlock([redisClient({ port: proxy.port, ...options })], LONG_LOCK);
    await proxy.held('answers');
    proxy.cut();
    proxy.resumeFlow();
    await recovered(redlock);
    await expectNoKeys([server]);
  });
});

describe('a connection that is made while the event loop is blocked', () => {
  it('is not given up although it took too long', async () => {
    const server = await startRedis({ config: { requirepass: 'secret' } });
    onTestFinished(() => server.stop());
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    const clock = new ManualClock();
    const endpoint = toEndpoint({ port: proxy.port, password: 'secret' }, 0);
    const connection = new IoredisConnection({
      endpoint,
      connectTimeout: 1_000,
      clock,
      random: systemRandom,
    });
    onTestFinished(() => connection.close());
    proxy.hold('answers');
    const first = new Promise((resolve) => {
      connection.open({ up: () => resolve('up'), down: resolve });
    });
    await proxy.held('answers');
    clock.jump(1_100);
    clock.advance(0);
    proxy.resumeFlow();
    expect(await first).toBe('up');
    expect(clock.pending).toBe(0);
  });
});

describe('a Cluster whose name is looked up', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  afterEach(() => expectNoKeys(cluster.servers));

  it('for longer than the first contact may take is there once it is known', async () => {
    const waiting: (() => void)[] = [];
    let known = false;
    const dnsLookup: ClusterOptions['dnsLookup'] = (_host, found) => {
      const answer = (): void => found(null, '127.0.0.1');
      if (known) answer();
      else waiting.push(answer);
    };
    const nodes = cluster.startupNodes.map(({ port }) => ({ host: 'cluster.example', port }));
    const instance = clusterClient(nodes, { dnsLookup });
    await using redlock = new Redlock([instance], { ...LONG_LOCK, connectTimeout: 50 });
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toBe('unreachable: no contact within 50 ms');
    expect(waiting).not.toEqual([]);
    known = true;
    for (const answer of waiting) answer();
    await recovered(redlock);
  });
});
