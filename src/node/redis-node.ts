import type { RedisConnection } from '../client/redis-connection.ts';
import { afterReading, type Cancel, type Clock } from '../clock.ts';
import { type Debt, Debts } from './debts.ts';
import { isRefusal, replyTo } from './failure.ts';
import type {
  Claim,
  Deliver,
  ExtendReply,
  GrantReply,
  Holding,
  InspectReply,
  LockNode,
  NoAnswer,
  ReleaseReply,
} from './lock-node.ts';
import { type Operation, operation } from './operation.ts';
import { Outbox } from './outbox.ts';
import { OPERATIONS } from './scripts/operations.ts';
import type { Servers } from './servers.ts';
import { Watchdog } from './watchdog.ts';

export interface RedisNodePlan {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly servers: Servers;
  /** How long the first contact may take, in ms. */
  readonly connectTimeout: number;
  /** After how many ms without an answer the server is suspect, and its connection cut. */
  readonly patience: number;
}

/**
 * What is known of the server. `connecting`: never heard of, requests wait. `up`: admitted. `unusable`: must not
 * hold locks, gets releases only. `down`: requests are answered at once, nothing is sent. `closing`: only what is
 * owed is still sent.
 */
type Health =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'up' }
  | { readonly kind: 'unusable'; readonly why: string }
  | { readonly kind: 'down'; readonly cause: Error }
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed' };

/** How long until a server that was not fit to hold locks, or not ready, is looked at again, in ms. */
const NEXT_LOOK = 250;

const CLOSED = new Error('the connection is closed');
const CROWDED = new Error('too many operations are without an answer');

/** A lock node on a Redis server, or on a Redis Cluster that counts as one. */
export class RedisNode implements LockNode {
  readonly name: string;
  readonly #plan: RedisNodePlan;
  readonly #watchdog: Watchdog;
  readonly #outbox: Outbox;
  readonly #debts = new Debts();
  readonly #contactUntil: number;
  #health: Health = { kind: 'connecting' };
  #connected = false;
  /** Grows with each introduction, so that the answer to an earlier one is known as stale. */
  #introduction = 0;
  #cancelLook: Cancel;
  #cancelRepay: Cancel | undefined;
  #closed: Promise<void> | undefined;
  #onIdle: () => void = () => {};

  constructor(plan: RedisNodePlan) {
    const { connection, clock, connectTimeout, patience } = plan;
    this.name = connection.name;
    this.#plan = plan;
    this.#watchdog = new Watchdog(clock, patience, () =>
      connection.reset(new Error(`no answer for ${patience} ms`)),
    );
    this.#outbox = new Outbox(connection, this.#watchdog, {
      // The server was demoted: a new connection may lead to the new master.
      readonly: (error) => connection.reset(error),
      idle: () => this.#onIdle(),
    });
    this.#contactUntil = clock.now() + connectTimeout;
    this.#cancelLook = afterReading(clock, connectTimeout, () => this.#giveUpFirstContact(), 'background');
    connection.open({ up: () => this.#up(), down: (cause) => this.#down(cause) });
  }

  get reorders(): boolean {
    return this.#plan.connection.reorders;
  }

  firstContactUntil(): number {
    return this.#health.kind === 'connecting' ? this.#contactUntil : Number.NEGATIVE_INFINITY;
  }

  grant(claim: Claim, deliver: Deliver<GrantReply>): void {
    this.#request(operation('grant', claim, deliver));
  }

  extend(claim: Claim, deliver: Deliver<ExtendReply>): void {
    this.#request(operation('extend', claim, deliver));
  }

  release(holding: Holding, deliver: Deliver<ReleaseReply>): void {
    this.#request(this.#settling(this.#debts.owe(holding), deliver));
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#request(operation('inspect', { keys: [key], ownerToken: '' }, deliver));
  }

  objection(keys: readonly string[]): string | undefined {
    const [first = '', ...others] = keys;
    const { connection } = this.#plan;
    const astray = keys.find((key) => connection.slotOf(key) === undefined);
    if (astray !== undefined)
      return `the braces in ${JSON.stringify(astray)} are read differently by client and servers of a Redis Cluster`;
    const stray = others.find((key) => connection.slotOf(key) !== connection.slotOf(first));
    if (stray === undefined) return undefined;
    return (
      'all keys of one lock need the same hash slot on a Redis Cluster; ' +
      `give ${JSON.stringify(first)} and ${JSON.stringify(stray)} a common {hash tag}`
    );
  }

  close(patience: number): Promise<void> {
    this.#closed ??= this.#close(patience);
    return this.#closed;
  }

  async #close(patience: number): Promise<void> {
    const { clock, connection } = this.#plan;
    this.#cancelLook();
    if (this.#health.kind === 'connecting') this.#fail(CLOSED);
    this.#health = { kind: 'closing' };
    await new Promise<void>((resolve) => {
      const cancelTimer = clock.after(patience, resolve);
      this.#onIdle = () => {
        if (!this.#debts.none || !this.#outbox.idle) return;
        cancelTimer();
        resolve();
      };
      this.#onIdle();
    });
    this.#health = { kind: 'closed' };
    connection.close();
    this.#stopRepaying();
    this.#watchdog.forget();
    this.#outbox.shut(replyTo(CLOSED, false));
  }

  #settling(debt: Debt, deliver: Deliver<ReleaseReply>): Operation {
    return operation<ReleaseReply>('release', debt.holding, (reply) => {
      if (reply.kind === 'released' || reply.kind === 'absent') this.#debts.settle(debt);
      else if (this.#health.kind === 'up' || this.#health.kind === 'closing') this.#repay();
      deliver(reply);
    });
  }

  /** Repeats what a server that is up has answered with an error (BUSY, MISCONF). */
  #repay(): void {
    this.#cancelRepay ??= this.#plan.clock.after(
      NEXT_LOOK,
      () => {
        this.#cancelRepay = undefined;
        for (const debt of this.#debts.list()) this.#request(this.#settling(debt, () => {}));
      },
      'background',
    );
  }

  #request(request: Operation): void {
    const refusal = this.#refusal(request);
    // In the next turn of the event loop: a caller that tries again and again while nodes are down must not
    // keep it from reading, and so from learning that they are back.
    if (refusal) setImmediate(() => request.deliver(refusal));
    else this.#outbox.add(request);
  }

  /** Why a request is answered at once, if so. A release goes to every server that may hear it. */
  #refusal({ verb }: Operation): NoAnswer | undefined {
    const health = this.#health;
    switch (health.kind) {
      case 'connecting':
        return undefined;
      case 'up':
        return verb === 'grant' && this.#outbox.crowded ? replyTo(CROWDED, false) : undefined;
      case 'unusable':
        return verb === 'release' && this.#outbox.isOpen ? undefined : { kind: 'unusable', why: health.why };
      case 'down':
        return replyTo(health.cause, false);
      case 'closing':
        return verb === 'release' && this.#outbox.isOpen ? undefined : replyTo(CLOSED, false);
      case 'closed':
        return replyTo(CLOSED, false);
    }
  }

  #up(): void {
    this.#connected = true;
    void this.#introduce();
  }

  #down(cause: Error): void {
    this.#connected = false;
    this.#watchdog.forget();
    this.#fail(cause);
    this.#onIdle();
  }

  /** From now on requests are answered at once with `cause`, those that wait included. */
  #fail(cause: Error): void {
    this.#cancelLook();
    this.#stopRepaying();
    if (!this.#closing) {
      this.#health = isRefusal(cause) ? { kind: 'unusable', why: cause.message } : { kind: 'down', cause };
    }
    this.#outbox.shut(replyTo(cause, false));
  }

  #stopRepaying(): void {
    this.#cancelRepay?.();
    this.#cancelRepay = undefined;
  }

  get #closing(): boolean {
    return this.#health.kind === 'closing' || this.#health.kind === 'closed';
  }

  #giveUpFirstContact(): void {
    if (this.#health.kind !== 'connecting') return;
    const cause = new Error(`no contact within ${this.#plan.connectTimeout} ms`);
    this.#fail(cause);
    this.#plan.connection.reset(cause);
  }

  /** Looks at the server before anything is asked of it: who it is, and whether it is fit to hold locks. */
  async #introduce(): Promise<void> {
    const { connection, servers } = this.#plan;
    const introduction = ++this.#introduction;
    const answered = this.#watchdog.sent();
    const current = (): boolean =>
      this.#connected && introduction === this.#introduction && this.#health.kind !== 'closed';
    try {
      const why = servers.examine(this.name, await connection.info());
      if (!why) await connection.load(OPERATIONS);
      if (current()) this.#admit(why);
    } catch (error) {
      if (current()) this.#fail(error as Error);
    } finally {
      answered();
    }
    if (current() && this.#health.kind !== 'up' && !this.#closing) {
      this.#cancelLook = this.#plan.clock.after(NEXT_LOOK, () => void this.#introduce(), 'background');
    }
  }

  #admit(why: string | undefined): void {
    this.#cancelLook();
    if (why) this.#outbox.shut({ kind: 'unusable', why });
    if (!this.#closing) this.#health = why ? { kind: 'unusable', why } : { kind: 'up' };
    // What is owed goes before anything newer, also to a server that gets no grants.
    this.#outbox.open(this.#debts.list().map((debt) => this.#settling(debt, () => {})));
  }
}
