import type { Unreachable, Unusable } from './lock-node.ts';

/** Errors that mean that this user may not do what a lock needs. No waiting cures that. */
const FORBIDDEN =
  /^(NOPERM|NOAUTH|WRONGPASS)\b|ACL failure in script|can't (run this command|access at least one of the keys)/;

/** Errors of a server of another kind than it was taken for, and what to do. No waiting cures that either. */
const WRONG_KINDS: readonly [RegExp, advice: string][] = [
  [
    /^(MOVED|ASK)\b/,
    'it is one of several masters of a Redis Cluster; give a Cluster client as the node, such as new Cluster([…])',
  ],
  [
    /^CROSSSLOT\b/,
    'it belongs to a Redis Cluster, where all keys of one lock need the same hash slot; give them a common {hash tag}',
  ],
  [/Invalid command passed to redis\.acl_check_cmd/, 'a command that quorlock needs is renamed or disabled'],
  [
    /^ERR unknown (command|subcommand)\b|Unknown Redis command called from script/i,
    'quorlock needs this command; it may be renamed or disabled',
  ],
  [
    /^ERR This instance has cluster support disabled/,
    'it is no member of a Redis Cluster; give its URL, or a client of a single server, as the node',
  ],
  [/does not answer in the Redis protocol|speaks TLS|without TLS/, ''],
];

/** Errors that mean that a counter cannot give a token. A lock's own key may be of any type: only counters are of a wrong one. */
const NO_COUNTER = /^WRONGTYPE\b|fencing (counter|token)/;

/** Errors with which a server rejects a whole script before any of it runs. */
export function ranNothing(error: Error): boolean {
  return /^(NOPERM|NOAUTH|NOSCRIPT|MOVED|ASK|TRYAGAIN|CROSSSLOT|CLUSTERDOWN)\b/.test(error.message);
}

/** Whether such an error is about the command or the user, and so applies to every operation of the script. */
export function concernsAll(error: Error): boolean {
  return /^(NOAUTH|MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b|\bto run the\b/.test(error.message);
}

/** Whether the user may not do what was asked. */
export function isForbidden({ message }: Error): boolean {
  return FORBIDDEN.test(message);
}

/** How an error counts as a reply. LOADING, BUSY, OOM, MISCONF, NOREPLICAS, CLUSTERDOWN and the like pass, and are `unreachable`. */
export function replyTo(error: Error, maybeExecuted: boolean): Unreachable | Unusable {
  const { message: why } = error;
  if (isForbidden(error)) return { kind: 'unusable', why, isPermanent: true };
  const wrongKind = WRONG_KINDS.find(([pattern]) => pattern.test(why));
  if (wrongKind) return { kind: 'unusable', why: advised(why, wrongKind[1]), isPermanent: true };
  if (NO_COUNTER.test(why)) return { kind: 'unusable', why };
  return { kind: 'unreachable', cause: error, maybeExecuted };
}

function advised(why: string, advice: string): string {
  return advice === '' || why.endsWith(advice) ? why : `${why}: ${advice}`;
}
