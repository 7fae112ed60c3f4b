import { COUNTER_SUFFIX } from '../../../src/node/counter.ts';
import { isReservation } from '../../../src/node/inbox.ts';
import { LINE_SUFFIX } from '../../../src/node/line.ts';
import type { Exchange, History, Operation, Vote } from '../checker/history.ts';
import { requestsOf } from '../wire-format.ts';
import type { Command, FeedListener } from './feed.ts';
import type { WallClock } from './wall-clock.ts';
import { WIRE_SHA, type Wires } from './wire.ts';

/** A key that stands on a server, as the server itself lists it. */
export interface Standing {
  readonly key: string;
  readonly token: string;
  /** In ms. */
  readonly ttl: number;
}

type Draft = { -readonly [Field in keyof Vote]: Vote[Field] };

/** A vote, and the operations that set it and raised it, as far as their senders have told. */
interface Seen {
  readonly vote: Draft;
  readonly setBy: Exchange | undefined;
  readonly raisedBy: Exchange[];
}

/** One operation of the script that a server runs. */
interface Part {
  readonly operation: Operation;
  readonly keys: readonly string[];
  readonly token: string;
  readonly exchange: Exchange | undefined;
}

interface Batch {
  /** When the script began, by the server's wall clock: its keys' time to live counts from then. */
  readonly at: number;
  readonly parts: readonly Part[];
  ran: boolean;
  /** Keys whose owner it has changed. */
  readonly changed: Set<string>;
}

/** What an operation was seen to do. */
interface Deed {
  readonly exchange: Exchange;
  readonly keys: number;
  readonly owned: number;
  readonly changed: number;
}

interface KeyEvent {
  readonly event: string;
  readonly key: string;
  readonly heardAt: number;
}

export interface WitnessPlan {
  readonly node: number;
  readonly history: History;
  readonly wires: Wires;
  readonly wallClock: WallClock;
}

/** How far from its due time an expiry may be for having been due, in ms: the server counts in whole ones. */
const DUE = 2;

/**
 * Writes down what a server does to its keys, by what was really done and not by what the product says or means: a
 * vote stands because there was an event of its key and a SET of its token, and is gone because there was another.
 */
export class Witness implements FeedListener {
  readonly #plan: WitnessPlan;
  readonly #seen: Seen[] = [];
  readonly #standing = new Map<string, Seen>();
  readonly #deeds: Deed[] = [];
  /** Since the last command that was shown. */
  readonly #events: KeyEvent[] = [];
  readonly #echoes = new Map<string, () => void>();
  #batch: Batch | undefined;

  constructor(plan: WitnessPlan) {
    this.#plan = plan;
  }

  keyEvent(event: string, key: string): void {
    // What counters and lines are, the checker judges by what comes of it.
    if (isLock(key)) this.#events.push({ event, key, heardAt: performance.now() });
  }

  command(command: Command): void {
    const { from, words } = command;
    const [name = '', first = ''] = words;
    const at = this.#plan.wallClock.toTrue(command.at);
    if (from === 'lua') {
      this.#ran(words);
      return;
    }
    this.#endBatch();
    const events = this.#takeEvents();
    switch (name.toUpperCase()) {
      case 'EVALSHA':
        if (first === WIRE_SHA) this.#plan.wires.introduce(words[3] ?? '', from);
        else this.#batch = this.#begin(command);
        break;
      case 'DEL':
        for (const { key } of events) this.#end(key, 'early', at);
        break;
      case 'FLUSHALL':
        this.forget(at);
        break;
      case 'ECHO':
        this.#echoes.get(first)?.();
        this.#echoes.delete(first);
        break;
    }
  }

  /** Resolves when the server is seen to run ECHO with this word. */
  echo(word: string): Promise<void> {
    return new Promise((resolve) => this.#echoes.set(word, resolve));
  }

  /** The server has lost all its keys. */
  forget(at: number): void {
    this.#endBatch();
    for (const key of this.#standing.keys()) this.#end(key, 'forgotten', at);
  }

  /**
   * Compares with what the server lists as its keys after a restart: it may have died between the execution of a
   * command and the moment when it would have shown it.
   */
  recall(listed: readonly Standing[], diedAt: number): void {
    this.#endBatch();
    this.#events.length = 0;
    const now = performance.now();
    for (const { vote } of this.standing())
      if (!listed.some(({ key, token }) => key === vote.key && token === vote.token))
        this.#end(vote.key, 'forgotten', now);
    for (const { key, token, ttl } of listed) {
      const known = this.#standing.get(key);
      if (known?.vote.token === token) known.vote.until = Math.max(known.vote.until, now + ttl);
      else this.#stand(key, token, diedAt, now + ttl, undefined);
    }
  }

  /** What must stand on the server now, as far as a whole ms can tell. */
  standing(): Seen[] {
    const now = performance.now();
    return [...this.#standing.values()].filter(({ vote }) => vote.until > now);
  }

  /** Whether a vote stands that somebody is to delete: not one that was set over a connection that had been given up. */
  get expectsRelease(): boolean {
    const { wires } = this.#plan;
    return this.standing().some(
      ({ setBy, raisedBy }) => !wires.isOverDead(setBy) && !raisedBy.some((each) => wires.isOverDead(each)),
    );
  }

  get hasSeenVotes(): boolean {
    return this.#seen.length > 0;
  }

  /** Hands in what was seen, once there is nothing more to see and all answers are known. */
  testify(): void {
    const { history, wires } = this.#plan;
    this.#endBatch();
    for (const { exchange, keys, owned, changed } of this.#deeds) {
      // The wall clock is known less exactly than when the answer was read.
      exchange.executedAt = Math.min(exchange.executedAt, exchange.answeredAt);
      exchange.overDead = wires.isOverDead(exchange);
      const { reply } = exchange;
      const took = ['granted', 'confirmed', 'extended', 'repaired'].includes(reply);
      const gave = reply === 'released' || reply === 'absent';
      exchange.torn = took ? owned < keys : !gave && changed > 0;
    }
    for (const { vote, setBy, raisedBy } of this.#seen) {
      if (setBy) vote.from = setBy.executedAt;
      vote.overDead = wires.isOverDead(setBy);
      vote.raisedOverDead = raisedBy.some((each) => wires.isOverDead(each));
      history.votes.push(vote);
    }
  }

  #begin({ at, from, words }: Command): Batch {
    const { history, wires, node } = this.#plan;
    const many = Number(words[2]);
    const keys = words.slice(3, 3 + many);
    const args = words.slice(3 + many);
    const exchanges = wires.at(from)?.sent.shift() ?? [];
    const parts = requestsOf(keys, args).map(({ operation, token, keys: own }, index): Part => {
      const exchange = exchanges[index];
      if (exchange?.operation !== operation || exchange.token !== token)
        history.leftovers.push(`node ${node} ran ${operation} ${token}, which nobody is known to have sent`);
      return { operation, token, keys: own, exchange };
    });
    return { at, parts, ran: false, changed: new Set() };
  }

  /** A script has run a command. Without its script, EVALSHA is shown as well, but runs nothing. */
  #ran(words: readonly string[]): void {
    const batch = this.#batch;
    const events = this.#takeEvents();
    if (!batch) return;
    const { toTrue } = this.#times(batch.at);
    if (!batch.ran) {
      batch.ran = true;
      for (const { exchange } of batch.parts)
        if (exchange) exchange.executedAt = Math.max(exchange.sentAt, toTrue);
    }
    const isSet = events.some(({ event }) => event === 'set');
    for (const { event, key } of events) {
      if (event === 'set') this.#set(batch, key, words);
      else if (event === 'expire' && !isSet) this.#raise(batch, key, Number(words[2]));
      else if (event === 'del') this.#delete(batch, key);
    }
  }

  /** Keys expire between commands, and when a command finds that their time has come. */
  #takeEvents(): KeyEvent[] {
    const events = this.#events.splice(0);
    for (const { event, key, heardAt } of events) if (event === 'expired') this.#expired(key, heardAt);
    return events.filter(({ event }) => event !== 'expired');
  }

  #set(batch: Batch, key: string, words: readonly string[]): void {
    const token = words[2] ?? '';
    // It is kept for a waiter, and nobody's vote.
    if (isReservation(token)) return;
    const ttl = Number(words[words.findIndex((word) => word.toUpperCase() === 'PX') + 1]);
    const { part } = ownerIn(batch, key, token);
    const { toTrue, expiry } = this.#times(batch.at);
    const known = this.#standing.get(key);
    if (known?.vote.token === token) {
      this.#raise(batch, key, ttl);
      return;
    }
    if (known) known.vote.endedBy = token;
    this.#end(key, 'overwritten', toTrue);
    batch.changed.add(key);
    this.#stand(key, token, toTrue, expiry(ttl), part);
  }

  #raise(batch: Batch, key: string, ttl: number): void {
    const known = this.#standing.get(key);
    if (!known) return;
    known.vote.until = this.#times(batch.at).expiry(ttl);
    const { part } = ownerIn(batch, key, known.vote.token);
    if (part?.exchange) known.raisedBy.push(part.exchange);
  }

  #delete(batch: Batch, key: string): void {
    const known = this.#standing.get(key);
    if (!known) return;
    const { part } = ownerIn(batch, key, known.vote.token);
    known.vote.endedBy = part?.token ?? '';
    batch.changed.add(key);
    this.#end(key, 'deleted', Math.max(this.#times(batch.at).toTrue, part?.exchange?.sentAt ?? 0));
  }

  #stand(key: string, token: string, from: number, until: number, by: Part | undefined): void {
    const vote: Draft = {
      node: this.#plan.node,
      key,
      token,
      from,
      until,
      end: 'expired',
      by: by?.operation === 'repair' ? 'repair' : 'grant',
      overDead: false,
      raisedOverDead: false,
    };
    const seen = { vote, setBy: by?.exchange, raisedBy: [] };
    this.#standing.set(key, seen);
    this.#seen.push(seen);
  }

  #expired(key: string, heardAt: number): void {
    const known = this.#standing.get(key);
    if (!known) return;
    if (heardAt < known.vote.until - DUE) this.#end(key, 'early', heardAt);
    else this.#standing.delete(key);
  }

  #end(key: string, how: Vote['end'], at: number): void {
    const known = this.#standing.get(key);
    this.#standing.delete(key);
    if (!known || known.vote.until <= at) return;
    known.vote.until = Math.max(known.vote.from, at);
    known.vote.end = how;
  }

  #endBatch(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (!batch?.ran) return;
    for (const part of batch.parts) {
      const { exchange, keys, operation } = part;
      if (!exchange || operation === 'inspect') continue;
      const others = batch.parts.filter((each) => each !== part);
      const owned = keys.filter((key) => this.#standing.get(key)?.vote.token === part.token).length;
      const changed = keys.filter((key) => batch.changed.has(key)).length;
      // Several operations on one key leave no trace of what each has done.
      const isAlone = !others.some((other) => other.keys.some((key) => keys.includes(key)));
      if (exchange.reply === '') exchange.reply = likelyReply(operation, owned === keys.length, changed > 0);
      const all = keys.length;
      this.#deeds.push(
        isAlone ? { exchange, keys: all, owned, changed } : { exchange, keys: all, owned: all, changed: 0 },
      );
    }
  }

  /** A server counts in whole ms, and keeps a key through the last of them. */
  #times(wall: number): { toTrue: number; expiry: (ttl: number) => number } {
    const { wallClock } = this.#plan;
    return {
      toTrue: wallClock.toTrue(wall),
      expiry: (ttl) => wallClock.toTrue(Math.floor(wall) + ttl + 1),
    };
  }
}

/** Whether a key may be a lock, and is not one that goes with it. */
export function isLock(key: string): boolean {
  return !key.endsWith(COUNTER_SUFFIX) && !key.endsWith(LINE_SUFFIX);
}

/** The operation of a batch that dealt with a key: the vote's owner's if there is one, somebody else's otherwise. */
function ownerIn({ parts }: Batch, key: string, token: string): { part: Part | undefined } {
  const candidates = parts.filter(({ keys, operation }) => keys.includes(key) && operation !== 'inspect');
  return { part: candidates.find((part) => part.token === token) ?? candidates[0] };
}

/** What a server must have answered, when nobody has got the answer. */
function likelyReply(operation: string, owned: boolean, changed: boolean): string {
  switch (operation) {
    case 'grant':
      return owned && changed ? 'granted' : 'denied';
    case 'confirm':
      return owned ? 'confirmed' : 'absent';
    case 'extend':
      return owned ? 'extended' : 'missing';
    case 'repair':
      return owned ? 'extended' : 'taken';
    default:
      return changed ? 'released' : 'absent';
  }
}
