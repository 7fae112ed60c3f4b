/**
 * A client or Cluster of ioredis (5.3 or later) or iovalkey, recognised by its shape: it may come from any copy of the package. quorlock
 * reads its options and makes its own connections by `duplicate()`; the client itself is never connected, changed or closed.
 */
export interface RedisInstance {
  readonly options: object;
  readonly isCluster: boolean;
  duplicate(...args: never[]): unknown;
  connect(...args: never[]): unknown;
  disconnect(...args: never[]): unknown;
  evalsha(...args: never[]): unknown;
}

/** The name of {@link RedisInstance} in earlier releases. */
export type IoredisInstance = RedisInstance;

/**
 * A client of node-redis (`redis` or `@redis/client`, 5.12 or later). quorlock reads its options and makes its own connections by
 * `duplicate()`; the client itself need not be connected.
 */
export interface NodeRedisInstance {
  readonly options: object | undefined;
  duplicate(...args: never[]): unknown;
  evalSha(...args: never[]): unknown;
  sSubscribe(...args: never[]): unknown;
  destroy(): void;
}

/** A Cluster of node-redis (5.12 or later), as `createCluster` returns it. It need not be connected. */
export interface NodeRedisCluster {
  readonly slots: readonly unknown[];
  readonly masters: readonly unknown[];
  duplicate(...args: never[]): unknown;
  evalSha(...args: never[]): unknown;
  sSubscribe(...args: never[]): unknown;
  destroy(): void;
}

export function isRedisInstance(spec: object): spec is RedisInstance {
  return hasMethods(spec, 'duplicate', 'connect', 'disconnect', 'evalsha') && isObject(spec, 'options');
}

export function isNodeRedisInstance(spec: object): spec is NodeRedisInstance {
  return hasMethods(spec, 'duplicate', 'evalSha', 'sSubscribe', 'destroy') && 'options' in spec;
}

export function isNodeRedisCluster(spec: object): spec is NodeRedisCluster {
  return (
    hasMethods(spec, 'duplicate', 'evalSha', 'sSubscribe', 'destroy') &&
    'slots' in spec &&
    'masters' in spec &&
    isObject(spec, '_options')
  );
}

export function hasMethods(spec: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(spec, name) === 'function');
}

function isObject(spec: object, name: string): boolean {
  const value: unknown = Reflect.get(spec, name);
  return typeof value === 'object' && value !== null;
}
