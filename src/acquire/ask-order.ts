import { afterReading, type Cancel, type Clock } from '../clock.ts';
import type { GrantReply, Waiter } from '../node/lock-node.ts';
import type { AskStrategy } from '../quorum/ask-strategy.ts';
import { quorumOf } from '../quorum/ballot.ts';
import type { Yielding } from '../quorum/lease.ts';
import type { Arbiters } from './arbiter.ts';

/** A denied grant. */
export type Denial = Extract<GrantReply, { kind: 'denied' }>;

/** How many times nodes that have denied are asked again in an attempt to which the arbiter has granted. */
const MOST_REPEATS = 2;

/** How many times as long as the median a slow node takes to answer. */
const SLOW = 3;

/** One function for all, not one more for each attempt. */
const nothing = (): void => {};

/** Stands for the owner of a key that is no lock of quorlock's. */
const FOREIGN = '';

export interface AskOrderPlan {
  readonly clock: Clock;
  readonly arbiters: Arbiters;
  /** How many nodes there are. */
  readonly nodes: number;
  /**
   * `all`: all nodes are asked at once, and there is no arbiter. `turn`: the same, with an arbiter that has the key reserved. `arbiter
   * first`: the others are asked once it has granted.
   */
  readonly how: 'all' | 'turn' | 'arbiter first';
  /** The node that decides, so that others get no votes that are of no use; undefined only if all are asked without one. */
  readonly arbiter: number | undefined;
  /** In whose name the arbiter is asked; undefined if the process does not stand in its line. */
  readonly waiter: Waiter | undefined;
  /** Whether a node is still making its first contact. */
  readonly isConnecting: (node: number) => boolean;
  /** For how long the arbiter's answer is waited for, in ms. */
  readonly hedge: number;
  /** Which others are asked although the arbiter has denied: `one` of them, and all if that grants. */
  readonly goesOn: (denial: Denial) => 'nobody' | 'one' | 'all';
  /** Chooses the one. */
  readonly pick: (nodes: readonly number[]) => number | undefined;
  /** Called for each denial, also in an attempt that wins, and after its end: others want the keys. */
  readonly denied: () => void;
}

/**
 * Which nodes an attempt asks when. Where several processes want a lock, each asks the arbiter first, and only the one to which it
 * grants asks the others: if all asked all nodes at once, none might get a quorum. This only orders them: a process that has waited
 * for `hedge` asks the others all the same.
 */
export class AskOrder implements AskStrategy<GrantReply> {
  readonly #plan: AskOrderPlan;
  readonly #replies: (GrantReply | undefined)[];
  /** When each node was asked, in ms of the clock. */
  readonly #askedAt: number[];
  /** How long the last vote of each node took, in ms, if it came in time; −1 for none. */
  readonly #took: number[];
  /** The nodes that were making their first contact when they were asked. */
  readonly #connecting: number[] = [];
  #ask: (nodes: readonly number[]) => void = nothing;
  #end: () => void = nothing;
  #repeats = 0;
  #isRestAsked = false;
  #isHurried = false;
  /** Whether any node has denied: others want the keys. */
  #isDenied = false;
  #isStopped = false;
  #isOver = false;
  #cancelTimer: Cancel = nothing;
  #onArbiter: ((reply: GrantReply) => void) | undefined;

  constructor(plan: AskOrderPlan) {
    this.#plan = plan;
    this.#replies = new Array<GrantReply | undefined>(plan.nodes).fill(undefined);
    this.#askedAt = new Array<number>(plan.nodes).fill(Number.POSITIVE_INFINITY);
    this.#took = new Array<number>(plan.nodes).fill(-1);
  }

  /** Undefined if the attempt has none. */
  get arbiter(): number | undefined {
    return this.#plan.arbiter;
  }

  /** In whose name the arbiter was asked, if it was asked for a place in its line. */
  get waiter(): Waiter | undefined {
    return this.#plan.waiter;
  }

  /** What the arbiter has answered; undefined if there is none, or it has not yet. */
  get arbiterReply(): GrantReply | undefined {
    return this.arbiter === undefined ? undefined : this.#replies[this.arbiter];
  }

  /** Whether the arbiter has denied, so that the others, or all of them but one, were not asked. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The turn that is given back if the attempt fails. An arbiter that has not answered yet may be about to grant. */
  get yielding(): Yielding | undefined {
    const { arbiter, waiter } = this.#plan;
    if (!waiter || arbiter === undefined) return undefined;
    return this.arbiterReply?.kind !== 'denied' ? { node: arbiter, waiter } : undefined;
  }

  /** Calls `callback` with the arbiter's answer if that is still to come. */
  awaitArbiter(callback: (reply: GrantReply) => void): void {
    if (!this.arbiterReply) this.#onArbiter = callback;
  }

  /** What denied the lock: at the arbiter, or else anywhere. */
  get denial(): Denial | undefined {
    return isDenial(this.arbiterReply) ? this.arbiterReply : this.#replies.find(isDenial);
  }

  /** The one owner that a quorum of nodes has denied by: it holds the lock, or did so a moment ago. */
  get holder(): string | undefined {
    const counts = new Map<string, number>();
    for (const reply of this.#replies) {
      if (reply?.kind !== 'denied' || reply.isReserved) continue;
      const owner = reply.owner ?? FOREIGN;
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return [...counts].find(([, nodes]) => nodes >= this.#quorum)?.[0];
  }

  /** How long the nodes took to answer, in ms: the median, so that slow ones do not count; undefined if none has answered. */
  get roundTrip(): number | undefined {
    return medianOf(this.#took);
  }

  begin(ask: (nodes: readonly number[]) => void, end: () => void): void {
    const { clock, arbiters, arbiter, isConnecting, how, hedge } = this.#plan;
    this.#ask = (nodes) => {
      const now = clock.now();
      for (const node of nodes) {
        this.#askedAt[node] = now;
        // A first contact takes as long as it takes.
        if (isConnecting(node)) this.#connecting.push(node);
        else arbiters.asked(node, now);
        this.#replies[node] = undefined;
      }
      ask(nodes);
    };
    this.#end = end;
    if (how !== 'arbiter first' || arbiter === undefined) {
      this.#isRestAsked = true;
      this.#ask(arbiter === undefined ? this.#others : [arbiter, ...this.#others]);
      return;
    }
    this.#ask([arbiter]);
    if (!this.#isRestAsked && !this.#isStopped)
      this.#cancelTimer = afterReading(clock, hedge, () => this.#passOver(arbiter));
  }

  waiterAt(node: number): Waiter | undefined {
    return node === this.#plan.arbiter ? this.#plan.waiter : undefined;
  }

  heard(node: number, reply: GrantReply): void {
    const { arbiters, clock } = this.#plan;
    const isVote = reply.kind === 'granted' || reply.kind === 'denied';
    if (reply.kind === 'denied') {
      this.#plan.denied();
      this.#isDenied = true;
    }
    const took = clock.now() - (this.#askedAt[node] ?? 0);
    arbiters.answered(node, this.#howAnswered(node, reply, took));
    if (this.#isOver) {
      this.#replies[node] ??= reply;
      if (node === this.#plan.arbiter) this.#onArbiter?.(reply);
      return;
    }
    if (isVote) this.#took[node] = took;
    this.#replies[node] = reply;
    if (!this.#isRestAsked) this.#firstHeard(node, reply);
    else if (this.#isDenied) this.#reconsider();
  }

  end(): void {
    this.#isOver = true;
    this.#cancelTimer();
  }

  /** How long an answer may take without being slow, in ms: a first attempt waits for connections, and all nodes take long. */
  get #patience(): number {
    return Math.max(this.#plan.hedge, SLOW * (this.roundTrip ?? 0));
  }

  /** A node that is slow is no arbiter: every process would wait for it in turn. */
  #howAnswered(node: number, reply: GrantReply, took: number): Parameters<Arbiters['answered']>[1] {
    if (this.#isOver && reply.kind === 'unreachable' && !reply.maybeExecuted) return 'unsent';
    if (reply.kind !== 'granted' && reply.kind !== 'denied') return 'without a vote';
    const isInTime = took <= this.#plan.hedge || this.#connecting.includes(node) || took <= this.#patience;
    return isInTime ? 'in time' : 'late';
  }

  get #quorum(): number {
    return quorumOf(this.#plan.nodes);
  }

  get #others(): number[] {
    const others: number[] = [];
    for (let node = 0; node < this.#plan.nodes; node++) if (node !== this.#plan.arbiter) others.push(node);
    return others;
  }

  /** One of those that are asked before the others: the arbiter, or the one that is to confirm its denial. */
  #firstHeard(node: number, reply: GrantReply): void {
    if (node !== this.#plan.arbiter) {
      if (reply.kind === 'granted') this.#askRest();
      else this.#stop();
      return;
    }
    const next = reply.kind === 'denied' ? this.#plan.goesOn(reply) : 'all';
    if (next === 'all') this.#askRest();
    else if (next === 'one') this.#askAnother();
    else this.#stop();
  }

  #askAnother(): void {
    const another = this.#plan.pick(this.#others.filter((node) => !this.#plan.arbiters.isSilent(node)));
    if (another === undefined) {
      this.#stop();
      return;
    }
    this.#cancelTimer();
    this.#cancelTimer = afterReading(this.#plan.clock, this.#plan.hedge, () => this.#stop());
    this.#ask([another]);
  }

  /** The arbiter has denied, and that is not in doubt. */
  #stop(): void {
    this.#isStopped = true;
    this.#end();
  }

  /** The arbiter has not answered in time. */
  #passOver(arbiter: number): void {
    this.#plan.arbiters.silent(arbiter);
    this.#askRest();
  }

  #askRest(): void {
    this.#isRestAsked = true;
    this.#cancelTimer();
    this.#ask(this.#others.filter((node) => this.#askedAt[node] === Number.POSITIVE_INFINITY));
  }

  /**
   * Others want the keys, and there is no quorum any more without nodes that gave no vote lately: others shall not wait for those nodes.
   * But if it is this process's turn, or the arbiter has granted, others are kept out meanwhile; and nodes that have not executed the last
   * holder's release yet deny the next one. They are asked again.
   */
  #reconsider(): void {
    const reply = this.arbiterReply;
    if (reply && reply.kind !== 'granted') return;
    const denying = this.#nodes((vote) => isDenial(vote));
    if (denying.length === 0) return;
    const granting = this.#nodes((vote) => vote?.kind === 'granted');
    const silent = this.#nodes((vote, node) => !vote && this.#plan.arbiters.isSilent(node));
    const awaited = this.#nodes((vote, node) => !vote && !silent.includes(node));
    if (awaited.length > 0) this.#awaitNoLonger();
    if (granting.length + awaited.length >= this.#quorum) return;
    const isKeptFree = reply !== undefined || this.#plan.how === 'turn';
    if (isKeptFree && this.#repeats < MOST_REPEATS) {
      this.#repeats++;
      this.#ask(denying);
    } else if (isKeptFree || (awaited.length === 0 && silent.length > 0)) {
      this.#end();
    }
  }

  /** Others shall not wait for nodes that have become silent just now. */
  #awaitNoLonger(): void {
    const { clock, arbiters } = this.#plan;
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#cancelTimer = afterReading(clock, this.#patience, () => {
      arbiters.passOverSilent(clock.now() - this.#patience);
      this.#reconsider();
    });
  }

  #nodes(which: (vote: GrantReply | undefined, node: number) => boolean): number[] {
    return [...this.#replies.keys()].filter((node) => which(this.#replies[node], node));
  }
}

/** The lower median of those that are not negative; undefined if there are none. For so few, to count is faster than to sort. */
function medianOf(values: readonly number[]): number | undefined {
  let count = 0;
  for (const value of values) if (value >= 0) count++;
  const middle = Math.floor((count - 1) / 2);
  for (const candidate of values) {
    if (candidate < 0) continue;
    let smaller = 0;
    let equal = 0;
    for (const value of values) {
      if (value === candidate) equal++;
      else if (value >= 0 && value < candidate) smaller++;
    }
    if (smaller <= middle && middle < smaller + equal) return candidate;
  }
  return undefined;
}

function isDenial(reply: GrantReply | undefined): reply is Denial {
  return reply?.kind === 'denied';
}
