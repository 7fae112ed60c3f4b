import type { Unreachable, Unusable } from './lock-node.ts';

/** Errors that mean that the server was told to refuse us, or that a counter is at its end; waiting does not help. */
const REFUSALS =
  /^(NOPERM|NOAUTH|WRONGPASS)\b|ACL failure in script|can't run this command or subcommand|fencing (counter|token)/;

export function isRefusal(error: Error): boolean {
  return REFUSALS.test(error.message);
}

/** Errors with which a server rejects a whole script before any of it runs. */
export function ranNothing(error: Error): boolean {
  return /^(NOPERM|NOAUTH|NOSCRIPT)\b/.test(error.message);
}

/** Whether such an error is about the command or the user, and so the same for whatever the script is to do. */
export function concernsAll(error: Error): boolean {
  return /^NOAUTH\b|\bto run the\b/.test(error.message);
}

/** How an error counts as a reply. LOADING, BUSY, OOM, MISCONF, NOREPLICAS, CLUSTERDOWN and the like pass, and are `unreachable`. */
export function replyTo(error: Error, maybeExecuted: boolean): Unreachable | Unusable {
  if (isRefusal(error)) return { kind: 'unusable', why: error.message };
  return { kind: 'unreachable', cause: error, maybeExecuted };
}
