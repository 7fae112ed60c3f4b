import type { ClusterOptions, RedisOptions } from 'ioredis';
import { wrong } from '../../bad-input.ts';
import type { Credentials } from './clean-error.ts';
import { addressOf, DEFAULT_PORT, parseUrl } from './redis-url.ts';

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
  readonly credentials: Credentials;
  /** There is a password, and no user. */
  readonly passwordOnly: boolean;
} & (
  | { readonly kind: 'options'; readonly options: RedisOptions }
  | { readonly kind: 'instance'; readonly instance: IoredisInstance }
  | { readonly kind: 'cluster'; readonly instance: IoredisInstance }
);

const NODE_FORMS = 'a redis:// or rediss:// URL, ioredis options, an ioredis instance or a LockNode';

/** @throws {TypeError} for anything that does not say where a node is; never shows a credential. */
export function toEndpoint(spec: unknown, position: number): Endpoint {
  const name = `nodes[${position}]`;
  if (typeof spec === 'string') return fromOptions(parseUrl(spec, name));
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    throw wrong(TypeError, name, spec, NODE_FORMS);
  if (isInstance(spec)) return fromInstance(spec);
  if (isNodeRedis(spec))
    throw new TypeError(
      `${name} is a client of node-redis (the package redis), which is not supported; give its URL, or ioredis options such as { host, port, username, password }`,
    );
  if ('url' in spec || 'duplicate' in spec) throw wrong(TypeError, name, spec, NODE_FORMS);
  return fromOptions(spec);
}

function isInstance(spec: object): spec is IoredisInstance {
  const methods = ['duplicate', 'connect', 'disconnect', 'evalsha'];
  return 'options' in spec && methods.every((method) => typeof Reflect.get(spec, method) === 'function');
}

/** A client, cluster or sentinel of the package `redis`, from its release 4 on or an older one. */
function isNodeRedis(spec: object): boolean {
  return ['evalSha', 'internal_send_command'].some(
    (method) => typeof Reflect.get(spec, method) === 'function',
  );
}

function fromOptions(options: RedisOptions): Endpoint {
  return { kind: 'options', options, ...described(options) };
}

function fromInstance(instance: IoredisInstance): Endpoint {
  const { options } = instance;
  if (!instance.isCluster) {
    return { kind: 'instance', instance, ...described(options) };
  }
  // Private in ioredis' types, and the only place where a Cluster says where it is.
  const startupNodes: unknown = Reflect.get(instance, 'startupNodes');
  const nodes = Array.isArray(startupNodes) ? startupNodes.map(startupNode) : [];
  const { redisOptions = {} } = options as ClusterOptions;
  const name = `cluster(${nodes.map(nameOf).join(',')})`;
  return {
    kind: 'cluster',
    instance,
    name,
    credentials: credentialsOf([redisOptions, ...nodes], name),
    passwordOnly: isPasswordOnly(redisOptions),
  };
}

/** A Cluster takes URLs, host and port, ports alone, and options; what it has taken is not for us to refuse. */
function startupNode(node: unknown): RedisOptions {
  if (typeof node === 'number') return { port: node };
  if (typeof node !== 'string') return node as RedisOptions;
  if (/^\d+$/.test(node)) return { port: Number(node) };
  const url = node.includes('://') ? node : `redis://${node}`;
  return URL.canParse(url) ? addressOf(new URL(url)) : { host: node };
}

function described(options: RedisOptions): Pick<Endpoint, 'name' | 'credentials' | 'passwordOnly'> {
  const name = nameOf(options);
  return { name, credentials: credentialsOf([options], name), passwordOnly: isPasswordOnly(options) };
}

function isPasswordOnly({ username, password }: RedisOptions): boolean {
  return Boolean(password) && !username;
}

function nameOf({ host, port, path, sentinels, name }: RedisOptions): string {
  if (sentinels)
    return `sentinel(${name ?? 'mymaster'}@${sentinels.map((each) => `${each.host}:${each.port}`).join(',')})`;
  if (path) return path;
  const address = host ?? 'localhost';
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? DEFAULT_PORT}`;
}

function credentialsOf(all: readonly RedisOptions[], node: string): Credentials {
  return {
    passwords: variants(all.flatMap(({ password, sentinelPassword }) => [password, sentinelPassword])),
    // 'default' is the name of the user that everybody is.
    users: variants(all.flatMap(({ username, sentinelUsername }) => [username, sentinelUsername])).filter(
      (user) => user !== 'default',
    ),
    node,
  };
}

/** As given, and percent-encoded. */
function variants(secrets: readonly (string | null | undefined)[]): string[] {
  const given = secrets.filter((secret) => typeof secret === 'string' && secret !== '') as string[];
  return [...new Set(given.flatMap((secret) => [secret, encodeURIComponent(secret)]))];
}
