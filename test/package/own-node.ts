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
  type InspectReply,
  type LockNode,
  type OwnedKeys,
  Redlock,
  type ReleaseListener,
  type ReleaseReply,
  type ReleaseRequest,
  type RepairReply,
  type Taken,
} from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';

interface Entry {
  readonly ownerToken: string;
  readonly until: number;
}

class OwnNode implements LockNode {
  readonly name: string = 'own';
  readonly asked: Set<string> = new Set();
  readonly #entries = new Map<string, Entry>();
  readonly #counters = new Map<string, number>();
  readonly #listeners = new Map<string, Set<ReleaseListener>>();

  firstContactUntil(): number {
    return Number.NEGATIVE_INFINITY;
  }

  grant({ keys, ownerToken, ttl, hint }: GrantRequest, deliver: Deliver<GrantReply>): void {
    this.#answer('grant', deliver, (): GrantReply => {
      const held = this.#heldAmong(keys);
      if (held.length > 0) {
        const last = held.reduce((one, other) => (other.until > one.until ? other : one));
        return { kind: 'denied', remaining: remainingOf(last), owner: ownerOf(last.ownerToken) };
      }
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

  release({ keys, ownerToken, announce }: ReleaseRequest, deliver: Deliver<ReleaseReply>): void {
    this.#answer('release', deliver, (): ReleaseReply => {
      const owned = this.#ownedAmong({ keys, ownerToken });
      for (const key of owned) this.#entries.delete(key);
      for (const key of announce === true || announce === 'gone' ? owned : [])
        for (const listener of this.#listeners.get(key) ?? []) listener.released(ownerOf(ownerToken));
      return { kind: owned.length === keys.length ? 'released' : 'absent' };
    });
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#answer('inspect', deliver, (): InspectReply => {
      const [entry] = this.#heldAmong([key]);
      if (!entry) return { kind: 'free' };
      return { kind: 'held', ownerToken: entry.ownerToken, remaining: remainingOf(entry) };
    });
  }

  onRelease(key: string, listener: ReleaseListener): () => void {
    this.asked.add('onRelease');
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    queueMicrotask(() => listener.listening(performance.now()));
    return () => void listeners.delete(listener);
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
