import type { Cancel, Clock } from '../clock.ts';
import { inNeutralContext } from '../context.ts';
import type { LockNode, Place, ReleaseRequest, Waiter } from '../node/lock-node.ts';
import type { Random } from '../random.ts';
import type { AskOrder } from './ask-order.ts';
import type { RoundTrip } from './round-trip.ts';

/** For how long inboxes stay open when nobody waits any more, in ms: where one call has waited, another soon will. */
const LINGER = 5_000;

/** After how long nothing is left of a process in a line where it has not stood again, in ms. */
const LINE_RETENTION = 60_000;

/** The call of this process that waits for the key now. */
export interface Caller {
  /** The node has reserved the key for this process. */
  turn(node: number): void;
  /** This process is first in line, behind one that has the key reserved. */
  next(): void;
  /** Notifications of a node arrive from now on. */
  live(): void;
  /** Notifications of a node do not arrive any more. */
  deaf(): void;
}

export interface LinePlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  readonly random: Random;
  readonly roundTrip: RoundTrip;
}

interface Inbox {
  isLive: boolean;
  readonly close: () => void;
}

/**
 * One process in the lines for one key: its inboxes, and in which lines it stands. A process stands in a line once, however many of
 * its calls wait; the next call takes the place of the one before.
 */
export class Line {
  readonly key: string;
  readonly #plan: LinePlan;
  readonly #name: string;
  readonly #onIdle: () => void;
  readonly #inboxes = new Map<number, Inbox>();
  /** By node, since when it stands there, in µs of the node's clock; undefined if the node has not told. */
  readonly #standing = new Map<number, number | undefined>();
  #caller: Caller | undefined;
  #cancelTimer: Cancel = () => {};

  constructor(plan: LinePlan, name: string, key: string, onIdle: () => void) {
    this.#plan = plan;
    this.#name = name;
    this.key = key;
    this.#onIdle = onIdle;
  }

  /** From now on the caller hears what the inboxes get. */
  enter(caller: Caller): void {
    this.#caller = caller;
    this.#cancelTimer();
  }

  /** The caller hears nothing any more. Unless another call of this process takes its place within a microtask, the process leaves. */
  exit(caller: Caller): void {
    if (this.#caller !== caller) return;
    this.#caller = undefined;
    this.#cancelTimer = this.#plan.clock.after(LINGER, () => this.close(), 'background');
    void this.#leaveUnlessTaken();
  }

  async #leaveUnlessTaken(): Promise<void> {
    await Promise.resolve();
    if (!this.#caller) this.leave();
  }

  /** Opens the inbox at a node, if it is not. */
  open(node: number): void {
    if (this.#inboxes.has(node)) return;
    const listener = {
      live: () => {
        inbox.isLive = true;
        this.#caller?.live();
      },
      deaf: () => {
        inbox.isLive = false;
        this.#caller?.deaf();
      },
      turn: () => {
        if (this.#caller) this.#caller.turn(node);
        else this.#leaveAt(node);
      },
      next: () => this.#caller?.next(),
    };
    const close = inNeutralContext(
      () => this.#plan.nodes[node]?.openInbox(this.#name, this.key, listener) ?? (() => {}),
    );
    const inbox: Inbox = { isLive: false, close };
    this.#inboxes.set(node, inbox);
  }

  /** Whether notifications of the node arrive. */
  isLive(node: number): boolean {
    return this.#inboxes.get(node)?.isLive === true;
  }

  /**
   * In whose name the node is asked for a place in its line. From now on the process stands there, unless the node says that it does not.
   * `waited`: for how many ms the call has waited so far.
   */
  stand(node: number, waited: number): Waiter {
    const since = this.#standing.get(node);
    this.#standing.set(node, since);
    return { name: this.#name, key: this.key, since: since ?? -Math.round(waited * 1_000) };
  }

  /** The node has denied the lock: where the process stands there now; undefined if it does not. It stands in one line at a time. */
  denied(node: number, place: Place | undefined): void {
    this.#standing.delete(node);
    if (!place) return;
    this.leave();
    this.#standing.set(node, place.since);
  }

  /** The process has the lock: it does not stand any more where that was granted. An arbiter that has not answered yet has most likely granted it. */
  won(arbiter: number, order: AskOrder): void {
    const { arbiterReply } = order;
    if (arbiterReply && arbiterReply.kind !== 'granted') return;
    this.#standing.delete(arbiter);
    order.awaitArbiter(({ kind }) => {
      // By then the next call may have come to stand there.
      if (kind !== 'granted' && !this.#standing.has(arbiter)) this.#leaveAt(arbiter);
    });
  }

  /** Leaves the lines of all nodes. */
  leave(): void {
    for (const node of this.#standing.keys()) this.#leaveAt(node);
    this.#standing.clear();
  }

  close(): void {
    this.#cancelTimer();
    this.leave();
    for (const { close } of this.#inboxes.values()) close();
    this.#inboxes.clear();
    this.#onIdle();
  }

  #leaveAt(node: number): void {
    const { nodes, random, roundTrip } = this.#plan;
    const request: ReleaseRequest = {
      keys: [this.key],
      // Nobody has this token: nothing but the place and the turn is given back.
      ownerToken: random.token(),
      afterwards: 'serve',
      reservation: roundTrip.reservation,
      waiter: { name: this.#name, key: this.key, since: 0 },
      longestTtl: LINE_RETENTION,
    };
    nodes[node]?.release(request, () => {});
  }
}

/** The lines that one process stands in, or did so a moment ago. */
export class Lines {
  readonly #plan: LinePlan;
  readonly #lines = new Map<string, Line>();
  /** Names the process in all lines. Not drawn before it is needed. */
  #name: string | undefined;

  constructor(plan: LinePlan) {
    this.#plan = plan;
  }

  of(key: string): Line {
    const known = this.#lines.get(key);
    if (known) return known;
    this.#name ??= this.#plan.random.token();
    const line = new Line(this.#plan, this.#name, key, () => this.#lines.delete(key));
    this.#lines.set(key, line);
    return line;
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }
}
