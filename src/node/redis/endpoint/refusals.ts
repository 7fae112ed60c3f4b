import { quote } from '../../../quote.ts';
import { hasMethods, isRedisInstance } from './shapes.ts';

/** Clients that quorlock cannot use, by their shape: what each is, and what to do instead. The first match counts. */
const REFUSED: readonly (readonly [is: (spec: object) => boolean, why: string])[] = [
  [
    (spec) => hasMethods(spec, 'then'),
    'is a promise; await it first, or give the client without connecting it: quorlock makes its own connections',
  ],
  [
    (spec) => 'data' in spec && 'connected' in spec && hasMethods(spec, 'evalsha'),
    "is a client of ioredis-mock, which cannot run quorlock's scripts; use createMemoryNodes of quorlock/testing instead",
  ],
  [
    (spec) => hasMethods(spec, 'customCommand') && !hasMethods(spec, 'duplicate'),
    "is a client of Valkey GLIDE, which sends a command late after its connection is lost; give the server's URL or a client of ioredis, iovalkey or node-redis",
  ],
  [
    (spec) => 'bufferedAmount' in spec && hasMethods(spec, 'send', 'duplicate'),
    "is Bun's RedisClient, which has no sharded subscriptions; give the server's URL or a client of ioredis, iovalkey or node-redis, which run in Bun too",
  ],
  [
    (spec) => hasMethods(spec, 'internal_send_command'),
    "is a client of node-redis 3 or older; update the package redis to 5.12 or later, or give the server's URL",
  ],
  [
    (spec) => hasMethods(spec, 'evalSha', 'acquire', 'use'),
    'is a Sentinel client of node-redis, whose options cannot be read; give { sentinelRootNodes, name } and its other options instead',
  ],
  [
    (spec) => hasMethods(spec, 'evalSha', 'execute') && !hasMethods(spec, 'duplicate'),
    'is a pool of node-redis, whose options cannot be read; give a client by createClient(...) instead',
  ],
  [
    (spec) => hasMethods(spec, 'evalSha') && !hasMethods(spec, 'connect'),
    'is the legacy() form of a node-redis client; give the client itself',
  ],
  [
    (spec) => hasMethods(spec, 'evalSha') && !hasMethods(spec, 'destroy'),
    "is a client of node-redis 4; update the package redis to 5.12 or later, or give the server's URL",
  ],
  [
    (spec) => hasMethods(spec, 'evalSha', 'destroy') && isBefore512(spec),
    'is a client of node-redis 5 before 5.12; update the package redis to 5.12 or later',
  ],
  [
    (spec) => isRedisInstance(spec) && isIoredis4(spec),
    'is a client of ioredis 4 or older; update the package ioredis to 5.3 or later',
  ],
];

/** node-redis has had an identity for its metrics since 5.12; the command is one that only releases 6 have, in case that this goes again. */
function isBefore512(spec: object): boolean {
  return !['_setIdentity', 'identity', 'hImportSet'].some((name) => name in spec);
}

/** Clients have said since ioredis 5 whether they are a Cluster; Clusters of ioredis 4 keep a list of scripts that ioredis 5 dropped. */
function isIoredis4(spec: object): boolean {
  return !('isCluster' in spec) || '_addedScriptHashes' in spec;
}

/** @throws {TypeError} for a client that quorlock cannot use. */
export function refuseClients(spec: object, name: string): void {
  const found = REFUSED.find(([is]) => is(spec));
  if (found) throw new TypeError(`${name} ${found[1]}`);
}

/**
 * @param theirs - what the client has
 * @param ours - what Redlock has
 * @throws {TypeError} for a prefix that would be missing from the keys of locks.
 */
export function refuseKeyPrefix(theirs: unknown, ours: string, name: string): void {
  if (!theirs || ours !== '') return;
  // node-redis takes a Buffer too.
  const prefix = quote(typeof theirs === 'string' ? theirs : (theirs as Buffer).toString());
  throw new TypeError(
    `${name} has the keyPrefix ${prefix}, which quorlock does not use; pass it to Redlock instead: new Redlock(nodes, { keyPrefix: ${prefix} })`,
  );
}

/** @throws {TypeError} for a package that is needed for this node and is not installed. */
export function loadFor<T>(name: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    throw new TypeError(`${name}: ${(error as Error).message}`, { cause: error });
  }
}
