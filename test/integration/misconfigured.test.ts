import { NodeMisconfiguredError, Redlock } from 'quorlock';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { info, startFakeRedis } from '../support/fake-redis.ts';
import {
  expectSpared,
  failureOf,
  failureWith,
  LONG_LOCK,
  reasonOf,
  recovered,
  serversOneFaulty,
} from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { startRedis } from '../support/redis-server.ts';

enforceNoLeaks();

const servers = serversOneFaulty();

/** The faulty server's. */
const addresses = (): [string, string] => [servers.faulty.url, `redis://localhost:${servers.faulty.port}`];
const spec = (): string => `redis://quorlock:wrong@127.0.0.1:${servers.faulty.port}`;
const allow = (password: string): Promise<unknown> =>
  servers.faulty.cli('ACL', 'SETUSER', 'quorlock', 'reset', 'on', `>${password}`, '~*', '+@all');

describe('one server behind two addresses', () => {
  it('votes once, and the other vote says which it is the same as', async () => {
    await using redlock = new Redlock(addresses(), LONG_LOCK);
    const error = await failureOf(redlock);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    const names = [`127.0.0.1:${servers.faulty.port}`, `localhost:${servers.faulty.port}`];
    expect(error.votes.map(({ node }) => node)).toEqual(names);
    expect(new Set(error.votes.map(({ kind }) => kind))).toEqual(new Set(['granted', 'unusable']));
    const bad = error.votes.findIndex(({ kind }) => kind === 'unusable');
    expect(error.votes[bad]).toMatchObject({ why: `it is the same server as ${names[1 - bad]}` });
  });

  it('does not keep the lock from two others', async () => {
    await using redlock = new Redlock([...addresses(), servers.healthy[0].url], LONG_LOCK);
    await using lock = await redlock.acquire('r', { acquireTimeout: 0 });
    for (const server of [servers.faulty, servers.healthy[0]])
      expect(await server.cli('GET', 'r')).toBe(lock.ownerToken);
  });

  it('still votes once after it was restarted', async () => {
    await using redlock = new Redlock(addresses(), LONG_LOCK);
    await failureOf(redlock);
    await servers.faulty.restart();
    const kinds = await eventually(async () => {
      const { votes } = await failureOf(redlock);
      return votes.some(({ kind }) => kind === 'granted') ? votes.map(({ kind }) => kind) : undefined;
    });
    expect(kinds.filter((kind) => kind === 'granted')).toHaveLength(1);
  });
});

describe('a replica', () => {
  it('gets no grant', async () => {
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${servers.healthy[0].port}` } });
    onTestFinished(() => replica.stop());
    const error = await failureWith(replica.url, servers.healthy[1]);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toMatch(/^unusable: .*replica/);
    expect(await replica.info('cmdstat_evalsha')).toBeUndefined();
  });

  it('votes once it is promoted', async () => {
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${servers.healthy[0].port}` } });
    onTestFinished(() => replica.stop());
    await using redlock = new Redlock([replica.url], LONG_LOCK);
    await failureOf(redlock);
    await replica.cli('REPLICAOF', 'NO', 'ONE');
    await recovered(redlock);
  });
});

describe('a server that is too old', () => {
  it.each(['6.2.14', '5.0.0', '2.8.24'])('gets no grant: %s', async (version) => {
    const old = await startFakeRedis(([name]) =>
      name?.toLowerCase() === 'info'
        ? info({ redis_version: version, run_id: 'old', role: 'master', loading: '0' })
        : '+OK\r\n',
    );
    onTestFinished(() => old.stop());
    const error = await failureWith(old.url, servers.healthy[0]);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toMatch(`unusable: version ${version} is older than 7.0`);
    await expectSpared(old.url, servers.healthy);
    expect(new Set(old.commands.map(([name]) => name?.toLowerCase()))).toEqual(new Set(['info']));
  });
});

describe('a server that evicts keys', () => {
  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])('gets no grant: %s', async (policy) => {
    const config = { maxmemory: '100mb', 'maxmemory-policy': policy };
    const evicting = await startRedis({ config });
    onTestFinished(() => evicting.stop());
    const error = await failureWith(evicting.url, servers.healthy[0]);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toMatch(`unusable: maxmemory-policy ${policy}`);
    await expectSpared(evicting.url, servers.healthy);
    expect(await evicting.info('cmdstat_evalsha')).toBeUndefined();
  });

  it('votes once its policy is changed', async () => {
    const config = { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' };
    const evicting = await startRedis({ config });
    onTestFinished(() => evicting.stop());
    await using redlock = new Redlock([evicting.url], LONG_LOCK);
    await failureOf(redlock);
    await evicting.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await recovered(redlock);
  });

  it('votes when it has no limit that it would evict for', async () => {
    const boundless = await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } });
    onTestFinished(() => boundless.stop());
    await using redlock = new Redlock([boundless.url], LONG_LOCK);
    expect(await redlock.tryAcquire('r').then((lock) => lock?.release())).toMatchObject({
      outcome: 'released',
    });
  });
});

describe('a wrong password', () => {
  it('makes that node unusable', async () => {
    await allow('right');
    const error = await failureWith(spec(), servers.healthy[0]);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toMatch(/^unusable: WRONGPASS/);
  });

  it('costs nothing while the others are a quorum', async () => {
    await allow('right');
    await expectSpared(spec(), servers.healthy);
  });

  it('heals when the server is changed', async () => {
    await allow('right');
    await using redlock = new Redlock([spec()], LONG_LOCK);
    await failureOf(redlock);
    await allow('wrong');
    await recovered(redlock);
  });

  it('is noticed when the user is deleted while connected', async () => {
    await allow('wrong');
    await using redlock = new Redlock([spec()], LONG_LOCK);
    await recovered(redlock);
    await servers.faulty.cli('ACL', 'DELUSER', 'quorlock');
    const why = await eventually(async () => {
      const reason = reasonOf((await failureOf(redlock)).votes[0]);
      return reason?.startsWith('unusable') ? reason : undefined;
    });
    expect(why).toMatch(/WRONGPASS/);
    await allow('wrong');
    await recovered(redlock);
  });

  it('is one that is missing', async () => {
    const guarded = await startRedis({ config: { requirepass: 'needed' } });
    onTestFinished(() => guarded.stop());
    const error = await failureWith(`redis://127.0.0.1:${guarded.port}`, servers.healthy[0]);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toMatch(/^unusable: NOAUTH/);
  });
});
