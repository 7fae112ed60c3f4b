import type { ConnectionOptions } from 'node:tls';
import { checkNames } from '../../../bad-input.ts';

/** Another address for one that a Sentinel or a Cluster tells: by `host:port`, or a function of it. */
export type AddressMap =
  | { readonly [address: string]: { readonly host: string; readonly port: number } }
  | ((address: string) => { readonly host: string; readonly port: number } | null | undefined);

/**
 * A server, or a master behind Sentinels, by the names that ioredis uses. Needs the package ioredis. One of `host`, `port`, `path` and
 * `sentinels` must be given. The other options of ioredis are accepted and have no effect.
 */
export interface RedisNodeOptions {
  /** string, default `localhost`: the name or IP address of the server. */
  readonly host?: string | undefined;
  /** number, default 6379: the server's port. */
  readonly port?: number | undefined;
  /** string, default none: the path of a unix socket, instead of `host` and `port`. */
  readonly path?: string | undefined;
  /** string, default none; with a password `default`: the ACL user. */
  readonly username?: string | undefined;
  /** string, default none: the password. */
  readonly password?: string | undefined;
  /** number, default 0: the database. */
  readonly db?: number | undefined;
  /** object, default none: connect by TLS, with these options of `tls.connect`; `{}` is enough. Behind Sentinels see `enableTLSForSentinelMode`. */
  readonly tls?: ConnectionOptions | undefined;
  /** 0, 4 or 6, default 0: only IPv4 or only IPv6 addresses. */
  readonly family?: number | undefined;
  /** array, default none: the Sentinels to ask for the master, instead of `host` and `port`. */
  readonly sentinels?:
    | readonly { readonly host?: string | undefined; readonly port?: number | undefined }[]
    | undefined;
  /** string, required with `sentinels`: the name by which they know the master. */
  readonly name?: string | undefined;
  /** string, default none: the ACL user of the Sentinels. */
  readonly sentinelUsername?: string | undefined;
  /** string, default none: the password of the Sentinels. */
  readonly sentinelPassword?: string | undefined;
  /** boolean, default false: use `tls` for the master that Sentinels name. */
  readonly enableTLSForSentinelMode?: boolean | undefined;
  /** object, default none: connect to Sentinels by TLS, with these options. */
  readonly sentinelTLS?: ConnectionOptions | undefined;
  /** object or function, default none: other addresses for those that Sentinels tell. */
  readonly natMap?: AddressMap | undefined;
}

/** What matters to a connection of node-redis. Its other options are accepted and have no effect. */
export interface NodeRedisConnectionOptions {
  /** string, default none; with a password `default`: the ACL user. */
  readonly username?: string | undefined;
  /** string, default none: the password. */
  readonly password?: string | undefined;
  /** object, default none: provides user and password, instead of `username` and `password`. */
  readonly credentialsProvider?: object | undefined;
  /** number, default 0: the database; none for Sentinels. */
  readonly database?: number | undefined;
  /** object, default none: options of the socket, such as `{ tls: true }`. */
  readonly socket?: object | undefined;
}

/** A master behind Sentinels, by the options of node-redis' `createSentinel`. Needs the package redis or @redis/client. */
export interface NodeRedisSentinelOptions {
  /** string, required: the name by which the Sentinels know the master. */
  readonly name: string;
  /** array, required: the Sentinels to ask for the master. */
  readonly sentinelRootNodes: readonly { readonly host: string; readonly port: number }[];
  /** object, default none: how to connect to the master. */
  readonly nodeClientOptions?: NodeRedisConnectionOptions | undefined;
  /** object, default none: how to connect to Sentinels. */
  readonly sentinelClientOptions?: NodeRedisConnectionOptions | undefined;
  /** object or function, default none: other addresses for those that Sentinels tell. */
  readonly nodeAddressMap?: AddressMap | undefined;
}

/** The options that have an effect: what a misspelt name may have meant. */
const REDIS_OPTIONS: readonly (keyof RedisNodeOptions)[] = [
  'host',
  'port',
  'path',
  'username',
  'password',
  'db',
  'tls',
  'family',
  'sentinels',
  'name',
  'sentinelUsername',
  'sentinelPassword',
  'enableTLSForSentinelMode',
  'sentinelTLS',
  'natMap',
];

/** What else ioredis 5 and 6 and iovalkey take for one server. */
const IGNORED = new Set(
  `Connector autoPipeliningIgnoredCommands autoResendUnfulfilledCommands autoResubscribe blockingTimeout blockingTimeoutGrace
  clientInfoTag commandQueue commandTimeout connectTimeout connectionName disableClientInfo disconnectTimeout
  enableAutoPipelining enableOfflineQueue enableReadyCheck failoverDetector familyFallback himportFieldsets keepAlive keyPrefix lazyConnect
  maxLoadingRetryTime maxRetriesPerRequest monitor noDelay offlineQueue preferredSlaves protocol readOnly reconnectOnError
  replyMapping retryStrategy role scripts sentinelCommandTimeout sentinelMaxConnections sentinelReconnectStrategy
  sentinelRetryStrategy showFriendlyErrorStack socketTimeout stringNumbers updateSentinels`.split(/\s+/),
);

const SENTINEL_OPTIONS: readonly (keyof NodeRedisSentinelOptions)[] = [
  'name',
  'sentinelRootNodes',
  'nodeClientOptions',
  'sentinelClientOptions',
  'nodeAddressMap',
];

/** What else node-redis' `createSentinel` takes. */
const IGNORED_BY_SENTINELS = new Set(
  `RESP clientSideCache commandOptions functions keyPrefix masterPoolSize maxCommandRediscovers modules
  passthroughClientErrorEvents replicaPoolSize reserveClient scanInterval scripts`.split(/\s+/),
);

/** @throws {TypeError} for a name that ioredis does not know. */
export function checkRedisOptions(options: object, name: string): void {
  checkNames(name, without(options, IGNORED), REDIS_OPTIONS);
}

/** @throws {TypeError} for a name that node-redis' `createSentinel` does not know. */
export function checkSentinelOptions(options: object, name: string): void {
  checkNames(name, without(options, IGNORED_BY_SENTINELS), SENTINEL_OPTIONS);
}

function without(options: object, names: ReadonlySet<string>): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.has(name)));
}
