import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { QuorumUnreachableError, Redlock } from 'quorlock';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
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
import { type RedisServer, startRedis } from '../support/redis-server.ts';

enforceNoLeaks();

/** A state of a server that passes: how to bring it about, and how to end it. */
interface Trouble {
  says: string;
  begin: (server: RedisServer) => Promise<unknown>;
  end: (server: RedisServer) => Promise<unknown>;
}

const TROUBLES: Trouble[] = [
  {
    says: 'BUSY',
    async begin(server) {
      server.cli('EVAL', 'while true do end', 0).catch(() => {});
      await eventually(async () => (await isBusy(server)) || undefined);
    },
    async end(server) {
      await server.cli('SCRIPT', 'KILL');
      await eventually(async () => !(await isBusy(server)) || undefined);
    },
  },
  {
    says: 'OOM',
    begin: (server) => server.cli('CONFIG', 'SET', 'maxmemory', '1'),
    end: (server) => server.cli('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    says: 'MISCONF',
    async begin(server) {
      // What cannot be replaced by a file makes saving fail, for root too.
      await mkdir(join(server.dir, 'dump.rdb', 'x'), { recursive: true });
      await server.cli('CONFIG', 'SET', 'save', '3600 1');
      // Redis may have begun one by itself.
      await server.cli('BGSAVE').catch(() => {});
      await becomes(server, 'rdb_last_bgsave_status', 'err');
    },
    async end(server) {
      await server.cli('CONFIG', 'SET', 'save', '');
      // One that is still running would succeed once nothing is in its way.
      await becomes(server, 'rdb_bgsave_in_progress', '0');
      await rm(join(server.dir, 'dump.rdb'), { recursive: true });
    },
  },
  {
    says: 'NOREPLICAS',
    begin: (server) => server.cli('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: (server) => server.cli('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  },
];

const servers = serversOneFaulty({ config: { 'lua-time-limit': '5' } });

describe.each(TROUBLES)('a server that says $says', ({ says, begin, end }) => {
  it('votes unreachable with that cause', async () => {
    await begin(servers.faulty);
    try {
      const error = await failureWith(servers.faulty.url, servers.healthy[0]);
      expect(error).toBeInstanceOf(QuorumUnreachableError);
      expect(reasonOf(error.votes[0])).toMatch(new RegExp(`^unreachable: .*${says}`));
    } finally {
      await end(servers.faulty);
    }
  });

  it('costs nothing while the others are a quorum', async () => {
    await begin(servers.faulty);
    try {
      await expectSpared(servers.faulty.url, servers.healthy);
    } finally {
      await end(servers.faulty);
    }
  });

  it('votes again when that is over', async () => {
    await using redlock = new Redlock([servers.faulty.url], LONG_LOCK);
    await recovered(redlock);
    await begin(servers.faulty);
    try {
      const error = await failureOf(redlock);
      expect(error).toBeInstanceOf(QuorumUnreachableError);
      expect(reasonOf(error.votes[0])).toMatch(new RegExp(`^unreachable: .*${says}`));
    } finally {
      await end(servers.faulty);
    }
    await recovered(redlock);
  });

  it('makes up for a release when that is over', async () => {
    await using redlock = new Redlock([servers.faulty.url], LONG_LOCK);
    const lock = await redlock.acquire('r');
    await begin(servers.faulty);
    try {
      await lock.release();
    } finally {
      await end(servers.faulty);
    }
    await expectNoKeys([servers.faulty], 5_000);
  });
});

describe('a master that becomes a replica', () => {
  it('gets no grant from then on', async () => {
    const demoted = await startRedis();
    onTestFinished(() => demoted.stop());
    await using redlock = new Redlock([demoted.url, servers.healthy[0].url], LONG_LOCK);
    await recovered(redlock);
    await demoted.cli('REPLICAOF', '127.0.0.1', servers.healthy[1].port);
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toMatch(/^unreachable: .*READONLY/);
    expect(votes[1]).toMatchObject({ kind: 'granted' });
    const why = await eventually(async () => {
      const reason = reasonOf((await failureOf(redlock)).votes[0]);
      return reason?.startsWith('unusable') ? reason : undefined;
    });
    expect(why).toMatch(/replica/);
    await demoted.cli('REPLICAOF', 'NO', 'ONE');
    await recovered(redlock);
    await expectNoKeys([demoted]);
  });
});

describe('a server that reads its data', () => {
  it('votes unreachable until it is ready', async () => {
    const loading = await startRedis({
      config: { save: '3600 1000000', 'loading-process-events-interval-bytes': '1024' },
    });
    onTestFinished(() => loading.stop());
    await loading.cli('EVAL', "for i = 1, 500 do redis.call('SET', i, string.rep('x', 2000)) end", 0);
    await loading.cli('SAVE');
    await loading.cli('CONFIG', 'SET', 'key-load-delay', '100000');
    await loading.cli('CONFIG', 'REWRITE');
    const ready = loading.restart();
    await eventually(async () =>
      (await loading.info('loading').catch(() => undefined)) === '1' ? true : undefined,
    );
    await using redlock = new Redlock([loading.url], LONG_LOCK);
    const error = await failureOf(redlock);
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(reasonOf(error.votes[0])).toMatch(/^unreachable: LOADING/);
    await loading.cli('CONFIG', 'SET', 'key-load-delay', '0');
    await ready;
    await loading.cli('FLUSHALL');
    await recovered(redlock);
    await expectNoKeys([loading]);
  });
});

function becomes(server: RedisServer, field: string, value: string): Promise<true> {
  return eventually(async () => ((await server.info(field)) === value ? true : undefined));
}

function isBusy(server: RedisServer): Promise<boolean> {
  return server.cli('GET', 'x').then(
    () => false,
    (error: Error) => error.message.startsWith('BUSY'),
  );
}
