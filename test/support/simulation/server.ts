import { createHash } from 'node:crypto';
import type { InspectReply } from '../../../src/node/lock-node.ts';
import { MemoryStore } from '../../../src/node/memory-store.ts';
import { OPERATIONS, OPERATIONS_SHA } from '../../../src/node/scripts/operations.ts';
import type { Exchange, History, Vote } from '../checker/history.ts';
import { infoOf } from '../fake-connection.ts';
import type { Timeline } from './timeline.ts';

/** One operation of a command, as the server reads it. */
export interface Part {
  readonly keys: readonly string[];
  readonly ttl: number;
  /** What becomes of it. */
  readonly exchange: Exchange;
}

export interface ServerPlan {
  readonly index: number;
  readonly timeline: Timeline;
  readonly history: History;
  readonly rate: number;
  readonly origin: number;
  /** How old its snapshot on disk is at most, in ms. */
  readonly saveInterval: number;
}

export type Memory = 'kept' | 'stale' | 'lost';

/** A vote that must have ended by now, as far as two computations of one instant can differ. */
const ROUNDING = 1e-6;

const SHA_OF = new Map([[OPERATIONS, OPERATIONS_SHA]]);

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
  readonly #plan: ServerPlan;
  readonly #store = new MemoryStore();
  readonly #standing = new Map<string, Vote>();
  /** Until when each vote was to stand, whatever the clock has done since. */
  readonly #promised = new WeakMap<Vote, number>();
  readonly #scripts = new Set<string>();
  readonly #inbox: (() => void)[] = [];
  #saved: readonly { readonly key: string; readonly token: string; readonly until: number }[] = [];
  #savedAt = Number.NEGATIVE_INFINITY;
  #jumped = 0;

  constructor(plan: ServerPlan) {
    this.index = plan.index;
    this.#plan = plan;
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
    this.#scripts.clear();
    if (memory !== 'kept') this.forget();
    if (memory === 'stale') this.#restore();
  }

  /** All keys are gone. */
  forget(): void {
    this.#store.forget();
    for (const vote of this.#standing.values()) this.#end(vote, 'forgotten');
  }

  /** One key is gone before its time. */
  drop(which: number): void {
    const standing = this.#alive();
    const vote = standing[which % standing.length];
    if (!vote) return;
    this.#store.release({ keys: [vote.key], ownerToken: vote.token }, this.#time);
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
    this.#scripts.clear();
  }

  info(): string {
    const loading = this.failing?.startsWith('LOADING') ? '1' : '0';
    return infoOf({ run_id: `${this.index}.${this.starts}`, loading });
  }

  load(script: string): void {
    const sha = SHA_OF.get(script) ?? createHash('sha1').update(script).digest('hex');
    SHA_OF.set(script, sha);
    this.#scripts.add(sha);
  }

  /** Runs a batch of operations, as the script does. */
  run(sha: string, parts: readonly Part[], overDead: boolean): Error | unknown[] {
    if (this.failing) return new Error(this.failing);
    if (!this.#scripts.has(sha)) return new Error('NOSCRIPT No matching script.');
    this.#save();
    return parts.map((part) => this.#perform(part, overDead));
  }

  /** The keys that stand now, by the tokens that they hold. */
  standing(): readonly Vote[] {
    return this.#alive();
  }

  get #time(): number {
    return Math.floor(this.#local(this.#plan.timeline.now));
  }

  #local(time: number): number {
    return this.#plan.origin + this.#jumped + time * this.#plan.rate;
  }

  #perform({ keys, ttl, exchange }: Part, overDead: boolean): unknown {
    const now = this.#time;
    const { operation, token } = exchange;
    exchange.executedAt = this.#plan.timeline.now;
    exchange.overDead = overDead;
    const reply =
      operation === 'inspect'
        ? this.#store.inspect(keys[0] as string, now)
        : operation === 'release'
          ? this.#store.release({ keys, ownerToken: token }, now)
          : this.#store[operation]({ keys, ownerToken: token }, ttl, now);
    let changed = 0;
    let owned = 0;
    for (const key of keys) {
      const seen = this.#store.inspect(key, now);
      if (seen.kind === 'held' && seen.ownerToken === token) owned++;
      if (this.#note(key, seen, exchange, now)) changed++;
    }
    const { kind } = reply;
    exchange.reply = kind;
    const took = kind === 'granted' || kind === 'extended' || kind === 'repaired';
    exchange.torn = took ? owned < keys.length : kind !== 'released' && kind !== 'absent' && changed > 0;
    if (kind === 'held') return ['held', Math.ceil(reply.remaining), reply.ownerToken];
    return 'remaining' in reply ? [kind, Math.ceil(reply.remaining)] : kind;
  }

  /** Writes down what an operation has made of a key; whether it has changed who holds it. */
  #note(key: string, seen: InspectReply, by: Exchange, now: number): boolean {
    const { timeline, rate } = this.#plan;
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
    const how = by.operation === 'extend' ? 'extend' : 'grant';
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
    this.#saved = this.#alive().map(({ key, token, until }) => ({ key, token, until }));
  }

  #restore(): void {
    const { timeline, rate } = this.#plan;
    const now = this.#time;
    for (const { key, token, until } of this.#saved) {
      const ttl = Math.floor((until - timeline.now) * rate);
      if (ttl < 1) continue;
      this.#store.grant({ keys: [key], ownerToken: token }, ttl, now);
      const end = timeline.now + (now + ttl - this.#local(timeline.now)) / rate;
      this.#stand(key, token, end, 'restored', false);
    }
  }
}
