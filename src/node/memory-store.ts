import type { ExtendReply, GrantReply, Holding, InspectReply, ReleaseReply } from './lock-node.ts';

interface Entry {
  readonly ownerToken: string;
  expiresAt: number;
}

/** What a server does with each operation, in memory: the reference for the Lua script. `now` is the server's own time in ms. */
export class MemoryStore {
  readonly #entries = new Map<string, Entry>();

  grant({ keys, ownerToken }: Holding, ttl: number, now: number): GrantReply {
    const held = keys.flatMap((key) => this.#live(key, now) ?? []);
    if (held.length > 0) return { kind: 'denied', remaining: longest(held, now) };
    for (const key of keys) this.#entries.set(key, { ownerToken, expiresAt: now + ttl });
    return { kind: 'granted' };
  }

  extend({ keys, ownerToken }: Holding, ttl: number, now: number): ExtendReply {
    const held = keys.flatMap((key) => this.#live(key, now) ?? []);
    const others = held.filter((entry) => entry.ownerToken !== ownerToken);
    if (others.length > 0) return { kind: 'taken', remaining: longest(others, now) };
    for (const key of keys) {
      const expiresAt = Math.max(this.#live(key, now)?.expiresAt ?? 0, now + ttl);
      this.#entries.set(key, { ownerToken, expiresAt });
    }
    return { kind: held.length === keys.length ? 'extended' : 'repaired' };
  }

  release({ keys, ownerToken }: Holding, now: number): ReleaseReply {
    const own = keys.filter((key) => this.#live(key, now)?.ownerToken === ownerToken);
    for (const key of own) this.#entries.delete(key);
    return { kind: own.length === keys.length ? 'released' : 'absent' };
  }

  inspect(key: string, now: number): InspectReply {
    const entry = this.#live(key, now);
    if (!entry) return { kind: 'free' };
    return { kind: 'held', ownerToken: entry.ownerToken, remaining: entry.expiresAt - now };
  }

  /** The keys that have not expired. */
  keys(now: number): string[] {
    return [...this.#entries.keys()].filter((key) => this.#live(key, now));
  }

  forget(): void {
    this.#entries.clear();
  }

  #live(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry && entry.expiresAt <= now) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }
}

function longest(entries: readonly Entry[], now: number): number {
  return Math.max(...entries.map(({ expiresAt }) => expiresAt - now));
}
