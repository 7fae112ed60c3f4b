import { describe, expect, it } from 'vitest';
import { type Place, toEndpoint } from '../../src/node/redis/endpoint.ts';
import { refusalOf } from '../support/refusal-of.ts';

function sentinelOf(spec: unknown): Place & { kind: 'sentinel' } {
  const { place } = toEndpoint(spec, 0, '');
  if (place.kind !== 'sentinel') throw new Error('expected Sentinels');
  return place;
}

describe('options of one server', () => {
  it.each([
    [{ host: 'host' }, { host: 'host', port: 6379 }, 'host:6379'],
    [{ port: 7001 }, { host: 'localhost', port: 7001 }, 'localhost:7001'],
    [{ host: 'host', port: '7001' }, { host: 'host', port: 7001 }, 'host:7001'],
    [{ host: 'host', port: 7001, db: 2 }, { host: 'host', port: 7001 }, 'host:7001'],
    [{ host: '::1' }, { host: '::1', port: 6379 }, '[::1]:6379'],
    [{ host: '[::1]' }, { host: '::1', port: 6379 }, '[::1]:6379'],
    [{ path: '/run/redis.sock' }, { path: '/run/redis.sock' }, '/run/redis.sock'],
    [{ path: '/run/redis.sock', host: 'host' }, { path: '/run/redis.sock' }, '/run/redis.sock'],
  ])('say where it is: %j', (spec, at, name) => {
    expect(toEndpoint(spec, 0, '')).toMatchObject({ place: { kind: 'server', at }, name });
  });

  it.each([
    [undefined, 0],
    [0, 0],
    [4, 4],
    [6, 6],
    ['6', 6],
    ['IPv4', 0],
  ])('say which addresses are wanted: family %j', (family, wanted) => {
    expect(toEndpoint({ host: 'host', family }, 0, '').lookup).toEqual({ family: wanted });
  });

  it.each([
    [{ username: 'alice', password: 's3cret' }, ['alice'], ['s3cret']],
    [{ username: 'default', password: 'p@w' }, [], ['p@w', 'p%40w']],
    [{ sentinelUsername: 'bob', sentinelPassword: 'pw' }, ['bob'], ['pw']],
    [{ password: '' }, [], []],
    [{ username: null, password: null }, [], []],
  ])('name the secrets: %j', (login, users, passwords) => {
    const { credentials } = toEndpoint({ host: 'host', ...login }, 0, '');
    expect(credentials).toEqual({ users, passwords, node: 'host:6379' });
  });

  it('may have any other option of ioredis 5 and 6, which has no effect', () => {
    const ignored = {
      lazyConnect: true,
      retryStrategy: null,
      protocol: 3,
      himportFieldsets: [],
      role: 'slave',
    };
    expect(toEndpoint({ host: 'host', ...ignored }, 0, '').name).toBe('host:6379');
  });

  it('may have unknown names without a value', () => {
    expect(toEndpoint({ host: 'host', hots: undefined }, 0, '').name).toBe('host:6379');
  });

  it('may be an object without a prototype', () => {
    expect(toEndpoint(Object.assign(Object.create(null), { host: 'host' }), 0, '').name).toBe('host:6379');
  });
});

describe('options of a master behind Sentinels', () => {
  it('name the Sentinels and the group', () => {
    const spec = { sentinels: [{ host: 's', port: 1 }, { host: 't' }, { port: 3 }], name: 'main' };
    expect(toEndpoint(spec, 0, '').name).toBe('sentinel(main@s:1,t:26379,localhost:3)');
    expect(sentinelOf(spec)).toMatchObject({
      group: 'main',
      sentinels: [
        { host: 's', port: 1 },
        { host: 't', port: 26_379 },
        { host: 'localhost', port: 3 },
      ],
    });
  });

  it.each([
    ['an object', { '10.0.0.1:1': { host: 'outside', port: '2' }, '10.0.0.1:3': { host: 'a b', port: 4 } }],
    [
      'a function',
      (key: string) => {
        if (key === '10.0.0.1:3') throw new Error('of the user');
        return key === '10.0.0.1:1' ? { host: 'outside', port: 2 } : null;
      },
    ],
  ])('may map addresses by %s', (_form, natMap) => {
    const place = sentinelOf({ sentinels: [{ host: 's' }], name: 'main', natMap });
    expect(place.natMap('10.0.0.1', 1)).toEqual({ host: 'outside', port: 2 });
    expect(place.natMap('10.0.0.1', 2)).toBeUndefined();
    expect(place.natMap('10.0.0.1', 3)).toBeUndefined();
  });

  it('map no address without natMap', () => {
    expect(sentinelOf({ sentinels: [{ host: 's' }], name: 'main' }).natMap('10.0.0.1', 1)).toBeUndefined();
  });

  it.each([
    [{ sentinels: [], name: 'main' }, 'sentinels must be a non-empty array such as [{ host, port }]'],
    [{ sentinels: 's:1', name: 'main' }, 'sentinels must be a non-empty array such as [{ host, port }]'],
    [
      { sentinels: [{ host: 's' }] },
      'name must be the name by which the Sentinels know the master, such as "mymaster"',
    ],
  ])('are refused if incomplete: %j', (spec, why) => {
    expect(refusalOf(spec)).toBe(`nodes[2]: ${why}`);
  });
});

describe('options of a Sentinel of node-redis', () => {
  const sentinelRootNodes = [
    { host: 's', port: 1 },
    { host: 't', port: 2 },
  ];

  it('name the Sentinels, the group and the secrets', () => {
    const spec = {
      name: 'main',
      sentinelRootNodes,
      nodeClientOptions: { username: 'alice', password: 's3cret', socket: { family: 6 } },
      sentinelClientOptions: { url: 'redis://bob:pw@ignored' },
      nodeAddressMap: { '10.0.0.1:1': { host: 'outside', port: 2 } },
      scanInterval: 5,
    };
    const endpoint = toEndpoint(spec, 0, '');
    expect(endpoint).toMatchObject({
      name: 'sentinel(main@s:1,t:2)',
      credentials: { users: ['alice', 'bob'], passwords: ['s3cret', 'pw'] },
      lookup: { family: 6 },
    });
    const place = sentinelOf(spec);
    expect(place).toMatchObject({ group: 'main', sentinels: sentinelRootNodes });
    expect(place.natMap('10.0.0.1', 1)).toEqual({ host: 'outside', port: 2 });
  });

  it.each([
    [
      { name: 'main', sentinelRootNodes: [] },
      ': sentinelRootNodes must be a non-empty array such as [{ host, port }]',
    ],
    [
      { sentinelRootNodes },
      ': name must be the name by which the Sentinels know the master, such as "mymaster"',
    ],
    [
      { name: 'main', sentinelRootNodes, nodeClientOptions: { url: 'alice:s3cret' } },
      ': nodeClientOptions.url must be a URL that begins with redis:// or rediss://, not "***"',
    ],
  ])('are refused if incomplete: %j', (spec, why) => {
    expect(refusalOf(spec)).toBe(`nodes[2]${why}`);
  });

  it('are refused with an unknown name', () => {
    expect(refusalOf({ name: 'main', sentinelRootNodes, nodeClientOption: {} })).toBe(
      'unknown name "nodeClientOption" in nodes[2]; did you mean nodeClientOptions? ' +
        '(known: name, sentinelRootNodes, nodeClientOptions, sentinelClientOptions, nodeAddressMap)',
    );
  });
});

describe('options that name no server', () => {
  it.each([{}, { db: 2 }, { password: 's3cret' }, { host: undefined }, { host: null, tls: {} }])(
    'are refused: %j',
    (spec) => {
      expect(refusalOf(spec)).toBe(
        'nodes[2] has no address (none of host, port, path, sentinels and sentinelRootNodes), ' +
          'and would mean localhost:6379; give at least { host }',
      );
    },
  );

  it.each([
    [
      { socket: { host: 'host' }, password: 's3cret' },
      'nodes[2] has the option socket of node-redis; give createClient({ socket: … }), or host and port without socket',
    ],
    [
      { url: 'redis://alice:s3cret@host' },
      'nodes[2] has the option url of node-redis; give the URL itself as the node, or createClient({ url: … })',
    ],
    [
      { url: 'redis://host', host: 'other' },
      'nodes[2] has the option url of node-redis; give the URL itself as the node, or createClient({ url: … })',
    ],
    [
      { rootNodes: [] },
      'nodes[2] has the option rootNodes of node-redis; give createCluster({ rootNodes: … })',
    ],
  ])('but are the options of node-redis are refused with the form to use: %j', (spec, message) => {
    expect(refusalOf(spec)).toBe(message);
  });
});

describe('options with mistakes', () => {
  const known =
    '(known: host, port, path, username, password, db, tls, family, sentinels, name, ' +
    'sentinelUsername, sentinelPassword, enableTLSForSentinelMode, sentinelTLS, natMap)';

  it.each([
    [{ hots: 'host' }, `unknown name "hots" in nodes[2]; did you mean host? ${known}`],
    [
      { host: 'host', pasword: 's3cret' },
      `unknown name "pasword" in nodes[2]; did you mean password? ${known}`,
    ],
    [{ hostname: 'host' }, `unknown name "hostname" in nodes[2] ${known}`],
  ])('are refused: %j', (spec, message) => {
    expect(refusalOf(spec)).toBe(message);
  });

  it.each([['redis://alice:s3cret@host'], ['alice:s3cret@host'], [''], [5], [{}]])(
    'are refused for a host that is none, without showing it: %j',
    (host) => {
      expect(refusalOf({ host })).toBe(
        'nodes[2]: host must be the name or the IP address of a host; to give a URL, give it in place of the object',
      );
    },
  );

  it.each([
    [0, '0'],
    [65_536, '65536'],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    ['6379/s3cret', '"***"'],
    [true, 'true'],
  ])('are refused for a port that is none: %j', (port, shown) => {
    expect(refusalOf({ host: 'host', port })).toBe(
      `nodes[2]: port must be a whole number from 1 to 65535, not ${shown}`,
    );
  });

  it('are refused for a path that is none', () => {
    expect(refusalOf({ path: 5 })).toBe('nodes[2]: path must be a string, not 5');
  });

  it.each([
    [{ password: 12_345 }, 'nodes[2]: password must be a string, but is of type number'],
    [{ username: {} }, 'nodes[2]: username must be a string, but is of type object'],
    [{ sentinelPassword: 12_345 }, 'nodes[2]: Sentinels: password must be a string, but is of type number'],
  ])('are refused for a user or password that is no string, without showing it: %j', (login, message) => {
    expect(refusalOf({ host: 'host', ...login })).toBe(message);
  });
});

describe('a keyPrefix among the options', () => {
  const spec = { host: 'host', keyPrefix: 'app:' };
  const sentinel = { name: 'main', sentinelRootNodes: [{ host: 's', port: 1 }], keyPrefix: 'app:' };

  it.each([[spec], [sentinel]])('is refused, because locks would lack it: %j', (options) => {
    expect(refusalOf(options)).toBe(
      'nodes[2] has the keyPrefix "app:", which quorlock does not use; ' +
        'pass it to Redlock instead: new Redlock(nodes, { keyPrefix: "app:" })',
    );
  });

  it('is ignored if Redlock has one', () => {
    expect(toEndpoint(spec, 0, 'locks:').name).toBe('host:6379');
  });

  it('is ignored if empty', () => {
    expect(toEndpoint({ host: 'host', keyPrefix: '' }, 0, '').name).toBe('host:6379');
  });
});
