import type {
  ConfirmReply,
  ExtendReply,
  GrantReply,
  InspectReply,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
} from '../../../src/node/lock-node.ts';
import { type Fence, MemoryStore } from '../../../src/node/memory/memory-store.ts';
import { allButGrants, gateScript, type Incarnation } from '../../../src/node/redis/scripts/script.ts';
import type { Exchange, History, Operation, Vote } from '../checker/history.ts';
import { infoOf } from '../fake-connection.ts';
import { onWire } from '../wire-format.ts';
import { WALL_ORIGIN } from './process.ts';
import { shaOf } from './sha-of.ts';
import type { Timeline } from './timeline.ts';

/** One operation of a command, as the server reads it. */
export interface Part {
  readonly keys: readonly string[];
  readonly ttl: number;
  /** Whether those who listen are told of a release. */
  readonly announce: boolean | 'gone';
  readonly fence: Fence | undefined;
  /** What becomes of it. */
  readonly exchange: Exchange;
}

/** Who may have subscribed to something. */
export interface Audience {
  /** The lock of that token was deleted from the key, and everybody is told. */
  published(key: string, token: string): void;
}

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
}

type Reply = GrantReply | ConfirmReply | ExtendReply | RepairReply | ReleaseReply | InspectReply;

/** A vote that must have ended by now, as far as two computations of one instant can differ. */
const ROUNDING = 1e-6;

/** For how long the counters of a snapshot are kept, in ms. */
const RETENTION = 3_600_000;

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
  readonly #standing = new Map<string, Vote>();
  /** Until when each vote was to stand, whatever the clock has done since. */
  readonly #promised = new WeakMap<Vote, number>();
  readonly #inbox: (() => void)[] = [];
  #instance: Instance;
  #promotions = 0;
  #saved: Snapshot = { votes: [], counters: new Map() };
  #savedAt = Number.NEGATIVE_INFINITY;
  #jumped = 0;
  /** Whose keys are being deleted. */
  #releasing = '';

  constructor(plan: ServerPlan) {
    this.index = plan.index;
    this.#plan = plan;
    const time = {
      now: () => this.#time,
      wallTime: () => WALL_ORIGIN + plan.timeline.now + this.#jumped,
    };
    this.#store = new MemoryStore(time, (key) => {
      for (const each of this.audience) each.published(key, this.#releasing);
    });
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
    for (const vote of this.#standing.values()) this.#end(vote, 'forgotten');
  }

  /** One key is gone before its time. */
  drop(which: number): void {
    const standing = this.#alive();
    const vote = standing[which % standing.length];
    if (!vote) return;
    this.#store.release({ keys: [vote.key], ownerToken: vote.token, announce: false });
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

  #local(time: number): number {
    return this.#plan.origin + this.#jumped + time * this.#plan.rate;
  }

  #perform({ keys, ttl, announce, fence, exchange }: Part, repairs: boolean, overDead: boolean): unknown {
    const now = this.#time;
    const { operation, token } = exchange;
    exchange.executedAt = this.#plan.timeline.now;
    exchange.announced = announce !== false;
    exchange.overDead = overDead;
    if (operation === 'grant' && !repairs)
      throw new Error('a grant was sent under the script that grants nothing');
    if (operation === 'repair' && !repairs && this.#isMissing(keys, token)) {
      exchange.reply = 'missing';
      return 'missing';
    }
    const reply = this.#execute(operation, { keys, ownerToken: token, announce }, ttl, fence);
    if (reply.kind === 'granted' && reply.counter !== undefined) exchange.counter = reply.counter;
    let changed = 0;
    let owned = 0;
    for (const key of keys) {
      const seen = this.#store.inspect(key);
      if (seen.kind === 'held' && seen.ownerToken === token) owned++;
      if (this.#note(key, seen, exchange, now, announce)) changed++;
    }
    const { kind } = reply;
    exchange.reply = kind;
    const took = kind === 'granted' || kind === 'extended' || kind === 'repaired';
    exchange.torn = took
      ? owned < keys.length || (kind === 'extended' && changed > 0)
      : kind !== 'released' && (kind !== 'absent' || operation === 'confirm') && changed > 0;
    if (kind === 'held') return ['held', Math.ceil(reply.remaining), reply.ownerToken];
    if (kind === 'granted' && reply.counter !== undefined && reply.counter !== (fence?.value ?? 0) + 1)
      return [kind, reply.counter];
    if (kind === 'denied') return [kind, Math.ceil(reply.remaining), reply.owner ?? reply.foreign];
    return 'remaining' in reply ? [kind, Math.ceil(reply.remaining)] : onWire(kind);
  }

  /** Whether a key is not there, and none is another's. */
  #isMissing(keys: readonly string[], token: string): boolean {
    const owners = keys.map((key) => this.#store.inspect(key));
    const isAnothers = owners.some((owner) => owner.kind === 'held' && owner.ownerToken !== token);
    return !isAnothers && owners.some(({ kind }) => kind === 'free');
  }

  #execute(
    operation: Operation,
    holding: Omit<ReleaseRequest, 'longestTtl'>,
    ttl: number,
    fence: Fence | undefined,
  ): Reply {
    switch (operation) {
      case 'grant':
        return this.#store.grant(holding, ttl, fence);
      case 'confirm':
        return this.#store.confirm(holding, fence as Fence);
      case 'extend':
        return this.#store.extend(holding, ttl, fence);
      case 'repair':
        return this.#store.repair(holding, ttl, fence);
      case 'release':
        this.#releasing = holding.ownerToken;
        return this.#store.release(holding);
      case 'inspect':
        return this.#store.inspect(holding.keys[0] as string);
    }
  }

  /** Writes down what an operation has made of a key; whether it has changed who holds it. */
  #note(key: string, seen: InspectReply, by: Exchange, now: number, announce: boolean | 'gone'): boolean {
    const { timeline, rate } = this.#plan;
    let vote = this.#standing.get(key);
    if (vote && vote.until <= timeline.now + ROUNDING) {
      this.#standing.delete(key);
      vote = undefined;
    }
    if (seen.kind !== 'held') {
      if (!vote) return false;
      vote.endedBy = by.token;
      vote.announced = announce !== false;
      this.#end(vote, 'deleted');
      return true;
    }
    const until = timeline.now + (now + seen.remaining - this.#local(timeline.now)) / rate;
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
    const how = by.operation === 'repair' ? 'repair' : 'grant';
    this.#stand(key, seen.ownerToken ?? '', until, how, by.overDead);
    return true;
  }

  #stand(key: string, token: string, until: number, by: Vote['by'], overDead: boolean): void {
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
    };
  }

  #restore(): void {
    const { timeline, rate } = this.#plan;
    const now = this.#time;
    for (const [key, counter] of this.#saved.counters) {
      if (counter === 0) continue;
      const holding = { keys: [key], ownerToken: '', announce: false };
      this.#store.grant(holding, 1, { value: counter - 1, retention: RETENTION });
      this.#store.release(holding);
    }
    for (const { key, token, until } of this.#saved.votes) {
      const ttl = Math.floor((until - timeline.now) * rate);
      if (ttl < 1) continue;
      this.#store.grant({ keys: [key], ownerToken: token }, ttl, undefined);
      const end = timeline.now + (now + ttl - this.#local(timeline.now)) / rate;
      this.#stand(key, token, end, 'restored', false);
    }
  }
}

function secondsOf(time: number): number {
  return Math.floor(time / 1_000);
}
