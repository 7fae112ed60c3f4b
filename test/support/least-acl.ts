/**
 * What quorlock's user needs on a server, found by taking away one after the other: everything else may be denied.
 * To it come the keys, as patterns such as `~lock:*` for `keyPrefix: 'lock:'` with `~{lock:*` for their fencing counters,
 * and `+select` for another database. Without fencing and lines neither those nor `+time` are needed.
 */
export const LEAST_ACL: readonly string[] = [
  '-@all',
  '+evalsha',
  '+script|load',
  '+script|exists',
  '+info',
  '+time',
  '+set',
  '+get',
  '+del',
  '+exists',
  '+pttl',
  '+pexpire',
];

/** What spares a server the reading of all of a large value that somebody else has put under a lock's key. */
export const SPARING_ACL: readonly string[] = ['+getrange'];

/**
 * What lets waiters stand in line, and notifies them. To it come the keys of the lines, as `~{lock:*`. Without it locks are the same, and
 * waiters poll.
 */
export const WAITING_ACL: readonly string[] = [
  '+zadd',
  '+zrange',
  '+zrank',
  '+zrem',
  '+zpopmin',
  '+zcard',
  '+spublish',
  '+ssubscribe',
  '+sunsubscribe',
  '&quorlock:turn:*',
];

/**
 * Keeps an idle connection alive. Without it the server refuses each PING, which keeps the connection alive all the same, but it notes
 * the refusals in ACL LOG.
 */
export const KEEP_ALIVE_ACL: readonly string[] = ['+ping'];

/** Gives connections their name. Without it they have none, and the server notes the refusals in ACL LOG. */
export const NAMING_ACL: readonly string[] = ['+client|setname'];

/** On each master of a Redis Cluster, in addition: which master has which slot. */
export const LEAST_CLUSTER_ACL: readonly string[] = ['+cluster|slots'];

/** The same, so that locks in a slot that is being moved can be used. */
export const MIGRATION_ACL: readonly string[] = ['+asking'];

/** On a cluster-enabled server that is given by its URL: whether it is one of several masters. Without it, the first MOVED says so. */
export const CLUSTER_SIZE_ACL: readonly string[] = ['+cluster|info'];

/** On a Sentinel: where the master is. */
export const LEAST_SENTINEL_ACL: readonly string[] = ['-@all', '+sentinel|get-master-addr-by-name'];
