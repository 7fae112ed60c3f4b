import { createClient } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import { type Finding, type FindingCode, type NodeSpec, Redlock, type RedlockOptions } from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { DEAD_PORT } from '../support/free-port.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { KEEP_ALIVE_ACL, LEAST_ACL, SPARING_ACL, WAITING_ACL } from '../support/least-acl.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisOptions, type RedisServer, startRedis, startRedises } from '../support/redis-server.ts';
import { startSentinel } from '../support/sentinel.ts';

enforceNoLeaks();

/** What a busy machine may bring about. */
const OF_LOAD: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'SLOW_ROUND_TRIP',
  'UNSTEADY_ROUND_TRIP',
  'SLOW_FORK',
]);

/** Nodes are slow to answer on a busy machine. */
const PATIENT = {
  ttl: 30_000,
  nodeTimeout: 5_000,
  connectTimeout: 10_000,
  // With the guard, a new server beside others that were admitted would not vote.
  restartGuard: 'off',
} as const;

/** A server that remembers its locks, so that there is nothing to say about restarts. */
const LASTING = { appendonly: 'yes' } as const;

let servers: RedisServer[];
let forgetful: RedisServer[];
beforeAll(async () => {
  servers = await startRedises(3, { config: LASTING });
  forgetful = await startRedises(3);
});
afterAll(() => Promise.all([...servers, ...forgetful].map((server) => server.stop())));

async function findingsOf(
  nodes: readonly NodeSpec[],
  options: RedlockOptions = {},
): Promise<readonly Finding[]> {
  await using redlock = new Redlock(nodes, { ...PATIENT, ...options });
  const { findings } = await redlock.diagnose();
  return findings.filter(({ code }) => !OF_LOAD.has(code));
}

/** The findings that are no notes, as `severity code node`. */
function graveOf(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ severity }) => severity !== 'note')
    .flatMap(({ severity, code, nodes }) => nodes.map((node) => `${severity} ${code} ${node}`));
}

/** Diagnoses one more server beside two healthy ones: what is found that is no note, each once. */
async function graveBeside(
  options: RedisOptions,
  prepare: (server: RedisServer) => Promise<unknown> = async () => {},
  specOf: (server: RedisServer) => NodeSpec = ({ url }) => url,
): Promise<string[]> {
  const server = await startRedis({ ...options, config: { ...LASTING, ...options.config } });
  try {
    await prepare(server);
    const findings = await findingsOf([specOf(server), urlOf(1), urlOf(2)]);
    const grave = graveOf(findings).map((each) => each.replace(`127.0.0.1:${server.port}`, 'it'));
    return [...new Set(grave)];
  } finally {
    await server.stop();
  }
}

function urlOf(index: number): string {
  return servers[index]?.url ?? '';
}

describe('a diagnosis of healthy servers', () => {
  it('finds nothing that is worse than a note', async () => {
    const findings = await findingsOf(
      forgetful.map(({ url }) => url),
      { restartGuard: 'auto' },
    );
    expect(graveOf(findings)).toEqual([]);
    expect(findings).toMatchObject([
      { code: 'RESTART_QUARANTINES', nodes: forgetful.map(({ port }) => `127.0.0.1:${port}`) },
    ]);
  });

  it('finds nothing at all if they have an append-only file', async () => {
    expect(await findingsOf(servers.map(({ url }) => url))).toEqual([]);
  });

  it('works with nodes of all kinds', async () => {
    const [a, b] = [new Redis(urlOf(0), { lazyConnect: true }), createClient({ url: urlOf(1) })];
    const findings = await Promise.all([
      findingsOf([a, b, { host: '127.0.0.1', port: servers[2]?.port ?? 0 }]),
      findingsOf([urlOf(0), ...createMemoryNodes(2)]),
    ]);
    expect(findings).toEqual([[], []]);
  });

  it('works with a Redis Cluster, whose masters are named', async () => {
    const members = await startRedisCluster();
    const cluster = new Cluster(members.startupNodes, { lazyConnect: true });
    try {
      const findings = await findingsOf([cluster, urlOf(1), urlOf(2)]);
      expect(findings.map(({ code }) => code)).toEqual(['RESTART_FORGETS']);
      expect(findings[0]?.message).toMatch(/^On 127\.0\.0\.1:\d+(, 127\.0\.0\.1:\d+){2}: /);
    } finally {
      cluster.disconnect();
      await members.stop();
    }
  });

  it('works with Sentinel', async () => {
    const setup = await startSentinel();
    const { sentinels, name } = setup;
    try {
      const findings = await findingsOf([{ sentinels, name }, urlOf(1), urlOf(2)]);
      expect(findings.map(({ code }) => code)).toContain('FAILOVER_QUARANTINES');
      expect(findings.map(({ code }) => code)).not.toContain('SENTINEL_WITHOUT_MIN_REPLICAS');
    } finally {
      await setup.stop();
    }
  });

  it('ends with its signal', async () => {
    await using redlock = new Redlock(
      servers.map(({ url }) => url),
      PATIENT,
    );
    await redlock.ready();
    const stop = new AbortController();
    const diagnosis = redlock.diagnose({ signal: stop.signal });
    stop.abort();
    expect((await diagnosis).findings.map(({ code }) => code)).toContain('INTERRUPTED');
  });
});

it('a server in use is asked for its time, so that jumps of its clock are noticed', async () => {
  const fresh = await startRedis();
  onTestFinished(() => fresh.stop());
  await using redlock = new Redlock([fresh.url], PATIENT);
  // Without fencing, no script reads the clock.
  await eventually(async () => {
    await using _ = await redlock.acquire('r', { fencing: false });
    return (await fresh.info('cmdstat_time')) !== undefined || undefined;
  });
});

describe('a diagnosis finds', () => {
  it('a replica', async () => {
    expect(
      await graveBeside({ config: { replicaof: `127.0.0.1 ${servers[1]?.port}` } }, (replica) =>
        eventually(async () => (await replica.info('master_link_status')) === 'up' || undefined),
      ),
    ).toEqual(['error REPLICA it']);
  });

  it('a server that evicts keys', async () => {
    const config = { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' };
    expect(await graveBeside({ config })).toEqual(['error EVICTING_POLICY it']);
  });

  it('that a server was set to evict keys after it was connected to, and has', async () => {
    const server = await startRedis({ config: LASTING });
    try {
      await using redlock = new Redlock([server.url, urlOf(1), urlOf(2)], PATIENT);
      await redlock.ready();
      await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      await server.cli('SET', 'large', 'x'.repeat(100_000));
      await server.cli('CONFIG', 'SET', 'maxmemory', '1');
      await eventually(async () => Number(await server.info('evicted_keys')) > 0 || undefined);
      const { findings } = await redlock.diagnose();
      const codes = findings
        .filter(({ nodes }) => nodes.includes(`127.0.0.1:${server.port}`))
        .map(({ code }) => code);
      expect(codes).toEqual(
        expect.arrayContaining(['EVICTING_POLICY', 'EVICTED_KEYS', 'MEMORY_NEARLY_FULL']),
      );
    } finally {
      await server.stop();
    }
  });

  it('the same server twice', async () => {
    const findings = await findingsOf([urlOf(0), urlOf(1), `redis://localhost:${servers[0]?.port}`]);
    expect(graveOf(findings)).toEqual([expect.stringContaining('error SAME_SERVER ')]);
  });

  it('a server that forgets, and is not guarded', async () => {
    const findings = await findingsOf(forgetful.map(({ url }) => url));
    expect(graveOf(findings)).toEqual(forgetful.map(({ port }) => `error RESTART_FORGETS 127.0.0.1:${port}`));
  });

  it('that a single server forgets, and what is wrong with two', async () => {
    const [single, two] = await Promise.all([
      findingsOf([forgetful[0]?.url ?? ''], { restartGuard: 'auto' }),
      findingsOf([urlOf(0), urlOf(1)]),
    ]);
    expect(single.map(({ code }) => code)).toEqual(['RESTART_FORGETS', 'FEW_NODES']);
    expect(two.map(({ code }) => code)).toEqual(['FEW_NODES', 'EVEN_NODES']);
  });

  it('a node that is down, and that new nodes wait for it', async () => {
    const fresh = await startRedises(2);
    try {
      const nodes = [...fresh.map(({ url }) => url), `redis://127.0.0.1:${DEAD_PORT}`];
      const findings = await findingsOf(nodes, { restartGuard: 'auto' });
      expect(graveOf(findings)).toEqual([
        `error UNREACHABLE 127.0.0.1:${DEAD_PORT}`,
        ...fresh.map((server) => `warning QUARANTINED 127.0.0.1:${server.port}`),
      ]);
      expect(findings.find(({ code }) => code === 'UNREACHABLE')?.message).toContain('ECONNREFUSED');
      expect(findings.find(({ code }) => code === 'QUARANTINED')?.message).toContain(
        `127.0.0.1:${DEAD_PORT} does not`,
      );
    } finally {
      await Promise.all(fresh.map((server) => server.stop()));
    }
  });

  it('a server that hangs', async () => {
    const server = await startRedis({ config: LASTING });
    try {
      await using redlock = new Redlock([server.url, urlOf(1), urlOf(2)], { ...PATIENT, nodeTimeout: 300 });
      await redlock.ready();
      server.pause();
      const { findings } = await redlock.diagnose();
      expect(findings[0]).toMatchObject({ code: 'UNREACHABLE', nodes: [`127.0.0.1:${server.port}`] });
    } finally {
      await server.stop();
    }
  });
});

function graveAs(...rules: string[]): Promise<string[]> {
  return graveBeside(
    {},
    (server) => server.cli('ACL', 'SETUSER', 'q', 'on', '>secret', 'resetchannels', ...rules),
    ({ port }) => `redis://q:secret@127.0.0.1:${port}`,
  );
}

describe('a diagnosis of a user', () => {
  const ALL = [...LEAST_ACL, ...SPARING_ACL, ...KEEP_ALIVE_ACL, ...WAITING_ACL];
  const KEYS = ['~*'];

  it('with the least permissions for everything finds nothing, and names what is missing otherwise', async () => {
    const found = await Promise.all([
      graveAs(...KEYS, ...ALL),
      graveAs(...KEYS, ...LEAST_ACL, ...SPARING_ACL),
      ...['set', 'pexpire', 'time', 'script|load', 'evalsha', 'info'].map((command) =>
        graveAs(...KEYS, ...ALL, `-${command}`),
      ),
    ]);
    expect(found).toEqual([
      [],
      ['warning MISSING_WAITING_PERMISSION it'],
      ...Array.from({ length: 6 }, () => ['error MISSING_PERMISSION it']),
    ]);
  });

  it('without the keys of counters and lines', async () => {
    const server = await startRedis({ config: LASTING });
    try {
      await server.cli('ACL', 'SETUSER', 'q', 'on', '>secret', 'resetchannels', '~locks:*', ...ALL);
      const findings = await findingsOf([`redis://q:secret@127.0.0.1:${server.port}`, urlOf(1), urlOf(2)], {
        keyPrefix: 'locks:',
      });
      expect(findings.filter(({ severity }) => severity !== 'note').map(({ remedy }) => remedy)).toEqual([
        expect.stringContaining('~{locks:*}:quorlock:fence'),
        expect.stringContaining('~{locks:*}:quorlock:line'),
      ]);
    } finally {
      await server.stop();
    }
  });
});
