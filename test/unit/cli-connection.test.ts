import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { type Connection, connectionOf } from '../../src/cli/connection.ts';
import { CONNECTION_OPTIONS } from '../../src/cli/connection-options.ts';

const FILES: Record<string, string> = {
  password: 'pa:ss\n',
  empty: '\n',
  ca: 'CA',
  cert: 'CERT',
  key: 'KEY',
};

function readFile(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
  return text;
}

function connect(args: readonly string[], env: NodeJS.ProcessEnv = {}): Connection {
  return connectionOf(parseCommandLine(args, CONNECTION_OPTIONS), env, readFile);
}

const A = ['--node', 'redis://a'];

describe('the nodes', () => {
  it('are those of the command line', () => {
    expect(connect([...A, '--node', 'redis://b:1/2'], { QUORLOCK_NODES: 'redis://c' }).nodes).toEqual([
      { host: 'a', port: 6379 },
      { host: 'b', port: 1, db: 2 },
    ]);
  });

  it('are those of the environment, if the command line has none', () => {
    expect(connect([], { QUORLOCK_NODES: ' redis://a, redis://b:1,' }).nodes).toEqual([
      { host: 'a', port: 6379 },
      { host: 'b', port: 1 },
    ]);
  });

  it.each([[{}], [{ QUORLOCK_NODES: '' }], [{ QUORLOCK_NODES: ' , ' }], [{ QUORLOCK_NODES: ' ' }]])(
    'must be given: %j',
    (env) => {
      expect(() => connect([], env)).toThrow(
        'no nodes: give --node redis://host:6379 for each node, or set QUORLOCK_NODES',
      );
    },
  );

  it.each([
    ['redis://a,,redis://c', 2],
    [',redis://b', 1],
    ['redis://a, ,', 2],
  ])('must not be fewer than it seems: %j', (list, number) => {
    expect(() => connect([], { QUORLOCK_NODES: list })).toThrow(`QUORLOCK_NODES (number ${number}) is empty`);
  });

  it('get the user and the password of the options, without the end of the line', () => {
    expect(connect([...A, '--username', 'u', '--password-file', 'password']).nodes).toEqual([
      { host: 'a', port: 6379, username: 'u', password: 'pa:ss' },
    ]);
  });

  it('keep the user and the password of their URL', () => {
    const [node] = connect(['--node', 'redis://u:own@a', '--password-file', 'password']).nodes;
    expect(node).toEqual({ host: 'a', port: 6379, username: 'u', password: 'own' });
  });

  it('get certificates', () => {
    const args = ['--node', 'rediss://a', '--tls-ca', 'ca', '--tls-cert', 'cert', '--tls-key', 'key'];
    expect(connect(args).nodes).toEqual([
      { host: 'a', port: 6379, tls: { ca: 'CA', cert: 'CERT', key: 'KEY' } },
    ]);
  });

  it.each([
    [[...A, '--node', 'http://b'], '--node (number 2) must be a URL that begins with redis:// or rediss://'],
    [['--node', 'x'], '--node must be a URL such as redis://host:6379, not "x"'],
    [[...A, '--tls-ca', 'ca'], '--node is not a rediss:// URL, so the TLS options have no effect on it'],
    [['--node', 'rediss://a', '--tls-cert', 'cert'], '--tls-cert and --tls-key need each other'],
    [[...A, '--username', 'u'], '--username needs --password-file'],
    [[...A, '--password-file', 'empty'], '--password-file names an empty file'],
    [[...A, '--password-file', 'none'], 'cannot read --password-file "none": there is no such file'],
    [[...A, '--restart-guard', 'on'], '--restart-guard must be auto, strict or off, not "on"'],
    [[...A, '--max-ttl', 'long'], '--max-ttl must be a duration such as 200ms, 30s, 5m or 1h, not "long"'],
  ])('%j are refused', (args, message) => {
    expect(() => connect(args)).toThrow(message);
  });

  it.each([
    'redis://:secret@',
    'http://u:secret@a',
    'redis://:secret@a/x',
    'secret@a:1',
    'redis://:%E0secret@a',
  ])('by %s are refused without their password', (url) => {
    expect(() => connect(['--node', url])).toThrow();
    expect(() => connect(['--node', url])).not.toThrow('secret');
    expect(() => connect([], { QUORLOCK_NODES: url })).not.toThrow('secret');
  });
});

it('options of the connection become options of the Redlock', () => {
  const args = ['--key-prefix', 'p:', '--max-ttl', '1m', '--node-timeout', '200', '--restart-guard', 'off'];
  expect(connect([...A, ...args]).options).toEqual({
    keyPrefix: 'p:',
    maxTtl: 60_000,
    nodeTimeout: 200,
    restartGuard: 'off',
  });
});
