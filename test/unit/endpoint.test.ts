import { describe, expect, it } from 'vitest';
import { toEndpoint } from '../../src/node/redis/endpoint.ts';
import { Redlock } from '../../src/index.ts';

function messageOf(spec: unknown): string {
  try {
    toEndpoint(spec, 2);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error('expected an error');
}

describe('a URL', () => {
  it.each([
    ['redis://host', { host: 'host', port: 6379 }, 'host:6379'],
    ['redis://host:7001', { host: 'host', port: 7001 }, 'host:7001'],
    ['redis://host:7001/', { host: 'host', port: 7001 }, 'host:7001'],
    ['redis://host/3', { host: 'host', port: 6379, db: 3 }, 'host:6379'],
    ['redis://:pw@host', { host: 'host', port: 6379, password: 'pw' }, 'host:6379'],
    ['redis://u:p%40w@host', { host: 'host', port: 6379, username: 'u', password: 'p@w' }, 'host:6379'],
    ['rediss://host', { host: 'host', port: 6379, tls: {} }, 'host:6379'],
    ['REDIS://host', { host: 'host', port: 6379 }, 'host:6379'],
    ['redis://[::1]:7001', { host: '::1', port: 7001 }, '[::1]:7001'],
    ['redis://127.0.0.1', { host: '127.0.0.1', port: 6379 }, '127.0.0.1:6379'],
  ])('%s is understood', (url, options, name) => {
    expect(toEndpoint(url, 0)).toMatchObject({ kind: 'options', options, name });
  });

  it.each([
    ['', 'a URL such as redis://host:6379'],
    ['host', 'a URL such as redis://host:6379'],
    ['redis://', 'a URL'],
    ['redis://host:99999', 'a URL such as redis://host:6379'],
    ['localhost:6379', 'begins with redis:// or rediss://'],
    ['http://host:6379', 'begins with redis:// or rediss://'],
    ['redis:///2', 'a URL with a host'],
    ['redis://host/name', 'a database number'],
    ['redis://host/1/2', 'a database number'],
    ['redis://host?db=2', 'without a query'],
    ['redis://host#x', 'without a query or a fragment'],
    ['redis://:%zz@host', 'percent-encoded'],
  ])('%j is a TypeError', (url, allowed) => {
    expect(messageOf(url)).toMatch(/^nodes\[2\] must be /);
    expect(messageOf(url)).toContain(allowed);
  });

  it.each([
    ['/run/redis.sock', '/run/redis.sock'],
    ['./redis.sock', './redis.sock'],
    ['../run/redis.sock', '../run/redis.sock'],
    ['unix:///run/redis.sock', '/run/redis.sock'],
    ['unix:/run/redis.sock', '/run/redis.sock'],
    ['redis+unix:///run/redis.sock', '/run/redis.sock'],
    ['redis-socket:///run/redis.sock', '/run/redis.sock'],
    ['redis:///run/redis.sock', '/run/redis.sock'],
    ['file:///run/redis.sock', '/run/redis.sock'],
  ])('that is a path of a unix socket is told how to be given: %s', (text, path) => {
    expect(messageOf(text)).toBe(
      `nodes[2] must be { path: "${path}" }, as a unix socket is given, not "${text}"`,
    );
  });

  it.each([
    'redis://alice:s3cret@host/name',
    'unix://alice:s3cret@/run/redis.sock',
    'unix:///run/redis.sock?password=s3cret',
    '/run/redis.sock#s3cret',
    'redis://alice:s3cret@host:99999',
    'redis://alice:s3c/ret@host',
    'redis://alice:s3cret',
    'redis://:s3cret',
    'redis://host?password=s3cret',
    'redis://host:6379/0?username=alice',
    'redis://host#s3cret',
    'http://alice:s3cret@host',
    'alice:s3cret@host',
    'redis://alice:s3cret@@host/x',
    'redis://alice:s3cret%zz@host',
  ])('that is wrong shows no user and no password: %j', (url) => {
    expect(messageOf(url)).not.toMatch(/alice|s3c/);
  });
});

describe('a client of another package', () => {
  it.each([
    ['of redis 5', { duplicate() {}, connect() {}, sendCommand() {}, evalSha() {}, options: {} }],
    ['cluster of redis 5', { duplicate() {}, connect() {}, sendCommand() {}, evalSha() {}, masters: [] }],
    ['of redis 3', { duplicate() {}, internal_send_command() {}, evalsha() {}, options: {} }],
  ])('%s is refused by its name', (_which, client) => {
    expect(messageOf(client)).toBe(
      'nodes[2] is a client of node-redis (the package redis), which is not supported; ' +
        'give its URL, or ioredis options such as { host, port, username, password }',
    );
  });
});

describe('the secrets of an endpoint', () => {
  it.each([
    ['redis://alice:s3cret@host', ['alice', 's3cret']],
    ['redis://default:p%40w@host', ['p@w', 'p%40w']],
    [{ host: 'host', username: 'alice', password: 's3cret' }, ['alice', 's3cret']],
    [{ sentinels: [], sentinelUsername: 'bob', sentinelPassword: 'pw' }, ['bob', 'pw']],
    ['redis://host', []],
    [{ password: '' }, []],
  ])('%j are known', (spec, secrets) => {
    const { users, passwords } = toEndpoint(spec, 0).credentials;
    expect([...users, ...passwords].sort()).toEqual([...secrets].sort());
  });

  it('are no part of its name', () => {
    expect(toEndpoint('redis://alice:s3cret@host', 0).name).toBe('host:6379');
  });
});

describe('an endpoint with a password', () => {
  it.each([
    ['redis://:pw@host', true],
    ['redis://u:pw@host', false],
    ['redis://host', false],
  ])('but no user is known as such: %s', (url, passwordOnly) => {
    expect(toEndpoint(url, 0).passwordOnly).toBe(passwordOnly);
  });
});

describe('the name of an endpoint', () => {
  it.each([
    [{}, 'localhost:6379'],
    [{ port: 7001 }, 'localhost:7001'],
    [{ host: 'host', port: 7001, db: 2 }, 'host:7001'],
    [{ host: '::1' }, '[::1]:6379'],
    [{ path: '/run/redis.sock' }, '/run/redis.sock'],
    [{ sentinels: [{ host: 's', port: 1 }], name: 'main' }, 'sentinel(main@s:1)'],
    [
      {
        sentinels: [
          { host: 's', port: 1 },
          { host: 't', port: 2 },
        ],
      },
      'sentinel(mymaster@s:1,t:2)',
    ],
  ])('%j is %s', (spec, name) => expect(toEndpoint(spec, 0).name).toBe(name));
});

const methods = { duplicate() {}, connect() {}, disconnect() {}, evalsha() {} };

describe('an ioredis instance', () => {
  it('is recognised by its shape', () => {
    const instance = { options: { host: 'host', port: 7001, password: 'pw' }, ...methods };
    expect(toEndpoint(instance, 0)).toMatchObject({
      kind: 'instance',
      instance,
      name: 'host:7001',
      credentials: { users: [], passwords: ['pw'], node: 'host:7001' },
    });
  });

  it.each([
    [[{ host: 'a', port: 1 }, { host: 'b' }], /^cluster\(a:1,b:6379\)$/],
    [['redis://u:pw@a:1'], /^cluster\(a:1\)$/],
    [['redis://a:1?family=6'], /^cluster\(a:1\)$/],
    [['localhost:7001'], /^cluster\(localhost:7001\)$/],
    [['127.0.0.1:7001'], /^cluster\(127\.0\.0\.1:7001\)$/],
    [[7001, '7002'], /^cluster\((localhost|127\.0\.0\.1):7001,(localhost|127\.0\.0\.1):7002\)$/],
  ])('names a cluster by its startup nodes: %j', (startupNodes, name) => {
    expect(toEndpoint({ isCluster: true, options: {}, startupNodes, ...methods }, 0).name).toMatch(name);
  });

  it('has the secrets of a cluster’s nodes and of its options', () => {
    const options = { redisOptions: { username: 'alice', password: 's3cret' } };
    const startupNodes = ['redis://bob:pw@a:1', { host: 'b', password: 'other' }];
    const { credentials } = toEndpoint({ isCluster: true, options, startupNodes, ...methods }, 0);
    expect(credentials).toMatchObject({ users: ['alice', 'bob'], passwords: ['s3cret', 'pw', 'other'] });
  });
});

describe('anything else', () => {
  it.each([undefined, null, 5, true, [], () => 1])('such as %o is a TypeError', (spec) => {
    expect(messageOf(spec)).toMatch(/^nodes\[2\] must be a redis:\/\/ or rediss:\/\/ URL, /);
  });

  it.each<[string, object]>([
    ['has only duplicate()', { duplicate() {} }],
    ['has duplicate() and options', { duplicate() {}, options: {} }],
    ['has no evalsha()', { ...methods, evalsha: undefined, options: {} }],
    ['has no connect()', { ...methods, connect: undefined, options: {} }],
    ['has no disconnect()', { ...methods, disconnect: undefined, options: {} }],
    ['has no options', methods],
    ['has a duplicate that is no method', { ...methods, duplicate: true, options: {} }],
    ['is a client of another kind', { ...methods, evalsha: undefined, options: { url: 'redis://a' } }],
    ['has a URL', { url: 'redis://a' }],
    ['has a URL and options', { url: 'redis://a', host: 'b' }],
  ])('such as an object that %s is a TypeError', (_what, spec) => {
    expect(messageOf(spec)).toBe(
      'nodes[2] must be a redis:// or rediss:// URL, ioredis options, an ioredis instance or a LockNode, not an object',
    );
  });

  it('that has a URL shows nothing of it', () => {
    expect(messageOf({ url: 'redis://alice:s3cret@a' })).not.toMatch(/alice|s3c/);
  });

  it('is named by its place in the list', () => {
    const specs = ['redis://127.0.0.1:1', { url: 'redis://a' }] as ConstructorParameters<typeof Redlock>[0];
    expect(() => new Redlock(specs)).toThrow(/^nodes\[1\] must be /);
  });

  it('lets nothing be connected to', () => {
    expect(() => new Redlock(['redis://127.0.0.1:1', 'nonsense'])).toThrow(TypeError);
  });
});
