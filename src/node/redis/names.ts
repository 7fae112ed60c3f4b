import { isIP } from 'node:net';
import { type Cancel, type Clock, systemClock } from '../../clock.ts';
import { inNeutralContext } from '../../context.ts';
import type { Address } from '../../link/link.ts';
import type { Locate, Target } from './locate.ts';
import { cannotResolve, NameSearch } from './name-search.ts';
import { SystemLookups } from './system-lookups.ts';
import {
  type Addresses,
  answerOnce,
  type Family,
  onlyAddresses,
  type SystemNames,
  systemNames,
} from './system-names.ts';

/**
 * Looks up the names of nodes without blocking the look-ups of the program.
 *
 * `dns.lookup` gives the answer that everybody expects of the machine, but while name servers are silent it occupies one of two
 * threads for many seconds. So it is asked only when it will probably be fast: for names in the hosts file, and after the name
 * servers have answered a question of c-ares, which needs no thread.
 */
export class Names {
  readonly #services: SystemNames;
  readonly #clock: Clock;
  readonly #lookups: SystemLookups;
  readonly #searches = new Map<string, NameSearch>();

  constructor(services: SystemNames = systemNames, clock: Clock = systemClock) {
    this.#services = services;
    this.#clock = clock;
    this.#lookups = new SystemLookups(services, clock);
  }

  /**
   * The addresses of a name, the system's best first. `found` is called once, never before this returns, and not after it was cancelled.
   * All that wait for a name share one look-up, which ends when all have cancelled.
   */
  find(name: string, family: Family, found: Addresses): Cancel {
    if (isIP(name) !== 0) return later(() => found(null, [name]));
    const key = `${family} ${name}`;
    const known = this.#searches.get(key);
    if (known) return known.add(found);
    const search = new NameSearch({
      name,
      family,
      services: this.#services,
      lookups: this.#lookups,
      clock: this.#clock,
      ended: () => this.#searches.delete(key),
    });
    this.#searches.set(key, search);
    const cancel = search.add(found);
    inNeutralContext(() => search.start());
    return cancel;
  }
}

/** For all of the process, as its threads are. */
export const processNames: Names = new Names();

/** A user's own look-up, as ioredis calls the `dnsLookup` of a Cluster. */
export type UserLookup = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null | undefined, address: string, family?: number) => void,
) => void;

export interface LookupOptions {
  /** @default 0: any */
  readonly family?: Family | undefined;
  /** Is asked instead of the machine. What it answers may be a name, which is then looked up as usual. */
  readonly lookup?: UserLookup | undefined;
}

/** Finds the addresses of a host. An IP address or the path of a unix socket needs no look-up. */
export function locateTarget(target: Target, names: Names, { family = 0, lookup }: LookupOptions): Locate {
  if ('path' in target) return (found) => later(() => found(null, [target]));
  const { host, port } = target;
  if (isIP(host) !== 0) return (found) => later(() => found(null, [{ host, port }]));
  // The dot at the end of an absolute name is not part of it in TLS.
  const servername = host.replace(/\.$/, '');
  const addressOf = (ip: string): Address => ({ host: ip, port, servername });
  return (found) => {
    const answer: Addresses = (error, ips) => found(error, ips.map(addressOf));
    return lookup ? findByUser(lookup, host, names, family, answer) : names.find(host, family, answer);
  };
}

function findByUser(
  lookup: UserLookup,
  host: string,
  names: Names,
  family: Family,
  found: Addresses,
): Cancel {
  let isOver = false;
  let cancel: Cancel | undefined;
  const answered: Addresses = (error, hosts) => {
    if (isOver) return;
    const ips = onlyAddresses(hosts);
    const [first] = hosts;
    if (error || first === undefined) {
      const cause = error ?? new Error('the dnsLookup function gave no address');
      cancel = later(() => found(cannotResolve(host, cause), []));
    } else if (ips.length > 0) cancel = later(() => found(null, ips));
    else cancel = names.find(first, family, found);
  };
  inNeutralContext(() => answerOnce(answered, (callback) => lookup(host, callback)));
  return () => {
    isOver = true;
    cancel?.();
  };
}

/** In a microtask, unless it is cancelled before. */
function later(act: () => void): Cancel {
  let isOver = false;
  inNeutralContext(() =>
    queueMicrotask(() => {
      if (!isOver) act();
    }),
  );
  return () => {
    isOver = true;
  };
}
