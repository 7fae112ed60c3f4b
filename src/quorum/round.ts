import type { Clock } from '../clock.ts';
import type { Deliver, LockNode } from '../node/lock-node.ts';
import type { AskStrategy } from './ask-strategy.ts';
import { quorumOf } from './ballot.ts';
import { type Deadline, Deadlines } from './deadlines.ts';
import { Decision } from './decision.ts';

export type Replies<Reply> = readonly (Reply | undefined)[];

export interface RoundPlan<Reply, Outcome> {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** How long an undecided vote is waited for, in ms. */
  readonly patience: number;
  /** Until when the round also waits for nodes that are still making their first contact, in ms of the clock; by default it does not. */
  readonly contactDeadline?: number;
  /** Asks one node. `wanted` is true as long as the round is undecided. */
  readonly ask: (node: LockNode, index: number, wanted: () => boolean, deliver: Deliver<Reply>) => void;
  /** Who is asked when; by default all at once. */
  readonly strategy?: AskStrategy<Reply> | undefined;
  /** Sees each reply, also one that comes after the decision (`decided`), before anything is decided with it. */
  readonly heard?: (index: number, reply: Reply, decided: boolean) => void;
  /** The outcome, or undefined while it is open. With `over` it must decide by what there is. */
  readonly decide: (replies: Replies<Reply>, over: boolean) => Outcome | undefined;
}

/**
 * One fan-out: every node is asked, at once unless there is a `strategy`, and the outcome stands as soon as the replies allow it. A node
 * that is silent or slow delays no decision that the others have made.
 */
export class Round<Reply, Outcome> extends Decision<Outcome> implements Deadline {
  /** When it ends by what is known then, in ms of the clock. */
  due = 0;
  place = -1;
  // The plan's, one by one. A literal that lives through a round trip is, in the end, made among old objects, as V8 learns how
  // long those of one place live; and dead ones there keep alive what they refer to.
  readonly #nodes: readonly LockNode[];
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #contactDeadline: number;
  readonly #askOne: RoundPlan<Reply, Outcome>['ask'];
  readonly #strategy: AskStrategy<Reply> | undefined;
  readonly #hear: RoundPlan<Reply, Outcome>['heard'] | undefined;
  readonly #judge: RoundPlan<Reply, Outcome>['decide'];
  readonly #replies: (Reply | undefined)[];
  #received = 0;
  #asking = true;
  #wasConnecting = false;

  constructor(plan: RoundPlan<Reply, Outcome>) {
    super();
    this.#nodes = plan.nodes;
    this.#clock = plan.clock;
    this.#patience = plan.patience;
    this.#contactDeadline = plan.contactDeadline ?? Number.NEGATIVE_INFINITY;
    this.#askOne = plan.ask;
    this.#strategy = plan.strategy;
    this.#hear = plan.heard;
    this.#judge = plan.decide;
    this.#replies = new Array<Reply | undefined>(plan.nodes.length).fill(undefined);
  }

  /** Asks the nodes; called once. */
  start(): this {
    const startedAt = this.#clock.now();
    const strategy = this.#strategy;
    if (strategy)
      strategy.begin(
        (nodes) => this.#ask(nodes),
        () => this.end(),
      );
    else this.#ask([...this.#nodes.keys()]);
    this.#asking = false;
    this.#decide(false);
    if (!this.isOpen) return this;
    this.#wasConnecting = this.#contactUntil() > startedAt;
    this.#wait(startedAt + this.#patience);
    return this;
  }

  /** Whether it is undecided. */
  get isOpen(): boolean {
    return this.isUndecided;
  }

  /** Ends the round by what is known now, if it is still undecided. */
  end(): void {
    this.#decide(true);
  }

  #ask(indices: readonly number[]): void {
    if (!this.isOpen) return;
    // Nodes known to be down answer while the others are still being asked: errors shall name every node.
    const before = this.#asking;
    this.#asking = true;
    // By number: an iterator would make an object for each.
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number;
      // A node may have ended it.
      if (!this.isOpen) break;
      const node = this.#nodes[index];
      if (this.#replies[index] !== undefined) {
        this.#replies[index] = undefined;
        this.#received--;
      }
      if (node) this.#askOne(node, index, this.#wanted, (reply) => this.#receive(index, reply));
    }
    this.#asking = before;
    if (!before) this.#decide(false);
  }

  readonly #wanted = (): boolean => this.isOpen;

  #receive(index: number, reply: Reply): void {
    if (this.#replies[index] !== undefined) return;
    this.#hear?.(index, reply, !this.isOpen);
    if (this.isOpen) {
      this.#replies[index] = reply;
      this.#received++;
    }
    this.#strategy?.heard(index, reply);
    if (!this.#asking) this.#decide(false);
  }

  #decide(over: boolean): void {
    if (!this.isOpen) return;
    // Fewer can neither be a majority nor keep the others from being one.
    if (!over && this.#received <= this.#replies.length - quorumOf(this.#replies.length)) return;
    const outcome = this.#judge(this.#replies, over);
    if (outcome === undefined) return;
    Deadlines.of(this.#clock).delete(this);
    this.#strategy?.end();
    this.decideOn(outcome);
  }

  /** The time is up. A node that has just been reached still gets as much time for its answer as the others had. */
  expire(): void {
    const now = this.#clock.now();
    const contactUntil = this.#contactUntil();
    const connecting = contactUntil > now;
    const justReached = this.#wasConnecting && contactUntil === Number.NEGATIVE_INFINITY;
    const next = Math.min(
      now + this.#patience,
      connecting ? contactUntil : Number.POSITIVE_INFINITY,
      this.#contactDeadline,
    );
    if ((connecting || justReached) && next > now) this.#wait(next);
    else this.end();
    this.#wasConnecting = connecting;
  }

  #wait(end: number): void {
    this.due = end;
    Deadlines.of(this.#clock).add(this);
  }

  /** Until when a silent node may still be connecting for the first time. */
  #contactUntil(): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.#nodes.length; i++)
      if (this.#replies[i] === undefined)
        latest = Math.max(latest, (this.#nodes[i] as LockNode).firstContactUntil());
    return latest;
  }
}
