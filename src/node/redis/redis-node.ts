import { afterReading, type Cancel, type Clock } from '../../clock.ts';
import { quote } from '../../quote.ts';
import { type NodeEvent, publishNode } from '../../tracing.ts';
import { counterOf } from '../counter.ts';
import { replyTo } from '../failure.ts';
import type {
  ConfirmReply,
  ConfirmRequest,
  Deliver,
  ExtendReply,
  ExtendRequest,
  GrantReply,
  GrantRequest,
  InboxListener,
  InspectReply,
  LockNode,
  NoAnswer,
  NodeCondition,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Unreachable,
  Unusable,
} from '../lock-node.ts';
import type { Look, NodeFacts } from '../node-facts.ts';
import { Admissions } from './admissions.ts';
import type { ColdStart } from './cold-start.ts';
import { CommandQueue } from './command-queue.ts';
import type { Encoder } from './encode.ts';
import { Inboxes } from './inboxes.ts';
import { Misfits } from './misfits.ts';
import { Operation } from './operation.ts';
import { Pace } from './pace.ts';
import type { RestartGuard } from './quarantine.ts';
import type { RedisConnection } from './redis-connection.ts';
import { ReleaseRepeater } from './release-repeater.ts';
import { ServerCheck } from './server-check.ts';
import { ServerClocks } from './server-clocks.ts';
import { factsOf } from './server-facts.ts';
import type { Servers } from './servers.ts';

export interface RedisNodePlan {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly servers: Servers;
  readonly coldStart: ColdStart;
  readonly guard: RestartGuard;
  /** How long a server that may have forgotten locks does not vote, in ms. */
  readonly quarantine: number;
  /** How long to wait for somebody else who is admitting new servers, in ms. */
  readonly startPause: number;
  /** What all keys begin with. */
  readonly keyPrefix: string;
  /** Shared by the nodes of one Redlock. */
  readonly encoder: Encoder;
  /** See {@link AdmissionsPlan}. */
  readonly sampleKeys: readonly string[];
  /** How long the first contact may take, in ms. */
  readonly connectTimeout: number;
}

/**
 * What is known of the server. `connecting`: never heard of, requests wait. `up`: fit to hold locks, if it remembers them. `unusable`: must not
 * hold locks, gets releases only. `down`: requests are answered at once, nothing is sent. `closing`: only what is
 * owed is still sent.
 */
type Health =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'up' }
  | { readonly kind: 'unusable'; readonly reply: Unusable }
  | { readonly kind: 'down'; readonly cause: Error }
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed' };

/** How long until a server that was not fit to hold locks, or not ready, is looked at again, in ms. */
const NEXT_LOOK = 250;

/** The same while the nodes may be being started for the first time, in ms. */
const START_LOOK = 1_000;

const CLOSED = new Error('the connection is closed');
const CROWDED = new Error('too many operations are without an answer');

/** A lock node on a Redis server, or on a Redis Cluster that counts as one. */
export class RedisNode implements LockNode {
  readonly name: string;
  readonly #plan: RedisNodePlan;
  readonly #queue: CommandQueue;
  readonly #pending: ReleaseRepeater;
  /** How often the connection is made anew because it is read-only, and waiters are woken. */
  readonly #resets: Pace;
  readonly #wakeUps: Pace;
  readonly #misfits = new Misfits();
  readonly #admissions: Admissions;
  readonly #clocks: ServerClocks;
  readonly #check: ServerCheck;
  readonly #inboxes: Inboxes;
  #contactUntil = Number.NEGATIVE_INFINITY;
  #health: Health = { kind: 'connecting' };
  #connected = false;
  /** The last state that was reported, and since when it is so. */
  #reported: NodeEvent['previous'] = 'connecting';
  #since: Date;
  /** Grows with each introduction, so that the answer to an earlier one is known as stale. */
  #introduction = 0;
  #looking: Promise<void> | undefined;
  #cancelLook: Cancel = () => {};
  #cancelWakeUp: Cancel | undefined;
  #isVoting = false;
  readonly #votingListeners = new Set<() => void>();
  #closed: Promise<void> | undefined;
  #onIdle: () => void = () => {};

  constructor(plan: RedisNodePlan) {
    const { connection, clock, guard, quarantine, sampleKeys } = plan;
    this.name = connection.name;
    this.#plan = plan;
    this.#since = new Date(clock.wallTime());
    this.#resets = new Pace(clock);
    this.#wakeUps = new Pace(clock);
    this.#admissions = new Admissions({ guard, quarantine, clock, sampleKeys });
    this.#clocks = new ServerClocks({
      connection,
      clock,
      permits: (master) => this.#admissions.permits(master),
    });
    this.#queue = new CommandQueue({
      connection,
      admissions: this.#admissions,
      clocks: this.#clocks,
      clock,
      keyPrefix: plan.keyPrefix,
      encoder: plan.encoder,
      awaited: () => plan.coldStart.awaited,
      look: () => this.#lookAgain(),
      replyTo: (error, maybeExecuted, key) => this.#replyTo(error, maybeExecuted, key),
      voted: (key) => this.#misfits.voted(key),
      votes: () => this.#wake(),
      readonly: (error) => this.#demoted(error),
      idle: () => this.#onIdle(),
    });
    this.#pending = new ReleaseRepeater({
      clock,
      isOpen: () => this.#queue.isOpen,
      send: (operation) => this.#request(operation),
    });
    this.#check = new ServerCheck({
      connection,
      servers: plan.servers,
      admissions: this.#admissions,
      clocks: this.#clocks,
      coldStart: plan.coldStart,
      quarantine,
      onAdmitted: () => this.#wake(),
    });
    this.#inboxes = new Inboxes({ connection, clock });
  }

  /** Connects; called once. */
  start(): void {
    const { connection, clock, connectTimeout } = this.#plan;
    this.#contactUntil = clock.now() + connectTimeout;
    this.#cancelLook = afterReading(clock, connectTimeout, () => this.#giveUpFirstContact(), 'background');
    connection.open({
      up: () => this.#up(),
      parted: () => this.#admissions.parted(),
      down: (cause) => this.#down(cause),
    });
  }

  get reorders(): boolean {
    return this.#plan.connection.reorders;
  }

  /** @internal */
  get condition(): NodeCondition {
    const { refusal } = this.#inboxes;
    const { roundTrip } = this.#queue;
    const { awaited } = this.#plan.coldStart;
    const now = this.#judgement();
    const mayBeNew = now.state === 'quarantined' && this.#check.isBlank && awaited?.length;
    return {
      ...now,
      ...(now.state === this.#reported ? { since: this.#since } : {}),
      ...(mayBeNew ? { awaiting: awaited } : {}),
      ...(roundTrip === undefined ? {} : { roundTrip }),
      ...(refusal !== undefined && this.#health.kind === 'up' ? { polling: refusal } : {}),
    };
  }

  #judgement(): Pick<NodeCondition, 'why' | 'isPermanent' | 'until'> & { state: NodeEvent['previous'] } {
    const health = this.#health;
    switch (health.kind) {
      case 'up': {
        const { quarantinedUntil } = this.#check;
        if (quarantinedUntil === Number.NEGATIVE_INFINITY) return { state: 'up' };
        const { clock } = this.#plan;
        return { state: 'quarantined', until: new Date(clock.wallTime() + quarantinedUntil - clock.now()) };
      }
      case 'unusable':
        return {
          state: 'unusable',
          why: health.reply.why,
          ...(health.reply.isPermanent ? { isPermanent: true } : {}),
        };
      case 'down':
        return { state: 'down', why: health.cause.message };
      case 'connecting':
        return { state: 'connecting' };
      case 'closing':
      case 'closed':
        return { state: 'closed' };
    }
  }

  /** Notes and publishes the state of the node, if it has changed. */
  #report(): void {
    const { state, why, until } = this.#judgement();
    const previous = this.#reported;
    if (state === previous) return;
    this.#reported = state;
    this.#since = new Date(this.#plan.clock.wallTime());
    if (state === 'connecting') return;
    publishNode({
      node: this.name,
      state,
      previous,
      ...(why === undefined ? {} : { why }),
      ...(until ? { until } : {}),
    });
  }

  /** @internal */
  async examine(what: Look): Promise<NodeFacts> {
    const { connection, clock, keyPrefix } = this.#plan;
    const { isSharded, reorders } = connection;
    const plan = { clock, clocks: this.#clocks, keyPrefix, isSharded };
    return {
      bySentinel: connection.bySentinel === true,
      servers: await Promise.all(
        connection.masters().map((master) => factsOf(master, reorders ? master.name : this.name, what, plan)),
      ),
    };
  }

  firstContactUntil(): number {
    return this.#health.kind === 'connecting' ? this.#contactUntil : Number.NEGATIVE_INFINITY;
  }

  grant(claim: GrantRequest, deliver: Deliver<GrantReply>): void {
    if (claim.waiter) this.#pending.stands(claim.waiter, claim.keys);
    this.#request(Operation.of('grant', claim, claim.hint, deliver));
  }

  confirm(confirmation: ConfirmRequest, deliver: Deliver<ConfirmReply>): void {
    this.#request(Operation.of('confirm', confirmation, confirmation.fencingToken, deliver));
  }

  extend(claim: ExtendRequest, deliver: Deliver<ExtendReply>): void {
    this.#request(Operation.of('extend', claim, claim.fencingToken, deliver));
  }

  repair(claim: ExtendRequest, deliver: Deliver<RepairReply>): void {
    this.#request(Operation.of('repair', claim, claim.fencingToken, deliver));
  }

  release(request: ReleaseRequest, deliver: Deliver<ReleaseReply>): void {
    this.#request(this.#pending.begin(request, deliver));
  }

  openInbox(waiter: string, key: string, listener: InboxListener): () => void {
    return this.#inboxes.open(waiter, key, listener);
  }

  onVoting(listener: () => void): () => void {
    this.#votingListeners.add(listener);
    return () => this.#votingListeners.delete(listener);
  }

  revoke(request: RevokeRequest, deliver: Deliver<RevokeReply>): void {
    this.#request(Operation.of('revoke', request, undefined, deliver));
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#request(Operation.of('inspect', { keys: [key], ownerToken: '' }, undefined, deliver));
  }

  objection(keys: readonly string[]): string | undefined {
    const { connection } = this.#plan;
    if (!connection.isSharded) return undefined;
    const [first = '', ...others] = keys;
    const alone = keys.find((key) => connection.slotOf(counterOf(key)) !== connection.slotOf(key));
    if (alone !== undefined)
      return `on a Redis Cluster no other key can share the hash slot of ${quote(alone)}, as its fencing counter must; its braces make no {hash tag}`;
    const stray = others.find((key) => connection.slotOf(key) !== connection.slotOf(first));
    if (stray === undefined) return undefined;
    return (
      'all keys of one lock need the same hash slot on a Redis Cluster; ' +
      `give ${quote(first)} and ${quote(stray)} a common {hash tag}`
    );
  }

  close(patience: number): Promise<void> {
    this.#closed ??= this.#close(patience);
    return this.#closed;
  }

  async #close(patience: number): Promise<void> {
    const { clock, connection } = this.#plan;
    this.#cancelLook();
    this.#inboxes.close();
    const isConnecting = this.#health.kind === 'connecting';
    this.#health = { kind: 'closing' };
    if (isConnecting) this.#fail(CLOSED);
    this.#stopWaking();
    if (this.#queue.isOpen) this.#pending.repeatNow();
    await new Promise<void>((resolve) => {
      const cancelTimer = clock.after(patience, resolve);
      this.#onIdle = () => {
        if (!this.#pending.none || !this.#queue.idle) return;
        cancelTimer();
        resolve();
      };
      this.#onIdle();
    });
    this.#health = { kind: 'closed' };
    this.#report();
    connection.close();
    this.#pending.stop();
    this.#queue.shut(replyTo(CLOSED, false));
  }

  #request(request: Operation): void {
    const refusal = this.#refusal(request);
    // In the next turn of the event loop: a caller that tries again and again while nodes are down must not
    // keep it from reading, and so from learning that they are back.
    if (refusal) setImmediate(() => request.deliver(refusal));
    else this.#queue.add(request);
  }

  /** Why a request is answered at once, if so. A release goes to every server that may hear it. */
  #refusal({ verb }: Operation): NoAnswer | undefined {
    const health = this.#health;
    switch (health.kind) {
      case 'connecting':
        return undefined;
      case 'up':
        return verb === 'grant' && this.#queue.crowded ? replyTo(CROWDED, false) : undefined;
      case 'unusable':
        return verb === 'release' && this.#queue.isOpen ? undefined : health.reply;
      case 'down':
        return replyTo(health.cause, false);
      case 'closing':
        return verb === 'release' && this.#queue.isOpen ? undefined : replyTo(CLOSED, false);
      case 'closed':
        return replyTo(CLOSED, false);
    }
  }

  #up(): void {
    this.#connected = true;
    // Another master of a Cluster, or a new socket in place of an idle one: what is owed goes before anything newer.
    if (this.#queue.isOpen) for (const each of this.#pending.failed()) this.#queue.add(each);
    void this.#introduce();
  }

  #down(cause: Error): void {
    this.#connected = false;
    this.#fail(cause);
    this.#onIdle();
  }

  /** From now on requests are answered at once with `cause`, those that wait included. */
  #fail(cause: Error): void {
    this.#cancelLook();
    this.#pending.stop();
    this.#stopWaking();
    this.#isVoting = false;
    this.#check.failed();
    const reply = this.#replyTo(cause, false);
    if (!this.#closing) {
      this.#health = reply.kind === 'unusable' ? { kind: 'unusable', reply } : { kind: 'down', cause };
    }
    this.#queue.shut(reply);
    this.#report();
  }

  /** A refusal counts as the result of a check. */
  #replyTo(error: Error, maybeExecuted: boolean, key?: string): Unreachable | Unusable {
    const reply = replyTo(error, maybeExecuted);
    return reply.kind === 'unusable' ? this.#misfits.found(reply, this.#plan.clock.now(), key) : reply;
  }

  /** Wakes waiters: the node has begun to vote, or one of its masters has. */
  #wake(): void {
    this.#report();
    if (this.#wakeUps.take()) {
      for (const listener of this.#votingListeners) listener();
      return;
    }
    this.#cancelWakeUp ??= this.#plan.clock.after(
      this.#wakeUps.wait,
      () => {
        this.#stopWaking();
        this.#wake();
      },
      'background',
    );
  }

  #stopWaking(): void {
    this.#cancelWakeUp?.();
    this.#cancelWakeUp = undefined;
  }

  /** A new connection may lead to the new master. */
  #demoted(error: Error): void {
    if (this.#resets.take()) this.#plan.connection.reset(error);
  }

  get #closing(): boolean {
    return this.#health.kind === 'closing' || this.#health.kind === 'closed';
  }

  #giveUpFirstContact(): void {
    if (this.#health.kind !== 'connecting') return;
    const { connection, connectTimeout } = this.#plan;
    const cause = new Error(`no contact within ${connectTimeout} ms${connection.stage ?? ''}`);
    this.#fail(cause);
    connection.reset(cause);
  }

  /** The server is checked before anything is asked of it. */
  async #introduce(): Promise<void> {
    const introduction = ++this.#introduction;
    const current = (): boolean =>
      this.#connected && introduction === this.#introduction && this.#health.kind !== 'closed';
    try {
      const why = await this.#check.look();
      if (!why && current()) await this.#settle(current);
      if (current()) this.#admit(why);
    } catch (error) {
      if (current()) this.#fail(error as Error);
    }
    if (current() && this.#health.kind !== 'up' && !this.#closing) {
      this.#cancelLook = this.#plan.clock.after(NEXT_LOOK, () => void this.#introduce(), 'background');
    }
  }

  /** While the server is up: whether it remembers is not known any more, or may have changed. */
  #lookAgain(): Promise<void> {
    this.#looking ??= this.#introduce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** A node that nobody has admitted may be new, as all others. */
  async #settle(current: () => boolean): Promise<void> {
    const { clock, coldStart, startPause } = this.#plan;
    if (this.#check.votes) return;
    this.#cancelLook();
    await coldStart.settled();
    if (this.#check.votes || !coldStart.isUnderWay || !current()) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(startPause, resolve, 'background');
      this.#cancelLook = () => {
        cancel();
        resolve();
      };
    });
    if (current() && !this.#closing) await this.#check.look();
  }

  #admit(why: Unusable | undefined): void {
    this.#cancelLook();
    const wasOpen = this.#queue.isOpen;
    const reply = why && this.#misfits.found(why, this.#plan.clock.now());
    if (reply) this.#queue.shut(reply);
    // A replica may have been the master a moment ago, and another server may be at its address now.
    if (why && !why.isPermanent) this.#demoted(new Error(why.why));
    if (!this.#closing) this.#health = reply ? { kind: 'unusable', reply } : { kind: 'up' };
    // What is owed goes before anything newer, also to a server that gets no grants. Without a break, that is what it has
    // refused, or another master of the same Cluster has lost.
    this.#queue.open(wasOpen ? this.#pending.failed() : this.#pending.owed());
    // What waited as the server was found unfit was refused before it was sent.
    if (reply && !this.#pending.none) this.#pending.repeatLater();
    const wasVoting = this.#isVoting;
    this.#isVoting = !why && !this.#closing && this.#check.votes;
    this.#report();
    if (why || this.#closing) return;
    this.#misfits.none();
    if (!this.#isVoting) this.#awaitQuarantine();
    else if (!wasVoting) this.#wake();
  }

  #awaitQuarantine(): void {
    const { clock, coldStart } = this.#plan;
    const quarantine = Math.max(NEXT_LOOK, this.#check.quarantinedUntil - clock.now());
    // All nodes may be new, and only some of them there yet.
    const left = coldStart.isPossible ? Math.min(quarantine, START_LOOK) : quarantine;
    this.#cancelLook = clock.after(left, () => void this.#lookAgain(), 'background');
  }
}
