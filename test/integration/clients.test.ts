import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type NodeSpec, Redlock } from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { failureOf, LONG_LOCK, reasonOf } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type Certificate, createCertificate, startTlsRedis } from '../support/tls.ts';
import { expectLockOn } from '../support/try-lock.ts';

enforceNoLeaks();

/** What a URL cannot hold as it is. */
const PASSWORD = 'p@ss:w/rd?#[%41] ü';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ config: { bind: '127.0.0.1 ::1', unixsocket: 'redis.sock' } });
  await redis.cli('ACL', 'SETUSER', 'üser', 'on', `>${PASSWORD}`, '~*', '+@all');
});
afterAll(() => redis.stop());
afterEach(() => expectNoKeys([redis]));

const at = (): string => `127.0.0.1:${redis.port}`;

describe('a node given as a URL', () => {
  it.each<[string, () => string, string]>([
    ['an address', () => `redis://${at()}`, '127.0.0.1'],
    ['a name', () => `redis://localhost:${redis.port}`, 'localhost'],
    ['an IPv6 address', () => `redis://[::1]:${redis.port}`, '[::1]'],
    ['a trailing slash', () => `redis://${at()}/`, '127.0.0.1'],
    ['capitals in the scheme', () => `REDIS://${at()}`, '127.0.0.1'],
    [
      'a user and a password, percent-encoded',
      () => `redis://${encodeURIComponent('üser')}:${encodeURIComponent(PASSWORD)}@${at()}`,
      '127.0.0.1',
    ],
  ])('can have %s', async (_what, url, host) => {
    await expectLockOn(url(), redis);
    await using redlock = new Redlock([url()], LONG_LOCK);
    const { nodes } = await redlock.inspect('r');
    expect(nodes.map(({ node }) => node)).toEqual([`${host}:${redis.port}`]);
  });

  it.each([0, 1, 15])('can have database %d', async (database) => {
    await expectLockOn(`redis://${at()}/${database}`, redis, database);
  });

  it('can have only a password', async () => {
    const guarded = await startRedis({ config: { requirepass: 'a%b' } });
    await expectLockOn(guarded.url, guarded);
    await expectNoKeys([guarded]);
    await guarded.stop();
  });

  it.each<[string, () => NodeSpec]>([
    ['a URL', () => `redis://${at()}/9999`],
    ['options', () => ({ host: '127.0.0.1', port: redis.port, db: 9999 })],
  ])('never locks in database 0 because that of %s does not exist', async (_what, spec) => {
    const before = await redis.info('cmdstat_evalsha');
    await using redlock = new Redlock([spec()], LONG_LOCK);
    for (let attempt = 0; attempt < 3; attempt++) {
      const { votes } = await failureOf(redlock);
      expect(reasonOf(votes[0])).toMatch(/out of range/);
    }
    expect(await redis.info('cmdstat_evalsha')).toBe(before);
  });

  it('keeps two databases of one server apart from each other no more than addresses', async () => {
    await using redlock = new Redlock([`redis://${at()}/1`, `redis://localhost:${redis.port}/2`], LONG_LOCK);
    const { votes } = await failureOf(redlock);
    expect(votes.map(({ kind }) => kind).sort()).toEqual(['granted', 'unusable']);
  });
});

describe('a node given as options', () => {
  it.each<[string, () => NodeSpec]>([
    ['host and port', () => ({ host: '127.0.0.1', port: redis.port })],
    ['a port', () => ({ port: redis.port })],
    ['a unix socket', () => ({ path: join(redis.dir, 'redis.sock') })],
    ['a user', () => ({ port: redis.port, username: 'üser', password: PASSWORD })],
    ['commands that time out', () => ({ port: redis.port, commandTimeout: 1 })],
    ['numbers as strings', () => ({ port: redis.port, stringNumbers: true })],
    ['a strategy never to connect again', () => ({ port: redis.port, retryStrategy: () => null })],
  ])('can have %s', async (_what, spec) => {
    await expectLockOn(spec(), redis);
  });

  it('can have a database', async () => {
    await expectLockOn({ port: redis.port, db: 3 }, redis, 3);
  });
});

describe('a node behind TLS', () => {
  let certificate: Certificate;
  let secure: RedisServer;

  beforeAll(async () => {
    certificate = await createCertificate();
    secure = await startTlsRedis(certificate, { config: { requirepass: 'secret' } });
  });
  afterAll(async () => {
    await secure.stop();
    await certificate.remove();
  });
  afterEach(() => expectNoKeys([secure]));

  it('is reached when its authority is trusted by option', async () => {
    const tls = { ca: certificate.ca };
    await expectLockOn({ host: '127.0.0.1', port: secure.port, password: 'secret', tls }, secure);
  });

  it('is reached by a rediss URL when its authority is trusted by the process', async () => {
    const program = join(secure.dir, 'lock.mts');
    const source = new URL('../../src/index.ts', import.meta.url);
    await writeFile(
      program,
      `import { Redlock } from '${source.href}';
       await using redlock = new Redlock(['${secure.url}'], { connectTimeout: 10_000, nodeTimeout: 5_000 });
       console.log((await (await redlock.acquire('r')).release()).outcome);`,
    );
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate.certFile };
    const tsx = import.meta.resolve('tsx');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', tsx, program], { env });
    expect(stdout.trim()).toBe('released');
  });

  it('is unreachable when its authority is not trusted', async () => {
    await using redlock = new Redlock([secure.url], LONG_LOCK);
    const { votes } = await failureOf(redlock);
    expect(reasonOf(votes[0])).toMatch(/^unreachable: .*self.signed certificate/);
  });

  it('is unreachable without TLS', async () => {
    await using redlock = new Redlock([secure.url.replace('rediss', 'redis')], LONG_LOCK);
    const { votes } = await failureOf(redlock);
    expect(votes[0]).toMatchObject({ kind: 'unreachable' });
  });
});

describe('nodes of different kinds', () => {
  it('vote together', async () => {
    const [memory] = createMemoryNodes(1);
    const other = await startRedis();
    const nodes = [redis.url, { port: other.port }, memory as NodeSpec];
    await using redlock = new Redlock(nodes, LONG_LOCK);
    const lock = await redlock.acquire('r');
    expect(await redlock.inspect('r')).toMatchObject({ state: 'held' });
    await lock.release();
    await expectNoKeys([other]);
    expect(memory?.keys()).toEqual([]);
    await redlock.close();
    await other.stop();
  });
});
