import { CLOCK_BEHIND, counterOf, LAST_NUMBER } from '../counter.ts';
import { ExpiringMap } from '../expiring-map.ts';
import type {
  ConfirmReply,
  ExtendReply,
  GrantReply,
  InspectReply,
  OwnedKeys,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
} from '../lock-node.ts';
import { isOwnerToken, ownerOf } from '../owner.ts';

interface Entry {
  readonly ownerToken: string;
  readonly expiresAt: number;
}

interface Counter {
  readonly value: number;
  readonly expiresAt: number;
}

/** What an operation does to the counters of its keys, and for how long they are kept then, in ms. */
export interface Fence {
  readonly value: number;
  readonly retention: number;
}

/** The server's own time: in ms since any origin, which keys expire by, and since 1970. */
export interface ServerTime {
  now(): number;
  wallTime(): number;
}

/** How far ahead of both its counter and the server's clock a hint may be, in µs. */
const LONGEST_LEAD = 3_600_000_000;

/** What a server does with each operation, in memory: the reference for the Lua script. */
export class MemoryStore {
  readonly #time: ServerTime;
  readonly #announce: (key: string, owner: string) => void;
  readonly #entries: ExpiringMap<Entry>;
  readonly #counters: ExpiringMap<Counter>;

  /** `announce` is called for each key that a release deletes, if those who listen are to be told. */
  constructor(time: ServerTime, announce: (key: string, owner: string) => void = () => {}) {
    this.#time = time;
    this.#announce = announce;
    this.#entries = new ExpiringMap(() => time.now());
    this.#counters = new ExpiringMap(() => time.now());
  }

  /** @throws {Error} when a counter is at its end, or the clock is far behind the hint. */
  grant({ keys, ownerToken }: OwnedKeys, ttl: number, fence: Fence | undefined): GrantReply {
    const held = keys.flatMap((key) => this.#live(key) ?? []);
    if (held.length > 0) return this.#denial(held);
    const counter = fence && this.#successor(keys, fence.value);
    for (const key of keys) this.#entries.set(key, { ownerToken, expiresAt: this.#time.now() + ttl });
    if (counter === undefined) return { kind: 'granted' };
    this.#raise(keys, { ...fence, value: counter } as Fence);
    return { kind: 'granted', counter };
  }

  confirm({ keys, ownerToken }: OwnedKeys, fence: Fence): ConfirmReply {
    if (keys.some((key) => this.#live(key)?.ownerToken !== ownerToken)) return { kind: 'absent' };
    this.#raise(keys, fence);
    return { kind: 'confirmed' };
  }

  extend(owned: OwnedKeys, ttl: number, fence: Fence | undefined): ExtendReply {
    const others = this.#others(owned);
    if (others.length > 0) return { kind: 'taken', remaining: this.#longest(others) };
    if (!this.#hasAll(owned)) return { kind: 'missing' };
    this.#hold(owned, ttl, fence);
    return { kind: 'extended' };
  }

  repair(owned: OwnedKeys, ttl: number, fence: Fence | undefined): RepairReply {
    const others = this.#others(owned);
    if (others.length > 0) return { kind: 'taken', remaining: this.#longest(others) };
    const kind = this.#hasAll(owned) ? 'extended' : 'repaired';
    this.#hold(owned, ttl, fence);
    return { kind };
  }

  release({ keys, ownerToken, announce }: Omit<ReleaseRequest, 'longestTtl'>): ReleaseReply {
    const owners = keys.map((key) => this.#live(key)?.ownerToken);
    const own = keys.filter((_, index) => owners[index] === ownerToken);
    const gone = keys.filter((_, index) => owners[index] === undefined);
    for (const key of own) this.#entries.delete(key);
    const told = announce === 'gone' ? [...own, ...gone] : announce === true ? own : [];
    for (const key of told) this.#announce(key, ownerOf(ownerToken));
    return { kind: own.length === keys.length ? 'released' : 'absent' };
  }

  inspect(key: string): InspectReply {
    const entry = this.#live(key);
    if (!entry) return { kind: 'free' };
    const { ownerToken, expiresAt } = entry;
    const foreign = isOwnerToken(ownerToken) ? {} : ({ foreign: 'value' } as const);
    return { kind: 'held', ownerToken, remaining: expiresAt - this.#time.now(), ...foreign };
  }

  /** The keys that have not expired; without counters. */
  keys(): string[] {
    return this.#entries.keys();
  }

  /** The value of a key's counter; 0 if there is none. */
  counter(key: string): number {
    return this.#counters.get(counterOf(key))?.value ?? 0;
  }

  /** All is gone, counters included. */
  forget(): void {
    this.#entries.clear();
    this.#counters.clear();
  }

  #successor(keys: readonly string[], hint: number): number {
    const highest = Math.max(...keys.map((key) => this.counter(key)));
    const isFarAhead = hint > highest + LONGEST_LEAD;
    if (isFarAhead && hint > Math.floor(this.#time.wallTime() * 1_000) + LONGEST_LEAD)
      throw new Error(CLOCK_BEHIND);
    const counter = Math.max(highest, hint) + 1;
    if (counter > LAST_NUMBER) throw new Error('ERR no fencing token is left: the counter is at its end');
    return counter;
  }

  #raise(keys: readonly string[], { value, retention }: Fence): void {
    const expiresAt = this.#time.now() + retention;
    for (const key of keys)
      this.#counters.set(counterOf(key), { value: Math.max(this.counter(key), value), expiresAt });
  }

  /** What exists under the keys, and is another owner's. */
  #others({ keys, ownerToken }: OwnedKeys): Entry[] {
    return keys.flatMap((key) => this.#live(key) ?? []).filter((entry) => entry.ownerToken !== ownerToken);
  }

  #hasAll({ keys }: OwnedKeys): boolean {
    return keys.every((key) => this.#live(key));
  }

  /** Sets the keys, or raises their expiry. */
  #hold({ keys, ownerToken }: OwnedKeys, ttl: number, fence: Fence | undefined): void {
    if (fence) this.#raise(keys, fence);
    for (const key of keys) {
      const expiresAt = Math.max(this.#live(key)?.expiresAt ?? 0, this.#time.now() + ttl);
      this.#entries.set(key, { ownerToken, expiresAt });
    }
  }

  #live(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  #denial(held: readonly Entry[]): GrantReply {
    const last = held.reduce((latest, each) => (each.expiresAt > latest.expiresAt ? each : latest));
    const remaining = last.expiresAt - this.#time.now();
    return isOwnerToken(last.ownerToken)
      ? { kind: 'denied', remaining, owner: ownerOf(last.ownerToken) }
      : { kind: 'denied', remaining, foreign: 'value' };
  }

  #longest(entries: readonly Entry[]): number {
    return Math.max(...entries.map(({ expiresAt }) => expiresAt - this.#time.now()));
  }
}
