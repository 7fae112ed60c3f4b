import { createHash } from 'node:crypto';

/**
 * The order in which contenders for a key ask nodes, when they ask them one after the other: the first that can is their
 * arbiter. The same for everybody who knows the nodes by the same names, in whatever order.
 *
 * @see https://en.wikipedia.org/wiki/Rendezvous_hashing
 */
export function arbitersOf(key: string, names: readonly string[]): number[] {
  const weights = names.map((name) => createHash('sha1').update(`${name}\n${key}`).digest('hex'));
  return names.map((_, index) => index).sort((a, b) => ((weights[a] ?? '') < (weights[b] ?? '') ? -1 : 1));
}
