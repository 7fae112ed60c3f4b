import { wrong } from './bad-input.ts';
import type { LockNode } from './node/lock-node.ts';
import { ColdStart } from './node/redis/cold-start.ts';
import { createConnection } from './node/redis/connect.ts';
import { Encoder } from './node/redis/encode.ts';
import {
  type NodeRedisCluster,
  type NodeRedisInstance,
  type NodeRedisSentinelOptions,
  type RedisInstance,
  type RedisNodeOptions,
  toEndpoint,
} from './node/redis/endpoint.ts';
import { guardFor, quarantineOf } from './node/redis/quarantine.ts';
import { RedisNode } from './node/redis/redis-node.ts';
import { Servers } from './node/redis/servers.ts';
import { type Settings } from './options.ts';
import { cut } from './quote.ts';

/** A node as users give it: a URL, options, a client of ioredis, iovalkey or node-redis, or a node of another kind. */
export type NodeSpec =
  | string
  | URL
  | RedisNodeOptions
  | NodeRedisSentinelOptions
  | RedisInstance
  | NodeRedisInstance
  | NodeRedisCluster
  | LockNode;

/** A server that leaves a command unanswered for longer than this, in ms, is suspect; see also {@link suspectAfter}. */
const SHORTEST_SUSPICION = 1_000;

function suspectAfter(nodeTimeout: number): number {
  return Math.max(2 * nodeTimeout, SHORTEST_SUSPICION);
}

/**
 * The nodes in the order given, and those among them that were made here. Connects to nothing before all are known to be right.
 *
 * @throws {TypeError} for a list that is empty, names a node twice, or holds anything but nodes.
 */
export function createNodes(
  specs: readonly NodeSpec[],
  settings: Settings,
): { all: readonly LockNode[]; own: readonly LockNode[] } {
  if (!Array.isArray(specs) || specs.length === 0)
    throw wrong(TypeError, 'nodes', specs, 'a non-empty array of nodes');
  const places = specs.map((spec, position) =>
    isLockNode(spec) ? complete(spec, position) : toEndpoint(spec, position, settings.keyPrefix),
  );
  places.forEach(({ name }, position) => {
    const twin = places.findIndex((place) => place.name === name);
    if (twin < position)
      throw new TypeError(`nodes[${position}] is the same as nodes[${twin}]: ${cut(name)}`);
  });
  const { clock, random, connectTimeout, fenceRetention, keyPrefix } = settings;
  const guard = guardFor(specs.length, settings.restartGuard);
  const { driftFactor, maxTtl, nodeTimeout } = settings.call;
  // Nodes that others have made cannot be asked whether they are new.
  const coldStart = new ColdStart(guard === 'auto' && !specs.some(isLockNode));
  const shared = {
    clock,
    connectTimeout,
    guard,
    coldStart,
    keyPrefix,
    encoder: new Encoder(fenceRetention),
    sampleKeys: specs.every(isLockNode) ? [] : [keyPrefix + random.token(), keyPrefix + random.token()],
    servers: new Servers(),
    quarantine: quarantineOf(maxTtl, driftFactor),
    startPause: nodeTimeout / 2,
  };
  const patience = suspectAfter(nodeTimeout);
  const all = places.map((place) =>
    'place' in place
      ? new RedisNode({
          ...shared,
          connection: createConnection({ endpoint: place, connectTimeout, patience, clock, random }),
        })
      : place,
  );
  // A RedisNode that was handed in is another's to start and to close.
  const own = all.filter(
    (node, index): node is RedisNode => node instanceof RedisNode && !isLockNode(specs[index]),
  );
  for (const node of own) node.start();
  return { all, own };
}

function isLockNode(spec: unknown): spec is LockNode {
  return (
    typeof spec === 'object' && spec !== null && 'grant' in spec && 'release' in spec && 'extend' in spec
  );
}

const METHODS: readonly (keyof LockNode)[] = [
  'firstContactUntil',
  'grant',
  'confirm',
  'extend',
  'repair',
  'release',
  'revoke',
  'inspect',
  'openInbox',
  'objection',
  'close',
];

/** @throws {TypeError} for a node that lacks a method: it would be missed only when a lock is contested, or lost. */
function complete(node: LockNode, position: number): LockNode {
  const missing = METHODS.find((method) => typeof Reflect.get(node, method) !== 'function');
  if (missing) throw new TypeError(`nodes[${position}] is no complete LockNode: it has no method ${missing}`);
  return node;
}
