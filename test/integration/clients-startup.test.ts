import { once } from 'node:events';
import { connect } from 'node:net';
import type { ClusterOptions } from 'ioredis';
import { Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createConnection } from '../../src/node/redis/connect.ts';
import { toEndpoint } from '../../src/node/redis/endpoint.ts';
import type { RedisConnection } from '../../src/node/redis/redis-connection.ts';
import { systemRandom } from '../../src/random.ts';
import { client, cluster as clusterNode } from '../support/clients/client.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, reasonOf, recovered } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
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
    await using redlock = new Redlock([client({ port: proxy.port, ...options })], LONG_LOCK);
    await proxy.held('answers');
    proxy.cut();
    proxy.resumeFlow();
    await recovered(redlock);
    await expectNoKeys([server]);
  });
});

function connectionTo(
  spec: { port: number; password?: string },
  clock: ManualClock,
  connectTimeout: number,
): RedisConnection {
  const endpoint = toEndpoint(spec, 0, '');
  return createConnection({ endpoint, connectTimeout, patience: 1_000, clock, random: systemRandom });
}

describe('a connection that is made while the event loop is blocked', () => {
  it('is not given up although it took too long', async () => {
    const server = await startRedis({ config: { requirepass: 'secret' } });
    onTestFinished(() => server.stop());
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    const clock = new ManualClock();
    const connection = connectionTo({ port: proxy.port, password: 'secret' }, clock, 1_000);
    onTestFinished(() => connection.close());
    proxy.hold('answers');
    const first = new Promise((resolve) => {
      connection.open({ up: () => resolve('up'), parted: () => {}, down: resolve });
    });
    await proxy.held('answers');
    clock.jump(1_100);
    clock.advance(0);
    proxy.resumeFlow();
    expect(await first).toBe('up');
  });
});

/** The longest pause before the next try to connect, in ms. */
const LONGEST_PAUSE = 250;

/** Takes what connections the kernel still makes for a server that is stopped: from then on it answers no SYN. */
async function fillBacklog(port: number): Promise<void> {
  const sockets = Array.from({ length: 16 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.race(sockets.map((socket) => once(socket, 'connect')));
}

describe('a reconnection whose SYN is not answered', () => {
  it.each([
    ['700 ms', 700, 1_000],
    ['a third of connectTimeout if that is more', 1_000, 3_000],
  ])('is given up after %s, and made again', async (_what, patience, connectTimeout) => {
    const server = await startRedis({ config: { 'tcp-backlog': '1' } });
    onTestFinished(() => server.stop());
    const clock = new ManualClock();
    const connection = connectionTo({ port: server.port }, clock, connectTimeout);
    onTestFinished(() => connection.close());
    const heard: string[] = [];
    connection.open({
      up: () => heard.push('up'),
      parted: () => {},
      down: ({ message }) => heard.push(message),
    });
    await eventually(async () => heard.includes('up') || undefined);
    server.pause();
    await fillBacklog(server.port);
    connection.reset(new Error('reset'));
    for (const time of [1, 2]) {
      // One limit for the SYN, and one for all of it.
      await eventually(async () => clock.pending === 2 || undefined);
      clock.advance(patience - 1);
      await turn();
      expect(heard).toHaveLength(time);
      clock.advance(1);
      expect(heard).toHaveLength(time + 1);
      clock.advance(LONGEST_PAUSE);
    }
    const givenUp = `no connection within ${patience} ms`;
    expect(heard).toEqual(['up', givenUp, givenUp]);
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
    const instance = clusterNode(nodes, { dnsLookup });
    await using redlock = new Redlock([instance], { ...LONG_LOCK, connectTimeout: 50 });
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toBe(
      'unreachable: no contact within 50 ms: its name is still being looked up',
    );
    expect(waiting).not.toEqual([]);
    known = true;
    for (const answer of waiting) answer();
    await recovered(redlock);
  });
});
