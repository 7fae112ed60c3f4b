import type { Cancel, Clock } from '../clock.ts';
import type { GrantReply } from '../node/lock-node.ts';
import { quorumOf } from '../quorum/ballot.ts';
import type { Opening } from '../quorum/opening.ts';
import { FOREIGN, type Rivals } from './rivals.ts';

export interface ContestPlan {
  readonly clock: Clock;
  readonly rivals: Rivals;
  /** All nodes, the arbiter first. */
  readonly order: readonly number[];
  /** Whether the arbiter decides who asks the others. */
  readonly isArbitrated: boolean;
  /** For how long the arbiter is waited for, in ms. */
  readonly hedge: number;
  /** Called once the arbiter's time has passed for all, if by then they {@link Contest.isOvertaken}. */
  readonly overtaken: () => void;
}

/**
 * Who is asked when, where others may want the same lock at the same time. If each took what it gets from all nodes at
 * once, none might get a quorum; so they ask the arbiter first, and only the one to whom it grants asks the others. It
 * only orders them: whoever has waited for `hedge` asks the others all the same.
 */
export class Contest implements Opening<GrantReply> {
  // The plan's, one by one, as in a Round.
  readonly #clock: Clock;
  readonly #rivals: Rivals;
  readonly #order: readonly number[];
  readonly #isArbitrated: boolean;
  readonly #hedge: number;
  readonly #overtaken: () => void;
  readonly #attempt: number;
  #ask: (nodes: readonly number[]) => void = () => {};
  #asked = 0;
  /** By node, when it was asked, in ms of the clock; and how long it took to answer, in ms; NaN if it did not. */
  readonly #askedAt: number[];
  readonly #took: number[];
  #cancelTimer: Cancel = () => {};
  #outrunAt: number | undefined;
  /** The nodes that were asked because of the last reply. */
  #justAsked: readonly number[] = [];
  #over = false;

  constructor(plan: ContestPlan) {
    this.#clock = plan.clock;
    this.#rivals = plan.rivals;
    this.#order = plan.order;
    this.#isArbitrated = plan.isArbitrated;
    this.#hedge = plan.hedge;
    this.#overtaken = plan.overtaken;
    this.#attempt = plan.rivals.begin();
    this.#askedAt = new Array<number>(plan.order.length).fill(Number.NaN);
    this.#took = new Array<number>(plan.order.length).fill(Number.NaN);
  }

  /** The arbiter, if another contender was faster there, and the nodes after it have not been asked. */
  get outrunAt(): number | undefined {
    return this.#outrunAt;
  }

  /**
   * Whether it waits for silent nodes alone, which have had as much time as an arbiter gets, and those that have answered
   * would be a quorum by now, as what they denied by has gone: asked again, they grant before the silent ones answer.
   */
  get isOvertaken(): boolean {
    if (this.#over || this.#asked < this.#order.length) return false;
    if (this.#clock.now() - Math.max(...this.#askedAt) < this.#hedge) return false;
    const open = this.#order.filter(
      (node) => (this.#took[node] ?? Number.NaN) >= 0 && this.#rivals.isOpen(node),
    );
    return open.length >= quorumOf(this.#order.length);
  }

  /** How long nodes have taken to answer, in ms: the median, so that slow ones do not count; undefined if none has. */
  get roundTrip(): number | undefined {
    const known = this.#took.filter((ms) => ms >= 0).sort((a, b) => a - b);
    return known[Math.floor((known.length - 1) / 2)];
  }

  begin(ask: (nodes: readonly number[]) => void): void {
    this.#ask = (nodes) => {
      const now = this.#clock.now();
      for (const node of nodes) this.#askedAt[node] = now;
      this.#justAsked = nodes;
      ask(nodes);
    };
    if (!this.#isArbitrated) {
      this.#askRest();
      return;
    }
    this.#askNext();
    if (this.#asked < this.#order.length)
      this.#cancelTimer = this.#clock.after(this.#hedge, () => this.#askRest());
  }

  heard(node: number, reply: GrantReply): void {
    // A late answer to an earlier attempt tells less than is known by now.
    if (this.#rivals.attempt !== this.#attempt) return;
    // The reply that led to this request has decided the round, so the request was not sent. The node is not silent.
    if (this.#over && isUnsent(reply) && this.#justAsked.includes(node)) return;
    if (!this.#over) this.#justAsked = [];
    if (reply.kind === 'granted' || reply.kind === 'denied')
      this.#took[node] = this.#clock.now() - (this.#askedAt[node] ?? 0);
    switch (reply.kind) {
      case 'granted':
        this.#rivals.answered(node, 'granted');
        this.#askRest();
        break;
      case 'denied':
        // One that does not compete for the lock need not be waited for.
        if (this.#rivals.denied(node, reply.owner ?? FOREIGN, this.#clock.now() + reply.remaining))
          this.#askNext();
        else if (this.#asked < this.#order.length) this.#outrunAt = node;
        break;
      default:
        this.#rivals.answered(node, 'silent');
        this.#askNext();
    }
  }

  end(): void {
    this.#over = true;
    this.#cancelTimer();
  }

  #lookAround(): void {
    if (this.isOvertaken) this.#overtaken();
  }

  #askNext(): void {
    if (this.#over) return;
    const next = this.#order.slice(this.#asked, this.#asked + 1);
    this.#asked += next.length;
    if (next.length > 0) this.#ask(next);
  }

  #askRest(): void {
    if (this.#over || this.#asked === this.#order.length) return;
    const rest = this.#asked === 0 ? this.#order : this.#order.slice(this.#asked);
    this.#asked = this.#order.length;
    this.#outrunAt = undefined;
    this.#cancelTimer();
    if (this.#isArbitrated) this.#cancelTimer = this.#clock.after(this.#hedge, () => this.#lookAround());
    this.#ask(rest);
  }
}

function isUnsent(reply: GrantReply): boolean {
  return reply.kind === 'unreachable' && !reply.maybeExecuted;
}
