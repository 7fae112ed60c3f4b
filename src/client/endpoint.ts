import type { ClusterOptions, RedisOptions } from 'ioredis';
import { wrong } from '../bad-input.ts';

/** An ioredis `Redis` or `Cluster`, recognised by its shape: it may come from another copy of the package. */
export interface IoredisInstance {
  readonly options: object;
  readonly isCluster?: boolean;
  duplicate(...args: never[]): unknown;
}

/** Where a node is, however it was given. */
export type Endpoint = {
  /** Host and port, or what else tells the node apart; two of one name are the same node. */
  readonly name: string;
  /** What must never appear in an error. */
  readonly secrets: readonly string[];
} & (
  | { readonly kind: 'options'; readonly options: RedisOptions }
  | { readonly kind: 'instance'; readonly instance: IoredisInstance }
  | { readonly kind: 'cluster'; readonly instance: IoredisInstance }
);

const DEFAULT_PORT = 6379;

/** @throws {TypeError} for anything that does not say where a node is; never shows a credential. */
export function toEndpoint(spec: unknown, position: number): Endpoint {
  const name = `nodes[${position}]`;
  if (typeof spec === 'string') return fromOptions(parseUrl(spec, name));
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw wrong(
      TypeError,
      name,
      spec,
      'a redis:// or rediss:// URL, ioredis options, an ioredis instance or a LockNode',
    );
  }
  if (!('duplicate' in spec)) return fromOptions(spec);
  return fromInstance(spec as IoredisInstance);
}

function fromOptions(options: RedisOptions): Endpoint {
  return { kind: 'options', options, name: nameOf(options), secrets: secretsOf(options) };
}

function fromInstance(instance: IoredisInstance): Endpoint {
  const { options } = instance;
  if (!instance.isCluster) {
    return { kind: 'instance', instance, name: nameOf(options), secrets: secretsOf(options) };
  }
  // Private in ioredis' types, and the only place where a Cluster says where it is.
  const startupNodes: unknown = Reflect.get(instance, 'startupNodes');
  const nodes = Array.isArray(startupNodes) ? startupNodes.map(startupNode) : [];
  const { redisOptions = {} } = options as ClusterOptions;
  return {
    kind: 'cluster',
    instance,
    name: `cluster(${nodes.map(nameOf).join(',')})`,
    secrets: [redisOptions, ...nodes].flatMap(secretsOf),
  };
}

/** A Cluster takes URLs, ports and options; what it has taken without complaint is no error here. */
function startupNode(node: unknown): RedisOptions {
  if (typeof node === 'number') return { port: node };
  if (typeof node !== 'string') return node as RedisOptions;
  return URL.canParse(node) ? parseUrl(node, 'startupNodes') : { host: node };
}

/** redis[s]://[[user]:password@]host[:port][/database] */
function parseUrl(text: string, name: string): RedisOptions {
  const bad = (allowed: string): Error => wrong(TypeError, name, redacted(text), allowed);
  if (!URL.canParse(text)) throw bad('a URL such as redis://host:6379');
  const url = new URL(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw bad('a URL that begins with redis:// or rediss://');
  if (url.hostname === '') throw bad('a URL with a host, such as redis://host:6379');
  if (url.search !== '' || url.hash !== '')
    throw bad('a URL without a query or a fragment; give ioredis options instead');
  const db = url.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(db)) throw bad('a URL whose path is a database number, such as redis://host:6379/2');
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined)
    throw bad('a URL whose user and password are percent-encoded');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(db === '' ? {} : { db: Number(db) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** The text, if it is no more than scheme, host, port and path; otherwise any part of it may be a credential. */
function redacted(text: string): string {
  return /^([a-z+]+:\/\/)?[\w.-]+(:\d+)?(\/\d*)?$/i.test(text)
    ? text
    : text.replace(/^([a-z+]+:\/\/)?.*$/is, '$1***');
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function nameOf({ host, port, path, sentinels, name }: RedisOptions): string {
  if (sentinels)
    return `sentinel(${name ?? 'mymaster'}@${sentinels.map((each) => `${each.host}:${each.port}`).join(',')})`;
  if (path) return path;
  const address = host ?? 'localhost';
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? DEFAULT_PORT}`;
}

function secretsOf(options: RedisOptions): string[] {
  const { username, password, sentinelUsername, sentinelPassword } = options;
  return [username, password, sentinelUsername, sentinelPassword].flatMap((secret) =>
    // 'default' is the name of the user that everybody is.
    typeof secret === 'string' && secret !== '' && secret !== 'default'
      ? [secret, encodeURIComponent(secret)]
      : [],
  );
}
