/**
 * What quorlock's user needs on a server, found by taking away one after the other: everything else may be denied.
 * To it come the keys, as patterns such as `~lock:*` for `keyPrefix: 'lock:'` with `~{lock:*` for their fencing counters,
 * and `+select` for another database. Without fencing neither those nor `+time` are needed.
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

/** What lets those who wait for a lock be told of its release. Without it locks are the same, and waiting is slower. */
export const WAITING_ACL: readonly string[] = [
  '+spublish',
  '+ssubscribe',
  '+sunsubscribe',
  '&quorlock:released:*',
];

/** On each node of a Redis Cluster, in addition: how ioredis finds the masters. */
export const LEAST_CLUSTER_ACL: readonly string[] = ['+cluster|slots'];

/** On a Sentinel: how ioredis finds the master, and (unless `updateSentinels: false`) the other Sentinels. */
export const LEAST_SENTINEL_ACL: readonly string[] = [
  '-@all',
  '+sentinel|get-master-addr-by-name',
  '+sentinel|sentinels',
];
