import { Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { counterOf } from '../../src/node/counter.ts';
import { lineOf } from '../../src/node/line.ts';
import type { LockNode } from '../../src/node/lock-node.ts';
import { slotOf } from '../../src/node/redis/slot.ts';
import { createNodes } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { Asker } from '../support/asker.ts';
import { cluster as clusterOf } from '../support/clients/client.ts';
import { Ear } from '../support/ear.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { LONG_LOCK } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { tokenOf } from '../support/token.ts';

enforceNoLeaks();

async function idOf(server: RedisServer): Promise<string> {
  return String(await server.cli('CLUSTER', 'MYID'));
}

async function asker(cluster: RedisCluster, name: string): Promise<Asker> {
  const [node] = createNodes([clusterOf(cluster.startupNodes)], resolveSettings()).all as [LockNode];
  onTestFinished(() => node.close(1_000));
  const ask = new Asker(node);
  await ask.inspect(name);
  return ask;
}

describe('a slot of a Redis Cluster that is moved', () => {
  let cluster: RedisCluster;
  let from: RedisServer;
  let to: RedisServer;

  beforeAll(async () => {
    cluster = await startRedisCluster();
    [from, to] = cluster.servers as [RedisServer, RedisServer];
  });
  afterAll(() => cluster.stop());
  afterEach(() => expectNoKeys(cluster.servers));

  /** A name whose slot the first master has, another one each time. */
  let named = 0;
  function nameOnFirst(): string {
    for (;;) if (slotOf(`r${++named}`) < 5_000) return `r${named}`;
  }

  async function beginToMove(name: string): Promise<void> {
    await to.cli('CLUSTER', 'SETSLOT', slotOf(name), 'IMPORTING', await idOf(from));
    await from.cli('CLUSTER', 'SETSLOT', slotOf(name), 'MIGRATING', await idOf(to));
  }

  async function move(...keys: string[]): Promise<void> {
    await from.cli('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
  }

  async function endToMove(name: string): Promise<void> {
    for (const server of [to, from])
      await server.cli('CLUSTER', 'SETSLOT', slotOf(name), 'NODE', await idOf(to));
  }

  function open(): Redlock {
    const redlock = new Redlock([clusterOf(cluster.startupNodes)], { ...LONG_LOCK, nodeTimeout: 2_000 });
    onTestFinished(() => redlock.close());
    return redlock;
  }

  it('takes the locks that are held along, whose keys move with their counters', async () => {
    const redlock = open();
    const name = nameOnFirst();
    const lock = await redlock.acquire(name);
    await beginToMove(name);
    await lock.extend();
    await move(name, counterOf(name));
    await lock.extend();
    expect(lock.state).toBe('held');
    await endToMove(name);
    await lock.extend();
    expect(await to.cli('GET', name)).toBe(lock.ownerToken);
    expect(await redlock.tryAcquire(name)).toBeNull();
    expect((await lock.release()).outcome).toBe('released');
  });

  it('has an extension wait within its round until the counter has followed the key', async () => {
    const redlock = open();
    const name = nameOnFirst();
    const lock = await redlock.acquire(name);
    await beginToMove(name);
    await move(name);
    const before = await rejectedBy(from);
    const extended = lock.extend();
    // TRYAGAIN, again and again.
    await eventually(async () => (await rejectedBy(from)) >= before + 3 || undefined);
    await move(counterOf(name));
    await extended;
    await endToMove(name);
    expect((await lock.release()).outcome).toBe('released');
  });

  describe('has lines that save time or nothing', () => {
    const [holder, first, second] = [tokenOf(1, 1), tokenOf(2, 0), tokenOf(3, 0)];

    it('while the key is there still: the line is as it was', async () => {
      const name = nameOnFirst();
      const ask = await asker(cluster, name);
      const ear = new Ear(ask.node, first, name);
      await ear.told('live');
      await ask.grant(name, holder);
      await ask.stand(name, first, first);
      await beginToMove(name);
      expect(await ask.stand(name, second, second)).toMatchObject({ place: { position: 1 } });
      expect(await ask.release(name, holder)).toEqual({ kind: 'released' });
      await ear.told('turn');
      // By now it can only be set at the new master.
      expect(await ask.stand(name, first, first)).toEqual({ kind: 'granted' });
      await endToMove(name);
      expect(await ask.release(name, first)).toEqual({ kind: 'released' });
      await from.cli('DEL', lineOf(name)).catch(() => {});
    });

    it('while the line has gone ahead, or nobody has stood in it yet', async () => {
      const name = nameOnFirst();
      const ask = await asker(cluster, name);
      await ask.grant(name, holder);
      await beginToMove(name);
      const denied = { kind: 'denied', remaining: expect.any(Number), key: name, owner: expect.any(String) };
      expect(await ask.stand(name, first, first)).toEqual(denied);
      const waiter = { name: first, key: name, since: 0 };
      expect(await ask.release(name, 'unheard of', { afterwards: 'yield', waiter })).toEqual({
        kind: 'absent',
      });
      expect(await ask.release(name, 'unheard of', { waiter })).toEqual({ kind: 'absent' });
      expect(await ask.release(name, holder)).toEqual({ kind: 'released' });
      await endToMove(name);
    });

    it('while the key has gone ahead', async () => {
      const name = nameOnFirst();
      const ask = await asker(cluster, name);
      await ask.grant(name, holder);
      await ask.stand(name, first, first);
      await beginToMove(name);
      await move(name);
      const denied = { kind: 'denied', remaining: expect.any(Number), key: name, owner: expect.any(String) };
      expect(await ask.stand(name, second, second)).toMatchObject(denied);
      expect(await ask.release(name, holder)).toEqual({ kind: 'released' });
      await from.cli('DEL', lineOf(name)).catch(() => {});
      await endToMove(name);
      await to.cli('DEL', lineOf(name));
    });
  });

  it('grants new locks once it is moved, and costs other slots nothing', async () => {
    const redlock = open();
    const [name, other] = [nameOnFirst(), nameOnFirst()];
    await (await redlock.acquire(other)).release();
    await beginToMove(name);
    const waiting = redlock.acquire(name, { acquireTimeout: 20_000 });
    await (await redlock.acquire(other)).release();
    await endToMove(name);
    expect((await (await waiting).release()).outcome).toBe('released');
  });
});

/** How many EVALSHA a server has rejected. */
async function rejectedBy(server: RedisServer): Promise<number> {
  const stats = String(await server.cli('INFO', 'commandstats'));
  return Number(/cmdstat_evalsha:.*rejected_calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

describe('a server of a Redis Cluster that has all slots, given by URL', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ config: { 'cluster-enabled': 'yes' } });
    await server.cli('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await eventually(
      async () => String(await server.cli('CLUSTER', 'INFO')).includes('state:ok') || undefined,
    );
  });
  afterAll(() => server.stop());
  afterEach(() => expectNoKeys([server]));

  it('gets no command with keys of two slots, however many calls there are at once', async () => {
    await using redlock = new Redlock([server.url], LONG_LOCK);
    const names = Array.from({ length: 100 }, (_, i) => `r${i}`);
    const locks = await Promise.all(names.map((name) => redlock.acquire(name)));
    await Promise.all(locks.map((lock) => lock.extend()));
    const outcomes = await Promise.all(locks.map(async (lock) => (await lock.release()).outcome));
    expect(new Set(outcomes)).toEqual(new Set(['released']));
    expect(await rejectedBy(server)).toBe(0);
  });

  it('refuses a lock of two slots, and is told of it no more than it was asked', async () => {
    await using redlock = new Redlock([server.url], LONG_LOCK);
    const before = await rejectedBy(server);
    await expect(redlock.acquire(['a', 'b'], { acquireTimeout: 0 })).rejects.toThrow(/same hash slot/);
    await (await redlock.acquire('a')).release();
    await expect(redlock.acquire(['a', 'b'])).rejects.toThrow(/same hash slot.*\{hash tag\}/);
    expect((await rejectedBy(server)) - before).toBeLessThanOrEqual(2);
    await (await redlock.acquire(['{a}1', '{a}2'])).release();
  });
});
