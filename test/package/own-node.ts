// A LockNode of one's own, by what the package exports and nothing else. package.test.ts compiles it against the tarball
// and runs it; it prints what came of it.
import { createHash } from 'node:crypto';
import {
  type ConfirmReply,
  type ConfirmRequest,
  type Deliver,
  type ExtendReply,
  type ExtendRequest,
  type GrantReply,
  type GrantRequest,
  type InboxListener,
  type InspectReply,
  type LockNode,
  type OwnedKeys,
  Redlock,
  type ReleaseReply,
  type ReleaseRequest,
  type RepairReply,
  type RevokeReply,
  type RevokeRequest,
  type Taken,
  type Waiter,
} from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';

interface Entry {
  /** If it is reserved: the name of a waiter. */
  readonly ownerToken: string;
  readonly until: number;
  readonly isReserved?: true;
}

interface Inbox {
  readonly waiter: string;
  readonly key: string;
  readonly listener: InboxListener;
}

class OwnNode implements LockNode {
  readonly name: string = 'own';
  readonly asked: Set<string> = new Set();
  readonly #entries = new Map<string, Entry>();
  readonly #counters = new Map<string, number>();
  readonly #lines = new Map<string, Waiter[]>();
  readonly #inboxes = new Set<Inbox>();

  firstContactUntil(): number {
    return Number.NEGATIVE_INFINITY;
  }

  grant(
    { keys, ownerToken, ttl, hint, waiter, reservation = 0 }: GrantRequest,
    deliver: Deliver<GrantReply>,
  ): void {
    this.#answer('grant', deliver, (): GrantReply => {
      const obstacles = keys.filter((key) => !this.#isFreeFor(key, waiter));
      if (waiter) this.#giveBack(waiter, keys);
      if (obstacles.length > 0) {
        if (waiter) this.#stand(waiter, keys, obstacles, reservation);
        return this.#denial(obstacles, waiter);
      }
      if (waiter) this.#leave(waiter, keys);
      this.#set({ keys, ownerToken }, ttl);
      if (hint === undefined) return { kind: 'granted' };
      const counter = Math.max(hint, ...keys.map((key) => this.#counters.get(key) ?? 0)) + 1;
      this.#raise(keys, counter);
      return { kind: 'granted', counter };
    });
  }

  confirm({ keys, ownerToken, fencingToken }: ConfirmRequest, deliver: Deliver<ConfirmReply>): void {
    this.#answer('confirm', deliver, (): ConfirmReply => {
      if (this.#ownedAmong({ keys, ownerToken }).length < keys.length) return { kind: 'absent' };
      this.#raise(keys, fencingToken);
      return { kind: 'confirmed' };
    });
  }

  extend({ keys, ownerToken, ttl, fencingToken }: ExtendRequest, deliver: Deliver<ExtendReply>): void {
    this.#answer('extend', deliver, (): ExtendReply => {
      const taken = this.#takenFrom({ keys, ownerToken });
      if (taken) return taken;
      if (this.#ownedAmong({ keys, ownerToken }).length < keys.length) return { kind: 'missing' };
      this.#set({ keys, ownerToken }, ttl);
      if (fencingToken !== undefined) this.#raise(keys, fencingToken);
      return { kind: 'extended' };
    });
  }

  repair({ keys, ownerToken, ttl, fencingToken }: ExtendRequest, deliver: Deliver<RepairReply>): void {
    this.#answer('repair', deliver, (): RepairReply => {
      const taken = this.#takenFrom({ keys, ownerToken });
      if (taken) return taken;
      const owned = this.#ownedAmong({ keys, ownerToken });
      this.#set({ keys, ownerToken }, ttl);
      if (fencingToken !== undefined) this.#raise(keys, fencingToken);
      return { kind: owned.length === keys.length ? 'extended' : 'repaired' };
    });
  }

  release(
    { keys, ownerToken, afterwards, reservation, waiter }: ReleaseRequest,
    deliver: Deliver<ReleaseReply>,
  ): void {
    this.#answer('release', deliver, (): ReleaseReply => {
      const owned = this.#ownedAmong({ keys, ownerToken });
      for (const key of owned) this.#entries.delete(key);
      if (waiter) this.#giveBack(waiter, keys);
      if (waiter && afterwards === 'yield') {
        this.#enqueue(waiter);
        this.#tell(waiter.key, 'next', this.#firstOf(waiter.key, waiter.name));
      } else if (waiter) {
        this.#leave(waiter, keys);
      }
      const yielded = afterwards === 'yield' ? waiter?.key : undefined;
      if (afterwards !== 'hand over')
        this.#serve(
          keys.filter((key) => key !== yielded),
          reservation,
        );
      return { kind: owned.length === keys.length ? 'released' : 'absent' };
    });
  }

  revoke({ keys: [key = ''], ownerToken, ttl }: RevokeRequest, deliver: Deliver<RevokeReply>): void {
    this.#answer('revoke', deliver, (): RevokeReply => {
      const [entry] = this.#heldAmong([key]);
      if (entry && !entry.isReserved) {
        this.#entries.set(key, { ownerToken, until: entry.until });
        return { kind: 'revoked', remaining: remainingOf(entry), ownerToken: entry.ownerToken };
      }
      if (ttl === 0) return { kind: 'absent' };
      this.#set({ keys: [key], ownerToken }, ttl);
      return { kind: 'revoked', remaining: ttl };
    });
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#answer('inspect', deliver, (): InspectReply => {
      const [entry] = this.#heldAmong([key]);
      if (!entry || entry.isReserved) return { kind: 'free' };
      return { kind: 'held', ownerToken: entry.ownerToken, remaining: remainingOf(entry) };
    });
  }

  openInbox(waiter: string, key: string, listener: InboxListener): () => void {
    this.asked.add('openInbox');
    const inbox = { waiter, key, listener };
    this.#inboxes.add(inbox);
    queueMicrotask(() => {
      if (this.#inboxes.has(inbox)) listener.live();
    });
    return () => void this.#inboxes.delete(inbox);
  }

  objection(keys: readonly string[]): string | undefined {
    return keys.length > 1_000 ? 'too many' : undefined;
  }

  async close(): Promise<void> {}

  /** As after a restart without persistence. */
  forget(): void {
    this.#entries.clear();
  }

  has(key: string, ownerToken: string): boolean {
    return this.#ownedAmong({ keys: [key], ownerToken }).length === 1;
  }

  #answer<Reply>(verb: string, deliver: Deliver<Reply>, execute: () => Reply): void {
    this.asked.add(verb);
    queueMicrotask(() => deliver(execute()));
  }

  #set({ keys, ownerToken }: OwnedKeys, ttl: number): void {
    for (const key of keys) {
      const until = Math.max(performance.now() + ttl, this.#entries.get(key)?.until ?? 0);
      this.#entries.set(key, { ownerToken, until });
    }
  }

  #raise(keys: readonly string[], counter: number): void {
    for (const key of keys) this.#counters.set(key, Math.max(counter, this.#counters.get(key) ?? 0));
  }

  /** Whether it is not held, and neither reserved for another waiter nor due to one that came before. */
  #isFreeFor(key: string, waiter: Waiter | undefined): boolean {
    const [entry] = this.#heldAmong([key]);
    if (entry) return entry.isReserved === true && entry.ownerToken === waiter?.name;
    const first = this.#firstOf(key);
    return !waiter || first === undefined || first === waiter.name;
  }

  #denial(obstacles: readonly string[], waiter: Waiter | undefined): GrantReply {
    const until = (key: string): number => this.#heldAmong([key])[0]?.until ?? performance.now();
    const key = obstacles.reduce((one, other) => (until(other) > until(one) ? other : one));
    const [entry] = this.#heldAmong([key]);
    const line = waiter ? (this.#lines.get(waiter.key) ?? []) : [];
    const position = line.findIndex(({ name }) => name === waiter?.name);
    const since = line[position]?.since;
    return {
      kind: 'denied',
      remaining: until(key) - performance.now(),
      key,
      ...(entry && !entry.isReserved
        ? { owner: ownerOf(entry.ownerToken) }
        : ({ isReserved: true } as const)),
      ...(since === undefined ? {} : { place: { position, since } }),
    };
  }

  /** A waiter that was denied stands in the line of its key, if that was in its way. */
  #stand(waiter: Waiter, keys: readonly string[], obstacles: readonly string[], reservation: number): void {
    const isInItsWay = obstacles.includes(waiter.key);
    this.#leave(
      waiter,
      keys.filter((key) => !isInItsWay || key !== waiter.key),
    );
    if (isInItsWay) this.#enqueue(waiter);
    this.#serve(keys, reservation);
  }

  #enqueue({ name, key, since }: Waiter): void {
    const line = this.#lines.get(key) ?? [];
    if (line.some((other) => other.name === name)) return;
    line.push({ name, key, since: since > 0 ? since : Date.now() * 1_000 + since });
    this.#lines.set(
      key,
      line.sort((one, other) => one.since - other.since),
    );
  }

  #leave({ name }: Waiter, keys: readonly string[]): void {
    for (const key of keys)
      this.#lines.set(
        key,
        (this.#lines.get(key) ?? []).filter((other) => other.name !== name),
      );
  }

  /** Deletes what is reserved for a waiter. */
  #giveBack({ name }: Waiter, keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry?.isReserved && entry.ownerToken === name) this.#entries.delete(key);
    }
  }

  /** Reserves each key that is free for the first in its line that listens. */
  #serve(keys: readonly string[], reservation: number): void {
    for (const key of keys) {
      if (this.#heldAmong([key]).length > 0) continue;
      const line = this.#lines.get(key) ?? [];
      let heir = line.shift();
      while (heir && !this.#tell(key, 'turn', heir.name)) heir = line.shift();
      if (!heir) continue;
      const until = performance.now() + reservation;
      this.#entries.set(key, { ownerToken: heir.name, until, isReserved: true });
      this.#tell(key, 'next', this.#firstOf(key));
    }
  }

  /** The name of the first in line, or of the first but one waiter. */
  #firstOf(key: string, but?: string): string | undefined {
    return this.#lines.get(key)?.find(({ name }) => name !== but)?.name;
  }

  /** Returns whether anybody listens. */
  #tell(key: string, message: 'turn' | 'next', waiter: string | undefined): boolean {
    const inboxes = [...this.#inboxes].filter((inbox) => inbox.waiter === waiter && inbox.key === key);
    for (const { listener } of inboxes) listener[message]();
    return inboxes.length > 0;
  }

  #heldAmong(keys: readonly string[]): Entry[] {
    const entries = keys.flatMap((key) => this.#entries.get(key) ?? []);
    return entries.filter((entry) => remainingOf(entry) > 0);
  }

  #takenFrom({ keys, ownerToken }: OwnedKeys): Taken | undefined {
    const others = this.#heldAmong(keys).filter((entry) => entry.ownerToken !== ownerToken);
    if (others.length === 0) return undefined;
    return { kind: 'taken', remaining: Math.max(...others.map(remainingOf)) };
  }

  #ownedAmong({ keys, ownerToken }: OwnedKeys): string[] {
    return keys.filter((key) => this.#heldAmong([key]).some((entry) => entry.ownerToken === ownerToken));
  }
}

function remainingOf({ until }: Entry): number {
  return until - performance.now();
}

function ownerOf(ownerToken: string): string {
  return createHash('sha1').update(ownerToken).digest('hex').slice(0, 16);
}

const own = new OwnNode();
const [down, up] = createMemoryNodes(2);
if (!down || !up) throw new Error('two nodes were asked for');
// So that nothing is decided without the own node.
down.fail();
const nodes = [down, own, up];
await using one = new Redlock(nodes);
await using two = new Redlock(nodes);

const first = await one.acquire(['a', 'b']);
await first.extend();
const refused = await two.tryAcquire('a');
const { state } = await two.inspect('b');
const waiting = two.acquire('b');
await new Promise((resolve) => setTimeout(resolve, 50));
const { outcome } = await first.release();
const second = await waiting;
const tokensGrow = second.fencingToken > first.fencingToken;
await second.release();
const after = await one.inspect('b');

down.heal();
const third = await one.acquire('c');
own.forget();
await third.extend();
// The other two decided; it is repaired meanwhile.
await new Promise((resolve) => setTimeout(resolve, 50));
const repaired = own.has('c', third.ownerToken);
await third.release();
console.log(
  JSON.stringify({
    refused,
    state,
    outcome,
    tokensGrow,
    after: after.state,
    repaired,
    asked: [...own.asked].sort(),
  }),
);
