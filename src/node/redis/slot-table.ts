import { SLOTS } from './slot.ts';

/** Where a Redis Cluster says that a server is: `host:port`, by which it also calls the server in redirections. */
export function addressOf(host: string, port: number): string {
  return `${host}:${port}`;
}

/** Which master has which slot of a Redis Cluster. */
export class SlotTable {
  #owners: (string | undefined)[] = new Array(SLOTS);
  #masters: ReadonlySet<string> = new Set();

  /** Whether no slot's owner is known. */
  get isEmpty(): boolean {
    return this.#masters.size === 0;
  }

  get masters(): ReadonlySet<string> {
    return this.#masters;
  }

  ownerOf(slot: number): string | undefined {
    return this.#owners[slot];
  }

  /** A server has told that a slot is at another one. */
  move(slot: number, owner: string): void {
    if (!(slot >= 0 && slot < SLOTS)) return;
    this.#owners[slot] = owner;
    this.#masters = new Set([...this.#masters, owner]);
  }

  /**
   * Takes the answer to CLUSTER SLOTS; returns whether it was one. `askedHost`: the host of the server that gave it, which
   * may leave out its own.
   *
   * @see https://redis.io/docs/latest/commands/cluster-slots/
   */
  read(reply: unknown, askedHost: string): boolean {
    if (!Array.isArray(reply) || reply.length === 0) return false;
    const owners: (string | undefined)[] = new Array(SLOTS);
    for (const range of reply) {
      if (!isRange(range)) return false;
      const [first, last, [host, port]] = range;
      const isKnown = typeof host === 'string' && host !== '' && host !== '?';
      owners.fill(addressOf(isKnown ? host : askedHost, port), first, last + 1);
    }
    this.#owners = owners;
    this.#masters = new Set(owners.filter((owner) => owner !== undefined));
    return true;
  }
}

type Range = readonly [first: number, last: number, master: readonly [host: unknown, port: number]];

function isRange(range: unknown): range is Range {
  if (!Array.isArray(range)) return false;
  const [first, last, master] = range as unknown[];
  const [, port] = Array.isArray(master) ? (master as unknown[]) : [];
  return [first, last, port].every((number) => Number.isInteger(number)) && Number(last) < SLOTS;
}
