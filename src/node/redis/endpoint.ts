import { wrong } from '../../bad-input.ts';
import { fromInstance, fromOptions } from './endpoint/ioredis.ts';
import { fromClient, fromCluster, fromSentinel } from './endpoint/node-redis.ts';
import type { Endpoint } from './endpoint/place.ts';
import { checkRedisOptions, checkSentinelOptions } from './endpoint/redis-options.ts';
import { refuseClients } from './endpoint/refusals.ts';
import { isNodeRedisCluster, isNodeRedisInstance, isRedisInstance } from './endpoint/shapes.ts';
import { parseUrl } from './redis-url.ts';

export type { CustomLookup, Endpoint, LookupSettings, NatMap, Place } from './endpoint/place.ts';
export type {
  AddressMap,
  NodeRedisConnectionOptions,
  NodeRedisSentinelOptions,
  RedisNodeOptions,
} from './endpoint/redis-options.ts';
export type {
  IoredisInstance,
  NodeRedisCluster,
  NodeRedisInstance,
  RedisInstance,
} from './endpoint/shapes.ts';

const NODE_FORMS =
  'a redis:// or rediss:// URL, { host, port, … }, a client of ioredis, iovalkey or node-redis, or a LockNode';

/**
 * Where a node is, recognised by the shape of what the user gave. Connects to nothing.
 *
 * @param keyPrefix - the prefix that Redlock itself puts before keys; empty for none
 * @throws {TypeError} for anything that is not a node that quorlock can use; never shows a credential.
 */
export function toEndpoint(spec: unknown, position: number, keyPrefix: string): Endpoint {
  const name = `nodes[${position}]`;
  if (typeof spec === 'string') return fromOptions({ ...parseUrl(spec, name) }, name, keyPrefix);
  if (Array.isArray(spec))
    throw new TypeError(
      `${name} must be one node, not an array; list each node by itself, or give several servers of one node as a Cluster or as { sentinels, name }`,
    );
  if (typeof spec !== 'object' || spec === null) throw wrong(TypeError, name, spec, NODE_FORMS);
  if (isUrl(spec)) return fromOptions({ ...parseUrl(spec.href, name) }, name, keyPrefix);
  refuseClients(spec, name);
  if (isRedisInstance(spec)) return fromInstance(spec, name, keyPrefix);
  if (isNodeRedisCluster(spec)) return fromCluster(spec, name, keyPrefix);
  if (isNodeRedisInstance(spec)) return fromClient(spec, name, keyPrefix);
  if (!isPlain(spec)) throw wrong(TypeError, name, spec, NODE_FORMS);
  return fromPlainObject(spec, name, keyPrefix);
}

/** Of any realm. */
function isUrl(spec: object): spec is URL {
  return spec instanceof URL || Object.prototype.toString.call(spec) === '[object URL]';
}

/** An object without a class and without methods of its own that only clients have. */
function isPlain(spec: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(spec);
  const hasClass = prototype !== null && Object.getPrototypeOf(prototype) !== null;
  return !hasClass && !['duplicate', 'evalsha', 'evalSha'].some((method) => method in spec);
}

const ADDRESSES = ['host', 'port', 'path', 'sentinels'] as const;

function fromPlainObject(spec: object, name: string, keyPrefix: string): Endpoint {
  if ('sentinelRootNodes' in spec) {
    checkSentinelOptions(spec, name);
    return fromSentinel(spec, name, keyPrefix);
  }
  for (const foreign of ['socket', 'url', 'rootNodes'])
    if (foreign in spec)
      throw new TypeError(`${name} has the option ${foreign} of node-redis; ${INSTEAD_OF[foreign]}`);
  checkRedisOptions(spec, name);
  const options = spec as Record<string, unknown>;
  if (ADDRESSES.every((option) => options[option] === undefined || options[option] === null))
    throw new TypeError(
      `${name} has no address (none of host, port, path, sentinels and sentinelRootNodes), and would mean localhost:6379; give at least { host }`,
    );
  return fromOptions(options, name, keyPrefix);
}

const INSTEAD_OF: Readonly<Record<string, string>> = {
  socket: 'give createClient({ socket: … }), or host and port without socket',
  url: 'give the URL itself as the node, or createClient({ url: … })',
  rootNodes: 'give createCluster({ rootNodes: … })',
};
