import { wrong } from '../../bad-input.ts';
import { quote } from '../../quote.ts';
import type { RedisNodeOptions } from './endpoint/redis-options.ts';

const DEFAULT_PORT = 6379;

/**
 * redis[s]://[[user]:password@]host[:port][/database]
 *
 * @throws {TypeError} for anything else; never shows a credential.
 */
export function parseUrl(text: string, name: string): RedisNodeOptions {
  // Special characters in a password cut a URL in two, and then its path, query or port seems to be wrong.
  const hint = /^rediss?:.*@/is.test(text)
    ? ' (with special characters of user and password percent-encoded)'
    : '';
  const bad = (allowed: string): Error => wrong(TypeError, name, redacted(text), allowed + hint);
  const [, path, rest] = UNIX_SOCKET.exec(text) ?? [];
  if (path)
    throw wrong(TypeError, name, rest ? '***' : text, `{ path: ${quote(path)} }, as a unix socket is given`);
  if (!URL.canParse(text)) throw bad('a URL such as redis://host:6379');
  const url = new URL(text);
  if (!/^rediss?:$/.test(url.protocol)) throw bad('a URL that begins with redis:// or rediss://');
  if (url.hostname === '') throw bad('a URL with a host, such as redis://host:6379');
  if (url.search || url.hash) throw bad('a URL without a query or a fragment; options go into an object');
  if (!/^\/?\d*$/.test(url.pathname))
    throw bad('a URL whose path is a database number, such as redis://host:6379/2');
  const database = url.pathname.replace('/', '');
  try {
    return { ...addressOf(url), ...(database === '' ? {} : { db: Number(database) }) };
  } catch {
    throw bad('a URL such as redis://host:6379');
  }
}

/** A path, perhaps as a URL; then the rest, which a path does not need and which might be a secret. */
const UNIX_SOCKET =
  /^(?:(?:unix|file|socket|rediss?(?:[+-](?:unix|socket))?):(?:\/\/)?)?(\.{0,2}\/[a-z_.-][\w./-]*)(.*)$/is;

/** @throws {URIError} for a user or password that is not percent-encoded. */
export function addressOf(url: URL): RedisNodeOptions {
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** The text, if it is no more than scheme, host, port and path; otherwise any part of it may be a credential. */
function redacted(text: string): string {
  const harmless = /^([a-z+]+:\/\/)?[\w.-]+(:\d+)?(\/\d*)?$/i.test(text);
  return harmless ? text : text.replace(/^([a-z+]+:\/\/)?.*$/is, '$1***');
}
