/**
 * The Redis clients that the guards take. These are shapes: no package is imported, so none has to be installed, and
 * any copy of it will do.
 */
export type FencedRedis =
  /** A `Redis` or `Cluster` of ioredis or iovalkey. */
  | {
      /** With `keyPrefix`, the client puts it before every key. */
      readonly options?: object;
      eval(script: string, numberOfKeys: number, ...keysAndArguments: (string | Buffer)[]): Promise<unknown>;
    }
  /** A client, pool, cluster or Sentinel client of node-redis. */
  | {
      evalSha(...args: never[]): unknown;
      withTypeMapping(...args: never[]): unknown;
      eval(script: string, options: { keys: string[]; arguments: (string | Buffer)[] }): Promise<unknown>;
    };

type NodeRedis = Extract<FencedRedis, { evalSha: unknown }>;

const USABLE =
  'a Redis or Cluster of ioredis or iovalkey, or a client, pool, cluster or Sentinel client of node-redis (5.12 or later)';

/** @throws {TypeError} for what is no client, and for clients whose `eval` takes other arguments. */
export function checkClient(client: unknown): asserts client is FencedRedis {
  const misfit = misfitOf(client);
  if (misfit) throw new TypeError(`client must be ${USABLE}, not ${misfit}`);
}

/** What it is, if the guards cannot use it. */
function misfitOf(client: unknown): string | undefined {
  if (client === null || client === undefined) return String(client);
  // Not its value: a URL can have a password in it.
  if (typeof client !== 'object') return `a ${typeof client}`;
  const has = (method: string): boolean => typeof Reflect.get(client, method) === 'function';
  if (has('then') && !has('eval')) return 'a promise (await it first)';
  if (has('customCommand')) return 'a client of GLIDE';
  if (!has('eval')) return 'an object without eval()';
  // evalSha came with node-redis 4, withTypeMapping with 5.
  if (has('evalSha') && !has('withTypeMapping'))
    return 'a client of node-redis 4, what legacy() returns, or a transaction';
  // node-redis 3, and clients that speak HTTP. ioredis has an evalBuffer for every eval.
  if (has('evalsha') && !has('evalBuffer'))
    return 'a client of node-redis 3 or of another package with an evalsha()';
  return undefined;
}

function isNodeRedis(client: FencedRedis): client is NodeRedis {
  return 'evalSha' in client;
}

/** What the client puts before every key; an empty string if nothing. */
export function keyPrefixOf(client: FencedRedis): string {
  // node-redis 6 has it here for all its kinds of clients. 5 has no prefix, and ignores one in its options.
  const { keyPrefix } = isNodeRedis(client)
    ? { keyPrefix: Reflect.get(client, '_keyPrefix') as unknown }
    : ((client.options ?? {}) as { keyPrefix?: unknown });
  return typeof keyPrefix === 'string' || Buffer.isBuffer(keyPrefix) ? keyPrefix.toString() : '';
}

/**
 * Sends EVAL. The reply is an array of strings, also from a client that was made to answer with Buffers; an empty one
 * for anything else.
 */
export async function evaluate(
  client: FencedRedis,
  script: string,
  keys: string[],
  args: (string | Buffer)[],
): Promise<string[]> {
  const reply = isNodeRedis(client)
    ? await client.eval(script, { keys, arguments: args })
    : await client.eval(script, keys.length, ...keys, ...args);
  return Array.isArray(reply) ? reply.map(String) : [];
}
