import { quorumOf } from './ballot.ts';

export interface Fencing {
  /** The largest of the counters: larger than the token of every earlier holder. */
  readonly token: number;
  /** Whether a quorum of nodes has just this counter already; otherwise the others have to be raised to it. */
  readonly agreed: boolean;
}

/**
 * The fencing token of a lock, by the counters that its nodes have granted it with (undefined: not granted).
 *
 * Two holders share a node. Whoever was there later found the counter at least at the other's token, got a larger
 * one, and its token is no less than that: by the largest of them, not by the one of any node.
 *
 * @returns undefined if there is no counter at all.
 */
export function fencingOf(counters: readonly (number | undefined)[]): Fencing | undefined {
  const token = Math.max(...counters.map((counter) => counter ?? 0));
  if (token === 0) return undefined;
  const having = counters.filter((counter) => counter === token).length;
  return { token, agreed: having >= quorumOf(counters.length) };
}
