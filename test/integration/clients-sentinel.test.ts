import type { RedisOptions } from 'ioredis';
import { NodeMisconfiguredError, type NodeSpec, type RedisNodeOptions, Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { client } from '../support/clients/client.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { array } from '../support/fake-node.ts';
import { bulk, startFakeRedis } from '../support/fake-redis.ts';
import { failureOf, LONG_LOCK, reasonOf, recovered } from '../support/faulty-node.ts';
import { DEAD_PORT } from '../support/free-port.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, LEAST_SENTINEL_ACL } from '../support/least-acl.ts';
import { startRedises } from '../support/redis-server.ts';
import { callRedis } from '../support/resp.ts';
import { type SentinelSetup, startSentinel } from '../support/sentinel.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { expectLockBy, expectLockOn } from '../support/try-lock.ts';

enforceNoLeaks();

let setup: SentinelSetup;

beforeAll(async () => {
  setup = await startSentinel();
});
afterAll(() => setup.stop());
afterEach(() => expectNoKeys([setup.master, setup.replica]));

it('a node given as Sentinel options locks on the master', async () => {
  const { sentinels, name } = setup;
  await expectLockOn({ sentinels, name }, setup.master);
});

it('a node given as an instance that reads from replicas locks on the master', async () => {
  const { sentinels, name } = setup;
  await expectLockOn(client({ sentinels, name, role: 'slave' }), setup.master);
});

it('a master that the Sentinel does not know is unreachable, for that reason', async () => {
  const spec = { sentinels: setup.sentinels, name: 'unheard-of' };
  await using redlock = new Redlock([spec], { ...LONG_LOCK, connectTimeout: 300 });
  const { votes } = await failureOf(redlock);
  expect(votes[0]?.node).toContain('unheard-of@127.0.0.1');
  expect(reasonOf(votes[0])).toMatch(/^unreachable: .*sentinel/i);
});

it.each([
  ['options', (spec: RedisOptions): NodeSpec => spec as RedisNodeOptions],
  ['an instance', client],
])(
  'a master that takes writes without replicas gets no grant, until it does not any more: given as %s',
  async (_how, give) => {
    const { sentinels, name, master } = setup;
    await master.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await using redlock = new Redlock([give({ sentinels, name })], LONG_LOCK);
    const error = await failureOf(redlock);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toMatch(/^unusable: min-replicas-to-write is 0/);
    await master.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await recovered(redlock);
    await expectLockBy(redlock, master);
  },
);

it('an old master that a failover has left alone grants nothing any more, though nobody tells it', async () => {
  const [old, next] = await startRedises(2, {
    config: { 'min-replicas-to-write': '1', 'repl-diskless-sync-delay': '0' },
  });
  if (!old || !next) throw new Error('no servers');
  await next.cli('REPLICAOF', '127.0.0.1', old.port);
  await vi.waitUntil(async () => (await old.info('min_slaves_good_slaves')) === '1', { timeout: 60_000 });
  const finder = await startFakeRedis(([command = '', verb = '']) => {
    if (command.toLowerCase() !== 'sentinel') return '+OK\r\n';
    return /get-master/i.test(verb) ? array([bulk('127.0.0.1'), bulk(String(old.port))]) : '*0\r\n';
  });
  {
    await using redlock = new Redlock(
      [{ sentinels: [{ host: '127.0.0.1', port: finder.port }], name: 'main' }],
      LONG_LOCK,
    );
    await recovered(redlock);
    await next.cli('REPLICAOF', 'NO', 'ONE');
    await vi.waitUntil(async () => (await old.info('min_slaves_good_slaves')) === '0', { timeout: 60_000 });
    expect(reasonOf((await failureOf(redlock)).votes[0])).toMatch(/^unreachable: NOREPLICAS/);
    await expectNoKeys([old]);
  }
  await finder.stop();
  await Promise.all([old.stop(), next.stop()]);
});

it('a user with the least rights on Sentinel and master is enough', async () => {
  const at = { port: setup.sentinels[0]?.port ?? 0 };
  await callRedis(at, ['ACL', 'SETUSER', 'finder', 'on', '>found', ...LEAST_SENTINEL_ACL]);
  await setup.master.cli('ACL', 'SETUSER', 'locker', 'on', '>locked', '~r', '~{r}:*', ...LEAST_ACL);
  const finder = { sentinelUsername: 'finder', sentinelPassword: 'found' };
  const locker = { username: 'locker', password: 'locked' };
  await expectLockOn({ sentinels: setup.sentinels, name: setup.name, ...finder, ...locker }, setup.master);
});

it('a Sentinel that is down makes the node unreachable until it is up', async () => {
  const { sentinels, name } = setup;
  const proxy = await startProxy(sentinels[0]?.port ?? 0);
  proxy.refuse();
  const spec = { sentinels: [{ host: '127.0.0.1', port: proxy.port }], name, updateSentinels: false };
  {
    await using redlock = new Redlock([spec], { ...LONG_LOCK, connectTimeout: 300 });
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toMatch(/^unreachable/);
    await proxy.accept();
    await recovered(redlock);
    await expectLockBy(redlock, setup.master);
  }
  await proxy.stop();
});

it('a Sentinel of two that is down costs nothing', async () => {
  const { sentinels, name } = setup;
  await expectLockOn(
    { sentinels: [{ host: '127.0.0.1', port: DEAD_PORT }, ...sentinels], name },
    setup.master,
  );
});

it('a failover moves the node to the new master', async () => {
  const { sentinels, name, replica } = setup;
  await using redlock = new Redlock([{ sentinels, name }], LONG_LOCK);
  await recovered(redlock);
  await callRedis({ port: sentinels[0]?.port ?? 0 }, ['SENTINEL', 'FAILOVER', name]);
  // A Sentinel tells clients of the new master only once it has read its INFO, every ten seconds.
  // To be demoted, the old master loses all of its clients, this one too if it asks at that moment.
  const demoted = async (): Promise<boolean> => (await setup.master.info('role').catch(() => '')) === 'slave';
  await vi.waitUntil(demoted, { timeout: 60_000, interval: 50 });
  await recovered(redlock);
  await expectLockBy(redlock, replica);
});
