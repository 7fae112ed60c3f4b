import { isIP, type LookupFunction } from 'node:net';
import type { OpenLink } from '../../../link/link.ts';
import { type NodeRedisClient, nodeRedisLinks } from '../../../link/node-redis.ts';
import { loadNodeRedis } from '../../../link/node-redis-package.ts';
import { parseUrl } from '../redis-url.ts';
import { checkLogin, credentialsOf, firstLogin, fullLogin, type Login } from './login.ts';
import { type CustomLookup, type Endpoint, nameOf, type Place } from './place.ts';
import { loadFor, refuseKeyPrefix } from './refusals.ts';
import type { NodeRedisCluster, NodeRedisInstance } from './shapes.ts';
import { lookupOf, natMapOf, targetOf } from './target.ts';

type Options = Readonly<Record<string, unknown>>;

/** A client, of which only this is used. */
interface Template {
  readonly options?: object | undefined;
  duplicate(overrides: object): NodeRedisClient;
}

const SERVER_DEFAULT = { host: 'localhost', port: 6379 };
const SENTINEL_DEFAULT = { host: 'localhost', port: 26_379 };

/** A node by a client of node-redis. */
export function fromClient(client: NodeRedisInstance, name: string, keyPrefix: string): Endpoint {
  // node-redis puts what its URL says into the other options.
  const options = (client.options ?? {}) as Options;
  refuseKeyPrefix(options.keyPrefix, keyPrefix, name);
  const login = checkLogin(options, name);
  const place: Place = { kind: 'server', at: targetOf(socketOf(options), name, SERVER_DEFAULT) };
  return {
    name: nameOf(place),
    credentials: credentialsOf([login], nameOf(place)),
    place,
    openLink: linksOf(client as unknown as Template),
    lookup: lookupSettings(options),
  };
}

/** A node by a Cluster of node-redis. */
export function fromCluster(cluster: NodeRedisCluster, name: string, keyPrefix: string): Endpoint {
  const options = Reflect.get(cluster, '_options') as Options;
  refuseKeyPrefix(options.keyPrefix, keyPrefix, name);
  const { rootNodes } = options;
  if (!Array.isArray(rootNodes) || rootNodes.length === 0)
    throw new TypeError(`${name} is a Cluster without rootNodes; give it at least one of its servers`);
  const roots = rootNodes.map((root, index) => settled(root ?? {}, `${name}: rootNodes[${index}]`));
  const defaults = settled((options.defaults ?? {}) as Options, `${name}: defaults`);
  const all = [defaults, ...roots];
  const place: Place = {
    kind: 'cluster',
    seeds: roots.map((root, index) =>
      targetOf({ ...socketOf(defaults), ...socketOf(root) }, `${name}: rootNodes[${index}]`, SERVER_DEFAULT),
    ),
    natMap: natMapOf(options.nodeAddressMap),
  };
  return {
    name: nameOf(place),
    credentials: credentialsOf(all, nameOf(place)),
    place,
    openLink: linksOf(
      templateOf(
        {
          ...firstLogin(all),
          credentialsProvider: all.find(({ credentialsProvider }) => credentialsProvider)
            ?.credentialsProvider,
          socket: {
            ...socketOf(all.find((each) => socketOf(each).tls) ?? {}),
            ...socketOf(defaults),
          },
        },
        name,
      ),
    ),
    lookup: lookupSettings(defaults),
  };
}

/** A node by the options of node-redis' `createSentinel`. */
export function fromSentinel(options: Options, name: string, keyPrefix: string): Endpoint {
  refuseKeyPrefix(options.keyPrefix, keyPrefix, name);
  const { sentinelRootNodes, name: group } = options;
  if (!Array.isArray(sentinelRootNodes) || sentinelRootNodes.length === 0)
    throw new TypeError(`${name}: sentinelRootNodes must be a non-empty array such as [{ host, port }]`);
  if (typeof group !== 'string' || group === '')
    throw new TypeError(
      `${name}: name must be the name by which the Sentinels know the master, such as "mymaster"`,
    );
  const nodeOptions = settled((options.nodeClientOptions ?? {}) as Options, `${name}: nodeClientOptions`);
  const { database: _, ...sentinelOptions } = settled(
    (options.sentinelClientOptions ?? {}) as Options,
    `${name}: sentinelClientOptions`,
  );
  const place: Place = {
    kind: 'sentinel',
    group,
    sentinels: sentinelRootNodes.map((each, index) =>
      targetOf(each ?? {}, `${name}: sentinelRootNodes[${index}]`, SENTINEL_DEFAULT),
    ),
    openSentinel: linksOf(templateOf(sentinelOptions, name)),
    natMap: natMapOf(options.nodeAddressMap),
  };
  return {
    name: nameOf(place),
    credentials: credentialsOf([nodeOptions, sentinelOptions], nameOf(place)),
    place,
    openLink: linksOf(templateOf(nodeOptions, name)),
    lookup: lookupSettings(nodeOptions),
  };
}

/** The options without a URL: what it says is put into the others, over them, as node-redis does. */
function settled(options: Options, what: string): Options {
  const { url, ...rest } = options;
  checkLogin(options, what);
  if (url === undefined) return rest;
  const { host, port, tls, db, ...login } = parseUrl(url as string, `${what}.url`);
  return {
    ...rest,
    ...login,
    ...(db === undefined ? {} : { database: db }),
    socket: { ...socketOf(options), host, port, ...(tls ? { tls: true } : {}) },
  };
}

/** A client that is never connected. Each set of other options costs some ms, as node-redis builds a class for it; duplicates are cheap. */
function templateOf(
  { username, password, credentialsProvider, database, socket }: Options,
  name: string,
): Template {
  const template = loadFor(name, loadNodeRedis).createClient({
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(credentialsProvider ? { credentialsProvider } : {}),
    ...(database ? { database } : {}),
    socket: { ...(socket as object | undefined) },
    maintNotifications: 'disabled',
  });
  return template;
}

function linksOf(template: Template): OpenLink {
  const options = (template.options ?? {}) as Options;
  const login = namedLogin(options);
  return nodeRedisLinks((overrides) => template.duplicate({ ...login, ...overrides }), options);
}

interface AsyncProvider {
  readonly type?: unknown;
  credentials?(): Promise<Login>;
}

/** Adds the user `default` to a password without a user. node-redis asks its provider, which it makes of user and password if there is none. */
function namedLogin(options: Options): object {
  const provider = options.credentialsProvider as AsyncProvider | undefined;
  if (options.username || !provider) return {};
  if (provider.type !== 'async-credentials-provider' || typeof provider.credentials !== 'function') return {};
  return {
    credentialsProvider: {
      type: provider.type,
      credentials: async () => fullLogin((await provider.credentials?.()) ?? {}),
    },
  };
}

function socketOf({ socket }: Options): Options {
  return (socket ?? {}) as Options;
}

/** node-redis hands the settings of its sockets to `net.connect`, which has a signature of its own for look-ups. */
function lookupSettings(options: Options): Endpoint['lookup'] {
  const { family, lookup } = socketOf(options);
  const settings = lookupOf(family);
  if (typeof lookup !== 'function') return settings;
  const custom: CustomLookup = (hostname, found) =>
    (lookup as LookupFunction)(hostname, { family: settings.family, all: false }, (error, address) => {
      const first = typeof address === 'string' ? address : (address?.[0]?.address ?? '');
      found(error, first, isIP(first));
    });
  return { ...settings, lookup: custom };
}
