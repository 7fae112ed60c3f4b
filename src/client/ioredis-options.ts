import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { Random } from '../random.ts';
import type { Endpoint } from '../node/redis/endpoint.ts';

/** A node that is back is noticed within this many ms, plus the time to connect. */
const LONGEST_PAUSE = 250;

/**
 * The settings without which a command could run late, twice, or against something else than it was meant for.
 * They win over whatever the user's client has.
 */
export function safeOptions(plan: { connectTimeout: number; random: Random; endpoint: Endpoint }): {
  redis: RedisOptions;
  cluster: object;
} {
  const { connectTimeout, random, endpoint } = plan;
  const pause = (): number => Math.ceil(LONGEST_PAUSE * (0.2 + 0.8 * random.fraction()));
  // Some of these exist in ioredis 6 only, or in 5 only; the other passes over them.
  const redis: Record<string, unknown> = {
    lazyConnect: true,
    connectTimeout,
    // Nothing waits in the client, and nothing is ever sent again.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    reconnectOnError: null,
    enableAutoPipelining: false,
    autoResubscribe: false,
    // Sockets are destroyed here, and not by a timer that outlives them.
    disconnectTimeout: 0,
    commandTimeout: undefined,
    socketTimeout: undefined,
    blockingTimeout: undefined,
    // The server is looked at by the node itself, with what matters to locks.
    enableReadyCheck: false,
    monitor: false,
    // Always comes back, and soon; the user's strategy may give up.
    retryStrategy: pause,
    sentinelRetryStrategy: pause,
    sentinelCommandTimeout: connectTimeout,
    role: 'master',
    // Replies as the scripts make them, keys as they are given, and no command that an ACL would have to allow.
    keyPrefix: '',
    stringNumbers: false,
    protocol: 2,
    replyMapping: 'legacy',
    readOnly: false,
    disableClientInfo: true,
    // With a name, ioredis 5 may believe that it is ready on a connection that has died meanwhile.
    connectionName: undefined,
    // The same to the server; but ioredis complains on the console if a user without a name needs no password.
    ...(endpoint.passwordOnly ? { username: 'default' } : {}),
    scripts: undefined,
    himportFieldsets: undefined,
  };
  const cluster: Record<string, unknown> = {
    lazyConnect: true,
    keyPrefix: '',
    scaleReads: 'master',
    enableOfflineQueue: false,
    enableReadyCheck: false,
    enableAutoPipelining: false,
    shardedSubscribers: false,
    clusterRetryStrategy: pause,
    // A client of one of its servers has one socket, and ends with it.
    clusterNodeRetryStrategy: null,
    slotsRefreshTimeout: Math.max(connectTimeout, 1000),
    // A refresh that is under way as the client ends would arm its timer again, for ever; a redirection tells as much.
    slotsRefreshInterval: undefined,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    retryDelayOnMoved: 0,
    // Below 3, ioredis reports a NOSCRIPT as too many redirections.
    maxRedirections: 3,
    scripts: undefined,
    // ioredis 5 does not merge them, and would lose user, password and TLS.
    redisOptions: { ...ownRedisOptions(endpoint), ...redis },
  };
  return { redis, cluster };
}

function ownRedisOptions(endpoint: Endpoint): RedisOptions {
  return endpoint.kind === 'cluster'
    ? ((endpoint.instance.options as ClusterOptions).redisOptions ?? {})
    : {};
}
