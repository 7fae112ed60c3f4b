import type { Unreachable, Unusable } from '../lock-node.ts';

/** Errors that mean that this user may not do what a lock needs. No waiting cures that. */
const FORBIDDEN =
  /^(NOPERM|NOAUTH|WRONGPASS)\b|ACL failure in script|can't (run this command|access at least one of the keys)/;

/** Errors that mean that a counter cannot give a token. A lock's own key may be of any type: only counters are of a wrong one. */
const NO_COUNTER = /^WRONGTYPE\b|fencing (counter|token)/;

/** Errors with which a server rejects a whole script before any of it runs. */
export function ranNothing(error: Error): boolean {
  return /^(NOPERM|NOAUTH|NOSCRIPT)\b/.test(error.message);
}

/** Whether such an error is about the command or the user, and so applies to every operation of the script. */
export function concernsAll(error: Error): boolean {
  return /^NOAUTH\b|\bto run the\b/.test(error.message);
}

/** How an error counts as a reply. LOADING, BUSY, OOM, MISCONF, NOREPLICAS, CLUSTERDOWN and the like pass, and are `unreachable`. */
export function replyTo(error: Error, maybeExecuted: boolean): Unreachable | Unusable {
  const { message: why } = error;
  if (FORBIDDEN.test(why)) return { kind: 'unusable', why, isPermanent: true };
  if (NO_COUNTER.test(why)) return { kind: 'unusable', why };
  return { kind: 'unreachable', cause: error, maybeExecuted };
}
