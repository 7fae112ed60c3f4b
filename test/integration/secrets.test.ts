import { format } from 'node:util';
import { type NodeSpec, QuorumUnreachableError, Redlock, type RedlockError } from 'quorlock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { client, cluster } from '../support/clients/client.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { bulk, type FakeRedis, startFakeRedis } from '../support/fake-redis.ts';
import { recovered } from '../support/faulty-node.ts';
import { DEAD_PORT } from '../support/free-port.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL } from '../support/least-acl.ts';
import { rejectionOf } from '../support/peek.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { textsOf } from '../support/texts-of.ts';

enforceNoLeaks();

const USER = 'Wally:Wümpus@x';
const PASSWORD = 'pä$$ w0rd/:@%&#?';
const SENTINEL_USER = 'Sally-Sentinel';
const SENTINEL_PASSWORD = 's3ntinel+secret';
const SECRETS = [USER, PASSWORD, SENTINEL_USER, SENTINEL_PASSWORD].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  encodeURIComponent(secret).toLowerCase(),
  encodeURI(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64'),
]);

const SETTINGS = { ttl: 30_000, nodeTimeout: 5_000, connectTimeout: 2_000 };

let guarded: RedisServer;
let healthy: RedisServer;
/** Leads to whatever it was told last. */
let sentinel: FakeRedis;
let target = 0;
let echo: FakeRedis;

beforeAll(async () => {
  [guarded, healthy] = (await startRedises(2)) as [RedisServer, RedisServer];
  sentinel = await startFakeRedis(([name, verb]) => {
    if (name !== 'sentinel') return '+OK\r\n';
    return verb === 'get-master-addr-by-name'
      ? `*2\r\n${bulk('127.0.0.1')}${bulk(String(target))}`
      : '*0\r\n';
  });
  echo = await startFakeRedis((command) => `-ERR what is ${command.join(' ').replace(/\s/g, ' ')}?\r\n`);
});
afterAll(() => Promise.all([guarded, healthy, sentinel, echo].map((server) => server.stop())));

let output: string[];

beforeEach(() => {
  output = [];
  const write = (chunk: unknown): boolean => output.push(String(chunk)) > 0;
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
    vi.spyOn(console, method).mockImplementation((...args) => void output.push(format(...args)));
  vi.spyOn(process.stdout, 'write').mockImplementation(write);
  vi.spyOn(process.stderr, 'write').mockImplementation(write);
});
afterEach(async () => {
  vi.restoreAllMocks();
  expect(output).toEqual([]);
  await expectNoKeys([guarded, healthy]);
});

function expectNoSecret(texts: string): void {
  for (const secret of SECRETS) expect(texts).not.toContain(secret);
}

const url = (port: number, user: string, password: string): string =>
  `redis://${user}:${password}@127.0.0.1:${port}`;
const encoded = [encodeURIComponent(USER), encodeURIComponent(PASSWORD)] as const;
const credentials = { username: USER, password: PASSWORD };

const WAYS: [string, (port: number) => NodeSpec][] = [
  ['a URL', (port) => url(port, ...encoded)],
  ['a URL in lower case', (port) => url(port, encoded[0].toLowerCase(), encoded[1].toLowerCase())],
  ['a URL with a database', (port) => `${url(port, ...encoded)}/1`],
  ['options', (port) => ({ host: '127.0.0.1', port, ...credentials })],
  ['an instance', (port) => client({ host: '127.0.0.1', port, ...credentials })],
  [
    'an instance behind a Sentinel',
    (port) => {
      target = port;
      const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
      const guard = { sentinelUsername: SENTINEL_USER, sentinelPassword: SENTINEL_PASSWORD };
      return client({ sentinels, name: 'master', ...guard, ...credentials });
    },
  ],
  ['a Cluster', (port) => cluster([{ host: '127.0.0.1', port }], { redisOptions: credentials })],
  ['a Cluster by URL', (port) => cluster([url(port, ...encoded)])],
  ['a Cluster whose nodes have passwords', (port) => cluster([{ host: '127.0.0.1', port, ...credentials }])],
];

const allow = (user: string, ...rules: readonly string[]): Promise<unknown> =>
  guarded.cli('ACL', 'SETUSER', user, 'reset', 'on', ...rules);

/** What goes wrong, and the port where it does. */
const TROUBLES: [string, () => Promise<number>][] = [
  [
    'a wrong password',
    async () => {
      await allow(USER, '>another');
      return guarded.port;
    },
  ],
  [
    'a command that is forbidden',
    async () => {
      await allow(USER, `>${PASSWORD}`, '~*', '+select', ...LEAST_ACL, '-evalsha');
      return guarded.port;
    },
  ],
  [
    'keys that are forbidden',
    async () => {
      await allow(USER, `>${PASSWORD}`, '~another', '+select', ...LEAST_ACL);
      return guarded.port;
    },
  ],
  [
    'an unknown user',
    async () => {
      await guarded.cli('ACL', 'DELUSER', USER);
      return guarded.port;
    },
  ],
  ['a refused connection', async () => DEAD_PORT],
  ['a server that echoes what it is told', async () => echo.port],
];

describe.each(TROUBLES)('with %s', (_trouble, bringAbout) => {
  it.each(WAYS)('nothing that can be seen holds the user or password of %s', async (_way, specFor) => {
    const port = await bringAbout();
    const spec = specFor(port);
    let texts = '';
    {
      await using redlock = new Redlock([spec, healthy.url], SETTINGS);
      const error = (await rejectionOf(redlock.tryAcquire('r'))) as RedlockError;
      expect(error.votes).toHaveLength(2);
      const late = await rejectionOf(redlock.acquire('r', { acquireTimeout: 20 }));
      texts += [error, late, await redlock.inspect('r'), redlock].map((value) => textsOf(value)).join('\n');
    }
    expect(texts).toContain('127.0.0.1');
    expectNoSecret(texts);
  });
});

it('nothing that can be seen holds the user or password of a Sentinel that echoes them', async () => {
  const sentinels = [{ host: '127.0.0.1', port: echo.port }];
  const guard = { sentinelUsername: SENTINEL_USER, sentinelPassword: SENTINEL_PASSWORD };
  await using redlock = new Redlock([{ sentinels, name: 'master', ...guard, ...credentials }], {
    ...SETTINGS,
    connectTimeout: 300,
  });
  const error = await rejectionOf(redlock.tryAcquire('r'));
  expect(error).toBeInstanceOf(QuorumUnreachableError);
  expectNoSecret(textsOf(error));
});

describe('a URL that is refused', () => {
  it.each([
    ['another scheme', 'http://USER:PASSWORD@host:6379'],
    ['no scheme', 'USER:PASSWORD@host:6379'],
    ['a port that is none', 'redis://USER:PASSWORD@host:port'],
    ['no host after the credentials', 'redis://USER:PASSWORD@'],
    ['no @ after the credentials', 'redis://USER:PASSWORD'],
    ['a path that is no database', 'redis://USER:PASSWORD@host:6379/x'],
    ['a query', 'redis://USER:PASSWORD@host:6379?x=1'],
    ['credentials in the query', 'redis://host:6379?username=USER&password=PASSWORD'],
    ['credentials in the fragment', 'redis://host:6379#USER:PASSWORD'],
    ['credentials in the path', 'redis://host:6379/USER:PASSWORD'],
    ['a stray percent', 'redis://USER:%zzPASSWORD@host:6379'],
    ['a line end', 'redis://USER:\nPASSWORD@host:port'],
  ])('for %s shows no credentials', (_what, template) => {
    for (const [user, password] of [encoded, [USER, PASSWORD], ['ursula', 'S3cr3t']]) {
      const text = template.replace('USER', user ?? '').replace('PASSWORD', password ?? '');
      let refusal: unknown;
      try {
        refusal = new Redlock([healthy.url, text]).close();
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toBeInstanceOf(TypeError);
      expect((refusal as Error).message).toMatch(/^nodes\[1\] must be /);
      const texts = textsOf(refusal);
      expectNoSecret(texts);
      expect(texts).not.toContain('S3cr3t');
    }
  });
});

describe('the console', () => {
  it('hears nothing of a password that is not needed', async () => {
    await using redlock = new Redlock([`redis://:${encoded[1]}@127.0.0.1:${healthy.port}`], SETTINGS);
    await recovered(redlock);
    await healthy.cli('CLIENT', 'KILL', 'TYPE', 'normal');
    await recovered(redlock);
  });
});

describe('a user called like part of an error code', () => {
  it.each(['SCRIPT', 'PERM', 'NO', 'command', 'S'])('is a user like any other: %s', async (user) => {
    await allow(user, `>${user}`, '~lock:*', '~{lock:*', ...LEAST_ACL);
    await using redlock = new Redlock([url(guarded.port, user, user)], { ...SETTINGS, keyPrefix: 'lock:' });
    await recovered(redlock);
    await guarded.cli('SCRIPT', 'FLUSH');
    await (await redlock.acquire('r', { acquireTimeout: 0 })).release();
    await allow(user, `>${user}`, '~lock:*', '~{lock:*', ...LEAST_ACL, '-set');
    const { votes } = (await rejectionOf(redlock.tryAcquire('r'))) as RedlockError;
    expect(votes).toMatchObject([{ kind: 'unusable' }]);
  });
});
