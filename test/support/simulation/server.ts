import { inboxOf } from '../../../src/node/inbox.ts';
import { reservationAt, scoreOf } from '../../../src/node/line.ts';
import type { GrantReply, InspectReply, Waiter } from '../../../src/node/lock-node.ts';
import { type Fence, MemoryStore } from '../../../src/node/memory/memory-store.ts';
import type { Reply } from '../../../src/node/redis/operation.ts';
import { allButGrants, gateScript, type Incarnation } from '../../../src/node/redis/scripts/script.ts';
import type { Exchange, History, Vote } from '../checker/history.ts';
import { infoOf } from '../fake-connection.ts';
import { onWire, type Request } from '../wire-format.ts';
import { LineBook, type SavedLine } from './line-book.ts';
import { WALL_ORIGIN } from './process.ts';
import { shaOf } from './sha-of.ts';
import type { Timeline } from './timeline.ts';

/** One operation of a command, as the server reads it. */
export interface Part {
  readonly request: Request;
  /** What becomes of it. */
  readonly exchange: Exchange;
}

/** Who may have subscribed to something. */
export interface Audience {
  /** Something is published in the inbox of a waiter; returns whether there is a subscription to it. */
  published(inbox: string, what: Told, key: string): boolean;
  /** The inboxes that it has subscribed to. */
  readonly inboxes: Iterable<string>;
}

/** What a waiter is told of a key. */
export type Told = 'turn' | 'next';

export interface ServerPlan {
  readonly index: number;
  readonly timeline: Timeline;
  readonly history: History;
  readonly rate: number;
  readonly origin: number;
  /** How old its snapshot on disk is at most, in ms. */
  readonly saveInterval: number;
  /** For how long it has been running at the start, in ms. */
  readonly age: number;
  /** The keys whose counters it keeps on disk. */
  readonly keys: readonly string[];
}

/**
 * What a server remembers when it is there again: all, what its snapshot on disk has, or nothing. Or another has taken
 * its place, a replica that had got what the snapshot has; or it was demoted itself, and promoted again: then it has its
 * scripts still, and of the locks what the other had got. Or `another` has taken its place which has nothing to do with it, and
 * has been running for some seconds.
 */
export type Memory = 'kept' | 'stale' | 'lost' | 'promoted' | 'promoted again' | 'another';

/** How old a server is that takes the place of another, in ms. */
const ANOTHERS_AGE = 3_000;

/** A server process; it may be a replica for a while. */
interface Instance {
  readonly runId: string;
  /** By the clock of its machine. */
  readonly startedAt: number;
  readonly scripts: Set<string>;
}

interface Snapshot {
  readonly votes: readonly { readonly key: string; readonly token: string; readonly until: number }[];
  readonly counters: ReadonlyMap<string, number>;
  readonly lines: ReadonlyMap<string, SavedLine>;
}

/** A vote that must have ended by now, as far as two computations of one instant can differ. */
const ROUNDING = 1e-6;

/** For how long the counters of a snapshot are kept, in ms. */
const RETENTION = 3_600_000;

/** Releases that free keys, and tell nobody. */
const SILENT = { afterwards: 'hand over', reservation: 0 } as const;

/** What forged waiters say that they have waited, in µs: nobody has waited for so long. */
const AGES = -3_600_000_000;

/** The token of a forger, and how the names begin that it listens for. */
const FORGER = 'forger';
const LISTENER = 'listener';

/**
 * A Redis server: it runs commands in the order of their arrival, by the semantics of the memory node, on a clock of
 * its own that may jump. It loses its scripts when it restarts, and its keys if told so.
 */
export class Server {
  readonly index: number;
  /** `down`: its machine answers nothing, or refuses connections. `paused`: its kernel takes bytes, and nobody reads them. */
  state: 'up' | 'paused' | 'down' = 'up';
  /** While down: whether there is a machine that refuses connections. */
  refuses = true;
  /** Which run of the process this is; its connections do not survive it. */
  starts = 1;
  /** The error that it answers every command with, if it does: it is busy, cannot write, or is loading. */
  failing: string | undefined;
  /** Whether anybody has ever found that it remembers. */
  wasAdmitted = false;
  readonly audience: Set<Audience> = new Set();
  readonly #plan: ServerPlan;
  readonly #store: MemoryStore;
  readonly #lines: LineBook;
  readonly #standing = new Map<string, Vote>();
  /** Until when each vote was to stand, whatever the clock has done since. */
  readonly #promised = new WeakMap<Vote, number>();
  readonly #inbox: (() => void)[] = [];
  #instance: Instance;
  #promotions = 0;
  #saved: Snapshot = { votes: [], counters: new Map(), lines: new Map() };
  #savedAt = Number.NEGATIVE_INFINITY;
  #jumped = 0;
  /** How many waiters were forged. */
  #forged = 0;
  /** Whether a line is being changed past the script, which tells nobody. */
  #isMeddling = false;

  constructor(plan: ServerPlan) {
    this.index = plan.index;
    this.#plan = plan;
    const time = {
      now: () => this.#time,
      wallTime: () => this.#wallTime,
    };
    this.#store = new MemoryStore(time, (waiter, what, key) => this.#publish(waiter, what, key));
    const { index: node, timeline, history } = plan;
    const toTrue = (remaining: number): number => this.#inTrueTime(remaining);
    this.#lines = new LineBook({ node, timeline, history, store: this.#store, toTrue });
    this.#instance = this.#start(-plan.age);
  }

  /** Runs a command that has arrived, now or when it is resumed. */
  receive(run: () => void): void {
    if (this.state === 'paused') this.#inbox.push(run);
    else run();
  }

  pause(): void {
    if (this.state === 'up') this.state = 'paused';
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'up';
    for (const run of this.#inbox.splice(0)) run();
  }

  crash(refuses: boolean): void {
    this.state = 'down';
    this.refuses = refuses;
    this.#inbox.length = 0;
    this.audience.clear();
  }

  restart(memory: Memory): void {
    if (this.state !== 'down') return;
    this.state = 'up';
    this.starts++;
    const { timeline } = this.#plan;
    const isPromoted = memory === 'promoted' || memory === 'promoted again';
    const since = memory === 'another' ? timeline.now - ANOTHERS_AGE : timeline.now;
    if (memory !== 'promoted again') this.#instance = this.#start(isPromoted ? -this.#plan.age : since);
    this.#promotions = isPromoted ? this.#promotions + 1 : 0;
    if (memory !== 'kept') this.forget();
    if (memory !== 'kept' && memory !== 'lost' && memory !== 'another') this.#restore();
  }

  /** Whether it seems to be a new one: it says itself that it is young, and nobody has admitted it. */
  isBlank(quarantine: number): boolean {
    const { scripts } = this.#instance;
    return (
      this.#uptime < quarantine && this.#promotions === 0 && !scripts.has(gateScript(this.#incarnation).sha)
    );
  }

  /** All keys are gone, and all counters. */
  forget(): void {
    this.#store.forget();
    this.#lines.forget();
    for (const vote of this.#standing.values()) this.#end(vote, 'forgotten');
  }

  /** One key is gone before its time. */
  drop(which: number): void {
    const standing = this.#alive();
    const vote = standing[which % standing.length];
    if (!vote) return;
    this.#store.release({ keys: [vote.key], ownerToken: vote.token, ...SILENT });
    this.#end(vote, 'early');
  }

  /** Its wall clock, and so the expiry of its keys, goes forward (or back) by so many whole ms. */
  jump(by: number): void {
    this.#jumped += by;
    const { now } = this.#plan.timeline;
    for (const vote of this.#alive()) {
      vote.until = Math.max(now, vote.until - by / this.#plan.rate);
      this.#judge(vote);
      if (vote.until <= now) this.#standing.delete(vote.key);
    }
    this.#lines.look(this.#plan.keys);
  }

  /**
   * Somebody puts so many names that nobody has in front of the lines of all keys. `heard`: somebody listens to their inboxes, and does
   * nothing.
   */
  crowd(many: number, how: 'heard' | 'unheard'): void {
    for (let i = 0; i < many; i++) {
      const name = `${how === 'heard' ? LISTENER : 'nobody'}${++this.#forged}`;
      for (const key of this.#plan.keys) this.#stand(key, name, AGES);
    }
    this.#lines.look(this.#plan.keys);
  }

  /** Somebody empties the lines of all keys, and serves nobody. */
  empty(): void {
    for (const key of this.#plan.keys) {
      for (const name of this.#store.line(key))
        this.#store.release({ keys: [key], ownerToken: FORGER, ...SILENT, waiter: { name, key, since: 0 } });
    }
    this.#lines.look(this.#plan.keys);
  }

  /** Somebody tells all who listen something that is not so. */
  deceive(what: Told): void {
    for (const each of this.audience) {
      for (const key of this.#plan.keys) for (const inbox of each.inboxes) each.published(inbox, what, key);
    }
  }

  flushScripts(): void {
    this.#instance.scripts.clear();
  }

  info(): string {
    return infoOf({
      run_id: this.#instance.runId,
      master_replid: this.#replicationId,
      second_repl_offset: this.#promotions > 0 ? '1' : '-1',
      uptime_in_seconds: String(Math.floor(this.#uptime / 1_000)),
      server_time_usec: String(Math.floor(1_000 * this.#wallTime)),
      loading: this.failing?.startsWith('LOADING') ? '1' : '0',
    });
  }

  hasScripts(shas: readonly string[]): boolean[] {
    return shas.map((sha) => this.#instance.scripts.has(sha));
  }

  load(script: string): void {
    this.#instance.scripts.add(shaOf(script));
    this.wasAdmitted ||= this.#instance.scripts.has(gateScript(this.#incarnation).sha);
  }

  /** Runs a batch of operations, as the script does. */
  run(sha: string, parts: readonly Part[], overDead: boolean): Error | unknown[] {
    if (this.failing) return new Error(this.failing);
    if (!this.#instance.scripts.has(sha)) return new Error('NOSCRIPT No matching script.');
    this.#save();
    return parts.map((part) => this.#perform(part, sha !== allButGrants.sha, overDead));
  }

  /** The keys that stand now, by the tokens that they hold. */
  standing(): readonly Vote[] {
    return this.#alive();
  }

  get #replicationId(): string {
    return `${this.index}.${this.starts}`;
  }

  get #incarnation(): Incarnation {
    return `${this.#instance.runId} ${this.#replicationId}`;
  }

  /** Counted in whole seconds of the wall clock, as servers do. */
  get #uptime(): number {
    const { now } = this.#plan.timeline;
    return 1_000 * (secondsOf(this.#local(now)) - secondsOf(this.#instance.startedAt));
  }

  #start(at: number): Instance {
    return { runId: `run-${this.index}.${this.starts}`, startedAt: this.#local(at), scripts: new Set() };
  }

  get #time(): number {
    return Math.floor(this.#local(this.#plan.timeline.now));
  }

  /** When a key expires that has so many ms left by the server's clock, which shows whole ones; in ms from now. */
  #inTrueTime(remaining: number): number {
    return (this.#time + remaining - this.#local(this.#plan.timeline.now)) / this.#plan.rate;
  }

  get #wallTime(): number {
    return WALL_ORIGIN + this.#plan.timeline.now + this.#jumped;
  }

  #local(time: number): number {
    return this.#plan.origin + this.#jumped + time * this.#plan.rate;
  }

  #publish(waiter: string, what: Told, key: string): boolean {
    if (this.#isMeddling) return true;
    let isHeard = waiter.startsWith(LISTENER);
    for (const each of this.audience) if (each.published(inboxOf(waiter), what, key)) isHeard = true;
    if (isHeard) this.#lines.told(waiter, what, key);
    return isHeard;
  }

  /** Puts a name into a line, though nobody has asked for it. `since`: a score, or minus the µs that it has waited. */
  #stand(key: string, name: string, since: number): void {
    const waiter = { name, key, since };
    const reservation = since > 0 ? reservationAt(since) : 0;
    this.#isMeddling = true;
    this.#store.release({ keys: [key], ownerToken: FORGER, afterwards: 'yield', reservation, waiter });
    this.#isMeddling = false;
  }

  #perform({ request, exchange }: Part, remembers: boolean, overDead: boolean): unknown {
    const { keys, fence } = request;
    const { operation, token } = exchange;
    exchange.executedAt = this.#plan.timeline.now;
    exchange.overDead = overDead;
    if (operation === 'grant' && !remembers)
      throw new Error('a grant was sent under the script that grants nothing');
    if (operation === 'repair' && !remembers && this.#isMissing(keys, token)) {
      exchange.reply = 'missing';
      return 'missing';
    }
    const reply = this.#execute(request, remembers);
    if (reply.kind === 'granted' && reply.counter !== undefined) exchange.counter = reply.counter;
    let changed = 0;
    let owned = 0;
    for (const key of keys) {
      const seen = this.#store.inspect(key);
      if (seen.kind === 'held' && seen.ownerToken === token) owned++;
      if (this.#note(key, seen, exchange)) changed++;
    }
    const { kind } = reply;
    exchange.reply = kind;
    if (kind === 'denied') exchange.owner = reply.isReserved ? 'turn' : (reply.owner ?? reply.foreign);
    if (request.waiter) exchange.since = this.#sinceOf(request.waiter, request.reservation, reply);
    this.#lines.look(keys, exchange);
    const took = kind === 'granted' || kind === 'extended' || kind === 'repaired';
    const isMeant =
      kind === 'released' || kind === 'revoked' || (kind === 'absent' && operation !== 'confirm');
    exchange.torn = took
      ? owned < keys.length || (kind === 'extended' && changed > 0)
      : !isMeant && changed > 0;
    if (kind === 'held')
      return [
        'held',
        Math.ceil(reply.remaining),
        reply.ownerToken,
        ...(reply.counter === undefined ? [] : [String(reply.counter)]),
      ];
    if (kind === 'revoked') return [kind, Math.ceil(reply.remaining), reply.ownerToken ?? null];
    if (kind === 'taken') return [kind, Math.ceil(reply.remaining), reply.owner ?? 'value'];
    if (kind === 'granted' && reply.counter !== undefined && reply.counter !== (fence?.value ?? 0) + 1)
      return [kind, reply.counter];
    if (kind === 'denied') return deniedOnWire(reply, keys);
    return 'remaining' in reply ? [kind, Math.ceil(reply.remaining)] : onWire(kind);
  }

  /** The score that a waiter has in the line, or would have. */
  #sinceOf({ since }: Waiter, reservation: number, reply: Reply): number {
    if (reply.kind === 'denied' && reply.place) return reply.place.since;
    return scoreOf(since > 0 ? since : Math.floor(1_000 * this.#wallTime) + since, reservation);
  }

  /** Whether a key is not there, and none is another's. */
  #isMissing(keys: readonly string[], token: string): boolean {
    const owners = keys.map((key) => this.#store.inspect(key));
    const isAnothers = owners.some((owner) => owner.kind === 'held' && owner.ownerToken !== token);
    return !isAnothers && owners.some(({ kind }) => kind === 'free');
  }

  #execute({ operation, ttl, fence, ...request }: Request, remembers: boolean): Reply {
    const subject = { ...request, ownerToken: request.token };
    switch (operation) {
      case 'grant':
        return this.#store.grant(subject, ttl, fence);
      case 'confirm':
        return this.#store.confirm(subject, fence as Fence);
      case 'extend':
        return this.#store.extend(subject, ttl, fence);
      case 'repair':
        return this.#store.repair(subject, ttl, fence);
      case 'release':
        return this.#store.release(subject, remembers);
      case 'revoke':
        return this.#store.revoke({ keys: subject.keys, ownerToken: request.token, ttl, wanted: () => true });
      case 'inspect':
        return this.#store.inspect(subject.keys[0] as string);
    }
  }

  /** Writes down what an operation has made of a key; whether it has changed who holds it. */
  #note(key: string, seen: InspectReply, by: Exchange): boolean {
    const { timeline } = this.#plan;
    let vote = this.#standing.get(key);
    if (vote && vote.until <= timeline.now + ROUNDING) {
      this.#standing.delete(key);
      vote = undefined;
    }
    if (seen.kind !== 'held') {
      if (!vote) return false;
      vote.endedBy = by.token;
      this.#end(vote, 'deleted');
      return true;
    }
    const until = timeline.now + this.#inTrueTime(seen.remaining);
    if (vote && vote.token === seen.ownerToken) {
      if (Math.abs(vote.until - until) > ROUNDING) {
        // To be lowered by a client is no fault of the node.
        const promised = until < vote.until ? until : Math.max(until, this.#promised.get(vote) ?? until);
        this.#promised.set(vote, promised);
        vote.until = until;
        this.#judge(vote);
        vote.raisedOverDead ||= by.overDead;
      }
      return false;
    }
    if (vote) {
      vote.endedBy = by.token;
      this.#end(vote, 'overwritten');
    }
    const how = by.operation === 'repair' || by.operation === 'revoke' ? by.operation : 'grant';
    this.#vote(key, seen.ownerToken ?? '', until, how, by.overDead);
    return true;
  }

  #vote(key: string, token: string, until: number, by: Vote['by'], overDead: boolean): void {
    const from = this.#plan.timeline.now;
    const vote: Vote = {
      node: this.index,
      key,
      token,
      from,
      until,
      end: 'expired',
      by,
      overDead,
      raisedOverDead: false,
    };
    this.#standing.set(key, vote);
    this.#promised.set(vote, until);
    this.#plan.history.votes.push(vote);
  }

  /** Whether a vote will end before the time that its owner was promised. */
  #judge(vote: Vote): void {
    vote.end = vote.until < (this.#promised.get(vote) ?? vote.until) - ROUNDING ? 'early' : 'expired';
  }

  #end(vote: Vote, how: Vote['end']): void {
    const { now } = this.#plan.timeline;
    this.#standing.delete(vote.key);
    if (vote.until <= now) return;
    vote.until = now;
    vote.end = how;
  }

  #alive(): Vote[] {
    const { now } = this.#plan.timeline;
    return [...this.#standing.values()].filter(({ until }) => until > now + ROUNDING);
  }

  #save(): void {
    const { timeline, saveInterval } = this.#plan;
    if (timeline.now < this.#savedAt + saveInterval) return;
    this.#savedAt = timeline.now;
    this.#saved = {
      votes: this.#alive().map(({ key, token, until }) => ({ key, token, until })),
      counters: new Map(this.#plan.keys.map((key) => [key, this.#store.counter(key)])),
      lines: new Map(this.#plan.keys.map((key) => [key, this.#lines.save(key)])),
    };
  }

  #restore(): void {
    const { timeline, rate } = this.#plan;
    const now = this.#time;
    for (const [key, counter] of this.#saved.counters) {
      if (counter === 0) continue;
      const holding = { keys: [key], ownerToken: '', ...SILENT };
      this.#store.grant(holding, 1, { value: counter - 1, retention: RETENTION });
      this.#store.release(holding);
    }
    for (const { key, token, until } of this.#saved.votes) {
      const ttl = Math.floor((until - timeline.now) * rate);
      if (ttl < 1) continue;
      this.#store.grant({ keys: [key], ownerToken: token }, ttl, undefined);
      const end = timeline.now + (now + ttl - this.#local(timeline.now)) / rate;
      this.#vote(key, token, end, 'restored', false);
    }
    for (const [key, line] of this.#saved.lines)
      for (const { name, since } of line) {
        this.#stand(key, name, since);
        this.#lines.look([key], undefined, since);
      }
  }
}

/** A denial, as the script gives it. */
function deniedOnWire(
  { remaining, owner, foreign, isReserved, key, place }: Extract<GrantReply, { kind: 'denied' }>,
  keys: readonly string[],
): unknown[] {
  const reply = [
    'denied',
    Math.ceil(remaining),
    isReserved ? 'turn' : (owner ?? foreign),
    keys.indexOf(key) + 1,
  ];
  return place ? [...reply, place.position, String(place.since)] : reply;
}

function secondsOf(time: number): number {
  return Math.floor(time / 1_000);
}
