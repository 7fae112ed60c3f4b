import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { toEndpoint } from '../../src/node/redis/endpoint.ts';
import { refusalOf } from '../support/refusal-of.ts';

const tcp = (host: string, port: number) => ({ kind: 'server', at: { host, port } });

describe.each([
  ['string', (text: string): unknown => text],
  ['URL object', (text: string): unknown => new URL(text)],
])('a URL as %s', (_form, given) => {
  it.each([
    ['redis://host', tcp('host', 6379), 'host:6379'],
    ['redis://host:7001', tcp('host', 7001), 'host:7001'],
    ['redis://host:7001/', tcp('host', 7001), 'host:7001'],
    ['redis://host/3', tcp('host', 6379), 'host:6379'],
    ['rediss://host', tcp('host', 6379), 'host:6379'],
    ['REDIS://host', tcp('host', 6379), 'host:6379'],
    ['redis://[::1]:7001', tcp('::1', 7001), '[::1]:7001'],
    ['redis://127.0.0.1', tcp('127.0.0.1', 6379), '127.0.0.1:6379'],
    ['redis://alice:s3cret@host', tcp('host', 6379), 'host:6379'],
  ])('says where the node is: %s', (url, place, name) => {
    expect(toEndpoint(given(url), 0, '')).toMatchObject({ place, name, lookup: { family: 0 } });
  });

  it.each([
    ['redis://alice:s3cret@host', ['alice'], ['s3cret']],
    ['redis://default:p%40w@host', [], ['p@w', 'p%40w']],
    ['redis://:pw@host', [], ['pw']],
    ['redis://host', [], []],
  ])('names its secrets: %s', (url, users, passwords) => {
    expect(toEndpoint(given(url), 0, '').credentials).toEqual({ users, passwords, node: 'host:6379' });
  });
});

it('a URL object of another realm is a URL', () => {
  const foreign: unknown = runInNewContext('new URL("redis://host:1")', { URL });
  expect(toEndpoint(foreign, 0, '').name).toBe('host:1');
});

describe('a URL that does not say where a server is', () => {
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
    ['redis://:pass#word@host', '(with special characters of user and password percent-encoded)'],
    ['redis://alice:p@ss?word@host', '(with special characters of user and password percent-encoded)'],
    ['redis://:%zz@host', 'percent-encoded'],
  ])('is refused: %j', (url, allowed) => {
    expect(refusalOf(url)).toMatch(/^nodes\[2\] must be /);
    expect(refusalOf(url)).toContain(allowed);
  });

  it('is refused as an object too', () => {
    expect(refusalOf(new URL('https://host/'))).toBe(
      'nodes[2] must be a URL that begins with redis:// or rediss://, not "https://host/"',
    );
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
  ])('but the path of a unix socket is refused with the form to use: %s', (text, path) => {
    expect(refusalOf(text)).toBe(
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
  ])('shows no user and no password: %j', (url) => {
    expect(refusalOf(url)).not.toMatch(/alice|s3c/);
    if (URL.canParse(url)) expect(refusalOf(new URL(url))).not.toMatch(/alice|s3c/);
  });
});
