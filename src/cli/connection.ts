import type { RedisNodeOptions } from '../node/redis/endpoint.ts';
import { parseUrl } from '../node/redis/redis-url.ts';
import type { RedlockOptions } from '../options.ts';
import { quote } from '../quote.ts';
import type { CommandLine } from './command-line.ts';
import { UsageError } from './exit-code.ts';

/** Where the nodes are, and what a Redlock over them is given. */
export interface Connection {
  readonly nodes: readonly RedisNodeOptions[];
  readonly options: RedlockOptions;
}

/** Reads a file as text. */
export type ReadFile = (path: string) => string;

const GUARDS = ['auto', 'strict', 'off'] as const;

/**
 * What the options and `QUORLOCK_NODES` say of the nodes. Connects to nothing.
 *
 * @throws {UsageError} that shows no password.
 */
export function connectionOf(line: CommandLine, env: NodeJS.ProcessEnv, readFile: ReadFile): Connection {
  const read = (option: string): string | undefined => {
    const path = line.text(option);
    return path === undefined ? undefined : readOption(option, path, readFile);
  };
  const login = loginOf(line, read);
  const tls = tlsOf(line, read);
  const nodes = urlsOf(line, env).map(({ url, source }) => {
    const node = parse(url, source);
    if (tls && !node.tls)
      throw new UsageError(`${source} is not a rediss:// URL, so the TLS options have no effect on it`);
    const hasLogin = node.username !== undefined || node.password !== undefined;
    return Object.assign(node, hasLogin ? {} : login, tls ? { tls } : {});
  });
  return { nodes, options: settingsOf(line) };
}

function urlsOf(line: CommandLine, env: NodeJS.ProcessEnv): { url: string; source: string }[] {
  const given = line.all('node');
  if (given.length > 0) return given.map((url, index) => ({ url, source: nth('--node', index, given) }));
  const text = (env.QUORLOCK_NODES ?? '').trim().replace(/,$/, '').trim();
  if (text === '')
    throw new UsageError('no nodes: give --node redis://host:6379 for each node, or set QUORLOCK_NODES');
  const listed = text.split(',').map((url) => url.trim());
  // A variable that is not set, most probably. A majority of fewer nodes would not exclude the other processes.
  const gap = listed.indexOf('');
  if (gap >= 0) throw new UsageError(`${nth('QUORLOCK_NODES', gap, listed)} is empty`);
  return listed.map((url, index) => ({ url, source: nth('QUORLOCK_NODES', index, listed) }));
}

function nth(source: string, index: number, all: readonly string[]): string {
  return all.length === 1 ? source : `${source} (number ${index + 1})`;
}

function parse(url: string, source: string): RedisNodeOptions {
  try {
    return parseUrl(url, source);
  } catch (error) {
    // It names the source, and never shows a credential.
    throw new UsageError((error as Error).message);
  }
}

function loginOf(
  line: CommandLine,
  read: (option: string) => string | undefined,
): Pick<RedisNodeOptions, 'username' | 'password'> {
  const username = line.text('username');
  const password = read('password-file')?.replace(/\r?\n$/, '');
  if (password === '') throw new UsageError('--password-file names an empty file');
  if (username !== undefined && password === undefined)
    throw new UsageError('--username needs --password-file');
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function tlsOf(
  line: CommandLine,
  read: (option: string) => string | undefined,
): Record<string, string> | undefined {
  if (line.has('tls-cert') !== line.has('tls-key'))
    throw new UsageError('--tls-cert and --tls-key need each other');
  const tls = Object.entries({ ca: read('tls-ca'), cert: read('tls-cert'), key: read('tls-key') });
  const given = tls.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function readOption(option: string, path: string, readFile: ReadFile): string {
  try {
    return readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`cannot read --${option} ${quote(path)}: ${REASONS[code ?? ''] ?? message}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

function settingsOf(line: CommandLine): RedlockOptions {
  const guard = line.text('restart-guard');
  const restartGuard = GUARDS.find((each) => each === guard);
  if (guard !== undefined && restartGuard === undefined)
    throw new UsageError(`--restart-guard must be auto, strict or off, not ${quote(guard)}`);
  return {
    keyPrefix: line.text('key-prefix'),
    maxTtl: line.duration('max-ttl'),
    nodeTimeout: line.duration('node-timeout'),
    restartGuard,
  };
}
