import type { Cancel, Clock } from '../../clock.ts';
import { type Addresses, type Family, onlyAddresses, type SystemNames } from './system-names.ts';

/** A `dns.lookup` that has been under way for so many ms is slow: probably it waits for a name server. */
const SLOW = 250;

/** One `dns.lookup`, of which several may want the answer. */
interface Lookup {
  readonly key: string;
  readonly name: string;
  readonly family: Family;
  readonly waiting: Set<Addresses>;
  isRunning: boolean;
  isSlow: boolean;
}

/**
 * The `dns.lookup`s of quorlock in this process, by turns. libuv runs two at a time, for all of the process, and none can be cancelled:
 * two that hang would block the look-ups of the whole program. So
 *
 * - there is at most one under way. Fast ones take a few ms, so this costs nothing;
 * - only when it turns out to be slow, one other may begin, as the one slow name must not delay the other nodes;
 * - a name that was slow the last time never is that other one.
 *
 * Both threads can still be lost to names that are slow for the first time, once for each name.
 */
export class SystemLookups {
  readonly #services: SystemNames;
  readonly #clock: Clock;
  /** Those under way, and those that wait for their turn, in the order in which they came. */
  readonly #lookups = new Map<string, Lookup>();
  /** The names that were slow the last time, or are expected to be. As few as there are names of nodes. */
  readonly #slowNames = new Set<string>();

  constructor(services: SystemNames, clock: Clock) {
    this.#services = services;
    this.#clock = clock;
  }

  /** That the next look-up of this name will be slow. */
  expectSlow(name: string): void {
    this.#slowNames.add(name);
  }

  /** `answer` may be called before this returns. One that is under way goes on after it was cancelled, and is joined by the next to ask. */
  ask(name: string, family: Family, answer: Addresses): Cancel {
    const key = `${family} ${name}`;
    const lookup = this.#lookups.get(key) ?? {
      key,
      name,
      family,
      waiting: new Set(),
      isRunning: false,
      isSlow: false,
    };
    lookup.waiting.add(answer);
    this.#lookups.set(key, lookup);
    this.#next();
    return () => {
      lookup.waiting.delete(answer);
      if (lookup.waiting.size === 0 && !lookup.isRunning) this.#forget(lookup);
    };
  }

  #next(): void {
    for (const lookup of this.#lookups.values()) if (this.#mayBegin(lookup)) this.#begin(lookup);
  }

  #mayBegin(lookup: Lookup): boolean {
    const { key, name, isRunning } = lookup;
    // An answer to another may have cancelled it.
    if (isRunning || this.#lookups.get(key) !== lookup) return false;
    const [first, second] = [...this.#lookups.values()].filter((other) => other.isRunning);
    return !first || (!second && first.isSlow && !this.#slowNames.has(name));
  }

  #begin(lookup: Lookup): void {
    const { name, family } = lookup;
    lookup.isRunning = true;
    lookup.isSlow = this.#slowNames.has(name);
    let wasSlow = false;
    const cancelSlow = this.#clock.after(
      SLOW,
      () => {
        wasSlow = true;
        lookup.isSlow = true;
        this.#slowNames.add(name);
        this.#next();
      },
      'background',
    );
    this.#services.lookup(name, family, (error, found) => {
      cancelSlow();
      if (!wasSlow) this.#slowNames.delete(name);
      this.#forget(lookup);
      const addresses = onlyAddresses(found);
      const failure = error ?? (addresses.length === 0 ? nothingFound(name) : null);
      for (const answer of lookup.waiting) answer(failure, failure ? [] : addresses);
      this.#next();
    });
  }

  #forget(lookup: Lookup): void {
    if (this.#lookups.get(lookup.key) === lookup) this.#lookups.delete(lookup.key);
  }
}

function nothingFound(name: string): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
}
