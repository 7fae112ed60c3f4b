import type { Clock } from '../../clock.ts';
import { enumerate, quote } from '../../quote.ts';
import { COUNTER_SUFFIX, counterOf } from '../counter.ts';
import { ExpiringMap } from '../expiring-map.ts';
import { tagged } from '../hash-tag.ts';
import type { Operation } from './operation.ts';

/** How many keys a message names. */
const MOST_NAMED = 2;
/** How many refused keys are remembered at most. */
const MOST_REFUSED = 1_000;
/** After how many ms it is found out anew which of an operation's keys are refused. */
const FOUND_AGAIN = 10_000;

/** Which of an operation's keys a user may not touch. */
interface Forbidden {
  readonly keys: boolean;
  readonly counters: boolean;
}

export interface ForbiddenKeysPlan {
  readonly clock: Clock;
  /** What all keys begin with. */
  readonly keyPrefix: string;
  /** Whether the user may not touch one of these keys, by a command that does nothing. */
  readonly isForbidden: (sha: string, keys: readonly string[]) => Promise<boolean>;
}

/** The keys that the user may not touch, as far as the server has refused operations on them. */
export class ForbiddenKeys {
  readonly #plan: ForbiddenKeysPlan;
  /** First keys of operations that were refused. */
  readonly #refused = new Set<string>();
  /** Which keys of a refused operation it is about, by all of its keys. */
  readonly #found: ExpiringMap<Forbidden & { readonly expiresAt: number }>;

  constructor(plan: ForbiddenKeysPlan) {
    this.#plan = plan;
    this.#found = new ExpiringMap(() => plan.clock.now());
  }

  /** Whether an operation with this first key was refused. Such operations are sent alone, so that no batch has to be split for them. */
  has(key: string): boolean {
    return this.#refused.size > 0 && this.#refused.has(key);
  }

  refused(key: string): void {
    if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
    this.#refused.add(key);
  }

  allowed(key: string): void {
    if (this.#refused.size > 0) this.#refused.delete(key);
  }

  /** The error of an operation that was refused, with the keys that it is about, if that can be found out. */
  async explain({ keys, fence }: Operation, sha: string, error: Error): Promise<Error> {
    const what = fence === undefined ? { keys: true, counters: false } : await this.#find(keys, sha);
    return what.keys || what.counters ? forbidden(keys, what, this.#plan.keyPrefix) : error;
  }

  async #find(keys: readonly string[], sha: string): Promise<Forbidden> {
    const { clock, isForbidden } = this.#plan;
    const name = keys.join('\n');
    const known = this.#found.get(name);
    if (known) return known;
    const [areKeys, areCounters] = await Promise.all([
      isForbidden(sha, keys),
      isForbidden(sha, keys.map(counterOf)),
    ]);
    const what = { keys: areKeys, counters: areCounters };
    this.#found.set(name, { ...what, expiresAt: clock.now() + FOUND_AGAIN });
    return what;
  }
}

/** Whether a server says that the user may not touch a key; it never says which. */
export function isAboutKeys({ message }: Error): boolean {
  return /^NOPERM\b.*\bkeys?\b/.test(message);
}

/** Which of an operation's keys the user may not touch, and the ACL patterns that would allow them. */
export function forbidden(keys: readonly string[], what: Forbidden, keyPrefix: string): Error {
  const missing = keys.flatMap((key) => [
    ...(what.keys ? [{ key, pattern: patternOfKeys(keyPrefix) }] : []),
    ...(what.counters
      ? [{ key: counterOf(key), pattern: patternBeside(key, keyPrefix, COUNTER_SUFFIX) }]
      : []),
  ]);
  const names = missing.map(({ key }) => quote(key));
  const patterns = [...new Set(missing.map(({ pattern }) => pattern))];
  return new Error(
    `NOPERM the user may not read and write ${enumerate(names, MOST_NAMED)}: allow ${patterns.join(' ')}`,
  );
}

/** The ACL rule for the keys of locks. */
export function patternOfKeys(keyPrefix: string): string {
  return `~${keyPrefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
}

/** The ACL rule for what is kept beside keys like this one, under names with that suffix. A key with a hash tag has it behind it. */
export function patternBeside(key: string, keyPrefix: string, suffix: string): string {
  const keys = patternOfKeys(keyPrefix);
  if (tagged(key) === key) return keys;
  return keyPrefix === '' ? `~*${suffix}` : `~{${keys.slice(1)}}${suffix}`;
}
