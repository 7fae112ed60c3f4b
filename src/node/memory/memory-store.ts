import { CLOCK_BEHIND, counterOf, LAST_NUMBER } from '../counter.ts';
import { ExpiringMap } from '../expiring-map.ts';
import { inboxOf, isReservation } from '../inbox.ts';
import { MOST_DROPPED, MOST_PASSED_OVER, reservationAt } from '../line.ts';
import type {
  ConfirmReply,
  ExtendReply,
  GrantReply,
  GrantRequest,
  InspectReply,
  OwnedKeys,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Taken,
  Waiter,
} from '../lock-node.ts';
import { isOwnerToken, isTombstone, ownerOf } from '../owner.ts';
import { MemoryLine } from './memory-line.ts';

interface Entry {
  /** Of a key that is reserved for a waiter: its inbox. */
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

/** Sends a message about a key to the inbox of a waiter. Returns whether anybody received it. */
export type Publish = (waiter: string, message: 'turn' | 'next', key: string) => boolean;

type Denied = Extract<GrantReply, { readonly kind: 'denied' }>;

/** What a grant is about. */
type Claim = OwnedKeys & Pick<GrantRequest, 'waiter' | 'reservation'>;

/** How far ahead of both its counter and the server's clock a hint may be, in µs. */
const LONGEST_LEAD = 3_600_000_000;

/** What a server does with each operation, in memory: the reference for the Lua script. */
export class MemoryStore {
  readonly #time: ServerTime;
  readonly #publish: Publish;
  readonly #entries: ExpiringMap<Entry>;
  readonly #counters: ExpiringMap<Counter>;
  readonly #lines: ExpiringMap<MemoryLine>;

  constructor(time: ServerTime, publish: Publish = () => false) {
    this.#time = time;
    this.#publish = publish;
    this.#entries = new ExpiringMap(() => time.now());
    this.#counters = new ExpiringMap(() => time.now());
    this.#lines = new ExpiringMap(() => time.now());
  }

  /** @throws {Error} when a counter is at its end, or the clock is far behind the hint. */
  grant(claim: Claim, ttl: number, fence: Fence | undefined): GrantReply {
    const { waiter } = claim;
    if (waiter) return this.#stand(claim, waiter, ttl, fence);
    const held = claim.keys.filter((key) => this.#live(key));
    return held.length > 0 ? this.#denial(held) : this.#take(claim, ttl, fence);
  }

  confirm({ keys, ownerToken }: OwnedKeys, fence: Fence): ConfirmReply {
    if (keys.some((key) => this.#live(key)?.ownerToken !== ownerToken)) return { kind: 'absent' };
    this.#raise(keys, fence);
    return { kind: 'confirmed' };
  }

  extend(owned: OwnedKeys, ttl: number, fence: Fence | undefined): ExtendReply {
    const others = this.#others(owned);
    if (others.length > 0) return this.#taken(others);
    if (!this.#hasAll(owned)) return { kind: 'missing' };
    this.#hold(owned, ttl, fence);
    return { kind: 'extended' };
  }

  repair(owned: OwnedKeys, ttl: number, fence: Fence | undefined): RepairReply {
    const others = this.#others(owned);
    if (others.length > 0) return this.#taken(others);
    const kind = this.#hasAll(owned) ? 'extended' : 'repaired';
    this.#hold(owned, ttl, fence);
    return { kind };
  }

  /** `reserves`: a server in quarantine notifies the first in line, but reserves nothing. */
  release(
    { keys, ownerToken, afterwards, waiter, reservation }: Omit<ReleaseRequest, 'longestTtl'>,
    reserves = true,
  ): ReleaseReply {
    const own = keys.filter((key) => this.#live(key)?.ownerToken === ownerToken);
    for (const key of own) this.#entries.delete(key);
    for (const key of this.#reservedFor(waiter, keys)) this.#entries.delete(key);
    if (waiter && afterwards === 'yield') this.#yield(waiter, reservation);
    else if (waiter) this.#leave(waiter, keys);
    for (const key of keys) {
      const isServed = afterwards === 'serve' || (afterwards === 'yield' && key !== waiter?.key);
      if (isServed && !this.#live(key)) this.#serve(key, reserves ? reservation : 0);
    }
    return { kind: own.length === keys.length ? 'released' : 'absent' };
  }

  inspect(key: string): InspectReply {
    const entry = this.#live(key);
    if (!entry || isReservation(entry.ownerToken)) return { kind: 'free' };
    const { ownerToken, expiresAt } = entry;
    const foreign = isOwnerToken(ownerToken) ? {} : ({ foreign: 'value' } as const);
    const counter = this.counter(key);
    return {
      kind: 'held',
      ownerToken,
      remaining: expiresAt - this.#time.now(),
      ...foreign,
      ...(counter === 0 ? {} : { counter }),
    };
  }

  revoke({ keys: [key = ''], ownerToken, ttl }: RevokeRequest): RevokeReply {
    const entry = this.#live(key);
    const now = this.#time.now();
    if (!entry || isReservation(entry.ownerToken)) {
      if (ttl === 0) return { kind: 'absent' };
      this.#entries.set(key, { ownerToken, expiresAt: now + ttl });
      return { kind: 'revoked', remaining: ttl };
    }
    const { expiresAt } = entry;
    if (expiresAt === Number.POSITIVE_INFINITY) {
      const foreign = isOwnerToken(entry.ownerToken) ? {} : ({ foreign: 'value' } as const);
      return { kind: 'refused', remaining: expiresAt, ...foreign };
    }
    if (!isTombstone(entry.ownerToken)) this.#entries.set(key, { ownerToken, expiresAt });
    return { kind: 'revoked', remaining: expiresAt - now, ownerToken: entry.ownerToken };
  }

  /** The keys that have not expired; without counters and reservations. */
  keys(): string[] {
    return this.#entries.keys().filter((key) => !isReservation(this.#live(key)?.ownerToken ?? ''));
  }

  /** The names of those who wait for a key, in order. */
  line(key: string): string[] {
    return this.#lines.get(key)?.names ?? [];
  }

  /** The value of a key's counter; 0 if there is none. */
  counter(key: string): number {
    return this.#counters.get(counterOf(key))?.value ?? 0;
  }

  /** All is gone, counters and lines included. */
  forget(): void {
    this.#entries.clear();
    this.#counters.clear();
    this.#lines.clear();
  }

  /** A grant whose keys are all free. */
  #take({ keys, ownerToken }: OwnedKeys, ttl: number, fence: Fence | undefined): GrantReply {
    const counter = fence && this.#successor(keys, fence.value);
    for (const key of keys) this.#entries.set(key, { ownerToken, expiresAt: this.#time.now() + ttl });
    if (counter === undefined) return { kind: 'granted' };
    this.#raise(keys, { ...fence, value: counter } as Fence);
    return { kind: 'granted', counter };
  }

  /** A grant to a waiter. */
  #stand(claim: Claim, waiter: Waiter, ttl: number, fence: Fence | undefined): GrantReply {
    const { keys, reservation = 0 } = claim;
    const reserved = this.#reservedFor(waiter, keys);
    const obstacles = keys.filter((key) => !reserved.includes(key) && this.#isDenied(key, waiter));
    for (const key of reserved) this.#entries.delete(key);
    if (obstacles.length === 0) {
      try {
        const reply = this.#take(claim, ttl, fence);
        this.#leave(waiter, keys);
        return reply;
      } catch (error) {
        for (const key of reserved) this.#serve(key, reservation);
        throw error;
      }
    }
    const isDeniedThere = obstacles.includes(waiter.key);
    this.#leave(
      waiter,
      keys.filter((key) => key !== waiter.key || !isDeniedThere),
    );
    if (isDeniedThere) this.#enqueue(waiter, reservation);
    for (const key of keys) if (!this.#live(key)) this.#serve(key, reservation);
    const place = this.#lines.get(waiter.key)?.placeOf(waiter.name);
    return { ...this.#denial(obstacles), ...(place ? { place } : {}) };
  }

  /** Whether a waiter cannot have a key: it exists, or another waiter is first in its line. */
  #isDenied(key: string, { name }: Waiter): boolean {
    const first = this.#lines.get(key)?.first();
    return this.#live(key) !== undefined || (first !== undefined && first !== name);
  }

  #reservedFor(waiter: Waiter | undefined, keys: readonly string[]): string[] {
    if (!waiter) return [];
    const inbox = inboxOf(waiter.name);
    return keys.filter((key) => this.#live(key)?.ownerToken === inbox);
  }

  #enqueue(waiter: Waiter, reservation: number): void {
    const line = this.#lines.get(waiter.key) ?? new MemoryLine();
    line.stand(waiter, reservation, this.#time.now(), Math.floor(this.#time.wallTime() * 1_000));
    this.#lines.set(waiter.key, line);
  }

  #leave({ name }: Waiter, keys: readonly string[]): void {
    for (const key of keys) this.#lines.get(key)?.leave(name);
  }

  /** Puts the waiter back in its line, and notifies the first of the others, which takes over if this one dies. */
  #yield(waiter: Waiter, reservation: number): void {
    this.#enqueue(waiter, reservation);
    this.#tellNext(waiter.key, waiter.name);
  }

  /**
   * Reserves a free key for the first in its line that receives the notification, for as long as that waiter needs at least. With a reservation
   * of 0, nothing is reserved.
   */
  #serve(key: string, reservation: number): void {
    const line = this.#lines.get(key);
    if (!line) return;
    for (let dropped = 0; dropped < MOST_DROPPED; dropped++) {
      const first = line.takeFirst();
      if (!first) return;
      const { name, since } = first;
      if (!this.#publish(name, 'turn', key)) continue;
      const expiresAt = this.#time.now() + Math.max(reservation, reservationAt(since));
      if (reservation > 0) this.#entries.set(key, { ownerToken: inboxOf(name), expiresAt });
      this.#tellNext(key);
      return;
    }
  }

  /** Tells the first in line, other than `name`, that it is. Some of those that do not receive this are dropped. */
  #tellNext(key: string, name?: string): void {
    const line = this.#lines.get(key);
    for (let dropped = 0; dropped < MOST_PASSED_OVER; dropped++) {
      const next = line?.first(name);
      if (next === undefined || this.#publish(next, 'next', key)) return;
      line?.leave(next);
    }
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

  /** Names the key that expires last. A key that is free counts as reserved: other waiters come first. */
  #denial(keys: readonly string[]): Denied {
    const entries = keys.map((key) => ({ key, ...this.#live(key) }));
    const { key, ownerToken, expiresAt } = entries.reduce((last, each) =>
      (each.expiresAt ?? 0) > (last.expiresAt ?? 0) ? each : last,
    );
    const remaining = expiresAt === undefined ? 0 : expiresAt - this.#time.now();
    const denied = { kind: 'denied', remaining, key } as const;
    if (ownerToken === undefined || isReservation(ownerToken)) return { ...denied, isReserved: true };
    return isOwnerToken(ownerToken)
      ? { ...denied, owner: ownerOf(ownerToken) }
      : { ...denied, foreign: 'value' };
  }

  /** Names the owner of what expires last. There is at least one. */
  #taken(others: readonly Entry[]): Taken {
    const { ownerToken, expiresAt } = others.reduce((last, each) =>
      each.expiresAt > last.expiresAt ? each : last,
    );
    const owner = isOwnerToken(ownerToken) ? { owner: ownerOf(ownerToken) } : {};
    return { kind: 'taken', remaining: expiresAt - this.#time.now(), ...owner };
  }
}
