import dns from 'node:dns';
import { type IoredisClient, ioredisLinks } from '../../../link/ioredis.ts';
import { loadIoredis } from '../../../link/ioredis-package.ts';
import type { OpenLink } from '../../../link/link.ts';
import { addressOf } from '../redis-url.ts';
import { checkLogin, credentialsOf, firstLogin, fullLogin, type Login } from './login.ts';
import { type CustomLookup, type Endpoint, nameOf, type Place } from './place.ts';
import { loadFor, refuseKeyPrefix } from './refusals.ts';
import type { RedisInstance } from './shapes.ts';
import { lookupOf, natMapOf, targetOf } from './target.ts';

type Options = Readonly<Record<string, unknown>>;
type Create = (overrides: Options) => IoredisClient;

/** The host where a client of one server, and a Cluster, look for a server without a host. */
const LOCALHOST = { host: 'localhost', port: 6379 };
const CLUSTER_DEFAULT = { host: '127.0.0.1', port: 6379 };
const SENTINEL_DEFAULT = { host: 'localhost', port: 26_379 };

/** A node by a URL or by options. Throws if the package ioredis is missing. */
export function fromOptions(options: Options, name: string, keyPrefix: string): Endpoint {
  refuseKeyPrefix(options.keyPrefix, keyPrefix, name);
  const { Redis } = loadFor(name, loadIoredis);
  return endpointOf(options, (overrides) => new Redis({ ...options, ...overrides }), name);
}

/** A node by a client or Cluster of ioredis or iovalkey. */
export function fromInstance(instance: RedisInstance, name: string, keyPrefix: string): Endpoint {
  const options = instance.options as Options;
  refuseKeyPrefix(options.keyPrefix, keyPrefix, name);
  if (instance.isCluster) return fromCluster(instance, options, name, keyPrefix);
  return endpointOf(options, duplicatesOf(instance), name);
}

function endpointOf(options: Options, create: Create, name: string): Endpoint {
  const login = checkLogin(options, name);
  const sentinelLogin = checkLogin(
    { username: options.sentinelUsername, password: options.sentinelPassword },
    `${name}: Sentinels`,
  );
  const { sentinels } = options;
  const place = sentinels
    ? sentinelPlace(options, create, sentinelLogin, name)
    : ({ kind: 'server', at: targetOf(options, name, LOCALHOST) } as const);
  // As ioredis has it: a master that Sentinels name is reached by TLS only if this is said.
  const tls = sentinels && !options.enableTLSForSentinelMode ? undefined : options.tls;
  return {
    name: nameOf(place),
    credentials: credentialsOf([login, sentinelLogin], nameOf(place)),
    place,
    openLink: linksOf(create, { tls, login }),
    lookup: lookupOf(options.family),
  };
}

function sentinelPlace(options: Options, create: Create, login: Login, name: string): Place {
  const { sentinels, name: group } = options;
  if (!Array.isArray(sentinels) || sentinels.length === 0)
    throw new TypeError(`${name}: sentinels must be a non-empty array such as [{ host, port }]`);
  if (typeof group !== 'string' || group === '')
    throw new TypeError(
      `${name}: name must be the name by which the Sentinels know the master, such as "mymaster"`,
    );
  return {
    kind: 'sentinel',
    group,
    sentinels: sentinels.map((each, index) =>
      targetOf(each ?? {}, `${name}: sentinels[${index}]`, SENTINEL_DEFAULT),
    ),
    // Sentinels have users, passwords and certificates of their own, and no databases.
    openSentinel: linksOf(create, { tls: options.sentinelTLS, login, db: 0, Connector: undefined }),
    natMap: natMapOf(options.natMap),
  };
}

function fromCluster(cluster: RedisInstance, options: Options, name: string, keyPrefix: string): Endpoint {
  const redisOptions = (options.redisOptions ?? {}) as Options;
  refuseKeyPrefix(redisOptions.keyPrefix, keyPrefix, name);
  if (options.useSRVRecords)
    throw new TypeError(
      `${name} is a Cluster with useSRVRecords, which quorlock does not resolve; give the Cluster some of its servers by host and port`,
    );
  // Private in ioredis' types, and the only place where a Cluster says where it is.
  const startupNodes: unknown = Reflect.get(cluster, 'startupNodes');
  if (!Array.isArray(startupNodes) || startupNodes.length === 0)
    throw new TypeError(`${name} is a Cluster without startup nodes; give it at least one of its servers`);
  const nodes = startupNodes.map(startupNode);
  const logins = [redisOptions, ...nodes].map((each) => checkLogin(each, name));
  const place: Place = {
    kind: 'cluster',
    seeds: nodes.map((node, index) => targetOf(node, `${name}: startup node ${index}`, CLUSTER_DEFAULT)),
    natMap: natMapOf(options.natMap),
  };
  return {
    name: nameOf(place),
    credentials: credentialsOf(logins, nameOf(place)),
    place,
    openLink: linksOf(duplicatesOf(templateOf(cluster, redisOptions, name)), {
      login: firstLogin(logins),
      tls: [redisOptions, ...nodes].find(({ tls }) => tls)?.tls,
      db: 0,
    }),
    lookup: lookupOf(redisOptions.family, dnsLookupOf(options)),
  };
}

/** A Cluster takes URLs, host and port, ports alone, and options; `Cluster` has checked them itself. */
function startupNode(node: unknown): Options {
  if (typeof node === 'number') return { port: node };
  if (typeof node !== 'string') return (node ?? {}) as Options;
  if (/^\d+$/.test(node)) return { port: Number(node) };
  const url = node.includes('://') ? node : `redis://${node}`;
  return URL.canParse(url) ? { ...addressOf(new URL(url)) } : { host: node };
}

/**
 * A client of one server, never connected, of the same package as the Cluster: that may be iovalkey, or another copy of ioredis. Only the
 * class of a Cluster's pool of clients leads there; a pool of our own leaves the Cluster's alone.
 */
function templateOf(cluster: RedisInstance, redisOptions: Options, name: string): { duplicate: unknown } {
  try {
    const own: unknown = Reflect.get(cluster, 'connectionPool');
    const pool = new (own as { constructor: new (options: object) => ConnectionPool }).constructor({
      ...redisOptions,
      lazyConnect: true,
    });
    pool.findOrCreate({ ...CLUSTER_DEFAULT });
    const template = pool.getNodes('all')[0];
    if (typeof template?.duplicate === 'function') return template;
  } catch {
    // A release whose pools are different.
  }
  const { Redis } = loadFor(name, loadIoredis);
  return { duplicate: (overrides: Options) => new Redis({ ...redisOptions, ...overrides }) };
}

interface ConnectionPool {
  findOrCreate(node: object): unknown;
  getNodes(role: 'all'): { duplicate: unknown }[];
}

/** A Cluster's `dnsLookup`, unless it is what everybody has. */
function dnsLookupOf({ dnsLookup }: Options): CustomLookup | undefined {
  return typeof dnsLookup === 'function' && dnsLookup !== dns.lookup
    ? (dnsLookup as CustomLookup)
    : undefined;
}

function duplicatesOf(client: { duplicate: unknown }): Create {
  const { duplicate } = client as { duplicate: Create };
  return (overrides) => duplicate.call(client, overrides);
}

/** Links by clients that have these settings instead of those that `create` alone would give them. */
function linksOf(create: Create, { login, ...own }: { login: Login; tls: unknown } & Options): OpenLink {
  // ioredis 5 and later know some TLS settings by a name.
  const tls = typeof own.tls === 'string' ? { profile: own.tls } : own.tls;
  const { username, password } = fullLogin(login);
  return ioredisLinks((overrides) => create({ ...own, username, password, tls, ...overrides }));
}
