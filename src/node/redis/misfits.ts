import type { Unusable } from '../lock-node.ts';

/** The shortest time between two checks, in ms: several answers within it belong to one check. */
const APART = 125;
/** A problem that was not found for so many ms counts as new. */
const FORGOTTEN = 60_000;
/** How many problems are remembered. There may be many, as those of permissions name keys. */
const MOST = 1_000;

/**
 * What is wrong with a node that no waiting cures. It counts as permanent when a second check in a row finds it: the first
 * one may have come between two steps of a person who is setting it right.
 */
export class Misfits {
  readonly #found = new Map<
    string,
    { readonly first: number; last: number; readonly key: string | undefined }
  >();

  /** A check has found this, as it tried to lock `key` if it is given; returns it as it is to be reported. */
  found(unusable: Unusable, now: number, key?: string): Unusable {
    const { why, isPermanent, ...rest } = unusable;
    if (!isPermanent) return unusable;
    const known = this.#found.get(why);
    if (known && now - known.last < FORGOTTEN) {
      known.last = now;
      return now - known.first >= APART ? unusable : { ...rest, why };
    }
    if (this.#found.size >= MOST) this.#found.clear();
    this.#found.set(why, { first: now, last: now, key });
    return { ...rest, why };
  }

  /** A check has found the node fit. */
  none(): void {
    this.#found.clear();
  }

  /** The node has voted on a key: nothing was wrong but for other keys. */
  voted(key: string): void {
    if (this.#found.size === 0) return;
    for (const [why, found] of this.#found)
      if (found.key === undefined || found.key === key) this.#found.delete(why);
  }
}
