import { checkNames, number } from '../../bad-input.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { publishNode } from '../../tracing.ts';
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
  NodeCondition,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Unreachable,
} from '../lock-node.ts';
import { PendingReleases } from '../pending-releases.ts';
import { Listeners } from './listeners.ts';
import { type Fence, MemoryStore } from './memory-store.ts';
import { soon } from './turn.ts';

/** What the network does with one request: executed in order, or given up on. */
interface Request {
  execute(): void;
  giveUp(reply: Unreachable): void;
}

const FAILED = 'the node has failed';
const AN_HOUR = 3_600_000;
const STATES = { healthy: 'up', failed: 'down', hung: 'hung', closed: 'closed' } as const;
/** That a node hangs is not noticed by listening to it. */
const PUBLISHED = { healthy: 'up', failed: 'down', hung: 'up', closed: 'closed' } as const;

/** Options of {@link createMemoryNodes}. */
export interface MemoryNodeOptions {
  /** The source of time; give the `Redlock` the same one. @default the machine's monotonic clock */
  readonly clock?: Clock | undefined;
  /** How long a node keeps the fencing counter of a resource after its last lock, in whole ms from 1, or Infinity. @default 3600000 */
  readonly fenceRetention?: number | undefined;
}

/**
 * A node in this process's memory, with verbs for faults: for tests of code that takes locks. Several Redlocks
 * may share one, as several processes share a server; none of them closes it.
 */
export class MemoryNode implements LockNode {
  readonly name: string;
  readonly #clock: Clock;
  readonly #fenceRetention: number;
  readonly #store: MemoryStore;
  readonly #pending: PendingReleases;
  readonly #listeners = new Listeners();
  readonly #votingListeners = new Set<() => void>();
  readonly #requests: Request[] = [];
  #state: 'healthy' | 'failed' | 'hung' | 'closed' = 'healthy';
  #since: Date;

  constructor(name: string, clock: Clock = systemClock, fenceRetention: number = AN_HOUR) {
    this.name = name;
    this.#clock = clock;
    this.#since = new Date(clock.wallTime());
    this.#pending = new PendingReleases(clock);
    this.#fenceRetention = fenceRetention;
    this.#store = new MemoryStore(clock, (waiter, message, key) => this.#publish(waiter, message, key));
  }

  /** From now on requests are refused, as by a server that is down. What it holds, it keeps. */
  fail(): void {
    this.#become('failed');
  }

  /** From now on requests arrive and are not answered, as by a server that is stopped; `heal` executes them. */
  hang(): void {
    this.#become('hung');
  }

  /** All keys are gone, and the counters of fencing tokens, as after a restart without persistence. It votes all the same. */
  forget(): void {
    this.#store.forget();
    // As a restart cuts connections. Those who wait have lost their places.
    this.#tellAll('deaf');
    this.#tellAll('live');
  }

  /** Back to normal: what is owed, and what arrived while the node hung, is executed in order. */
  heal(): void {
    const wasHealthy = this.#state === 'healthy';
    this.#become('healthy');
    for (const { request } of this.#pending.list()) this.release(request, () => {});
    if (!wasHealthy) for (const listener of this.#votingListeners) listener();
  }

  /** The keys that stand on the node now; counters are not among them. */
  keys(): string[] {
    return this.#store.keys();
  }

  /** @internal */
  get condition(): NodeCondition {
    const why = this.#state === 'failed' ? { why: FAILED } : {};
    return { state: STATES[this.#state], since: this.#since, ...why };
  }

  firstContactUntil(): number {
    return Number.NEGATIVE_INFINITY;
  }

  grant(claim: GrantRequest, deliver: Deliver<GrantReply>): void {
    if (claim.waiter) this.#pending.stands(claim.waiter, claim.keys);
    this.#request<GrantReply>(() => {
      try {
        return this.#store.grant(claim, claim.ttl, this.#fence(claim.hint));
      } catch (error) {
        return replyTo(error as Error, false);
      }
    }, deliver);
  }

  confirm(confirmation: ConfirmRequest, deliver: Deliver<ConfirmReply>): void {
    const fence = { value: confirmation.fencingToken, retention: this.#fenceRetention };
    this.#request<ConfirmReply>(() => this.#store.confirm(confirmation, fence), deliver);
  }

  extend(claim: ExtendRequest, deliver: Deliver<ExtendReply>): void {
    this.#request<ExtendReply>(
      () => this.#store.extend(claim, claim.ttl, this.#fence(claim.fencingToken)),
      deliver,
    );
  }

  repair(claim: ExtendRequest, deliver: Deliver<RepairReply>): void {
    this.#request<RepairReply>(
      () => this.#store.repair(claim, claim.ttl, this.#fence(claim.fencingToken)),
      deliver,
    );
  }

  release(request: ReleaseRequest, deliver: Deliver<ReleaseReply>): void {
    const release = this.#pending.add(request);
    this.#request<ReleaseReply>(() => {
      this.#pending.settle(release);
      return this.#store.release(request);
    }, deliver);
  }

  openInbox(waiter: string, key: string, listener: InboxListener): () => void {
    this.#listeners.add(waiter, key, listener);
    soon(() => {
      if (this.#state === 'healthy' && this.#listeners.of(waiter, key).includes(listener)) listener.live();
    });
    return () => this.#listeners.delete(waiter, key, listener);
  }

  onVoting(listener: () => void): () => void {
    this.#votingListeners.add(listener);
    return () => this.#votingListeners.delete(listener);
  }

  revoke(request: RevokeRequest, deliver: Deliver<RevokeReply>): void {
    this.#request<RevokeReply>(() => this.#store.revoke(request), deliver);
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#request<InspectReply>(() => this.#store.inspect(key), deliver);
  }

  objection(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#execute();
    this.#become('closed');
  }

  #become(state: 'healthy' | 'failed' | 'hung' | 'closed'): void {
    const former = this.#state;
    if (former === 'closed') return;
    this.#state = state;
    if (former !== state) {
      this.#since = new Date(this.#clock.wallTime());
      this.#report(former);
    }
    if (state === 'healthy') {
      if (former !== 'healthy') this.#tellAll('live');
      this.#work();
    }
    // That a node hangs is not noticed by listening to it.
    if (state === 'failed' && former !== 'failed') this.#tellAll('deaf');
    if (state === 'closed') this.#listeners.clear();
    if (state === 'failed' || state === 'closed') {
      for (const request of this.#requests.splice(0)) request.giveUp(this.#unreachable(true));
    }
  }

  #report(former: keyof typeof STATES): void {
    const [state, previous] = [PUBLISHED[this.#state], PUBLISHED[former]];
    if (state === previous) return;
    publishNode({ node: this.name, state, previous, ...(state === 'down' ? { why: FAILED } : {}) });
  }

  #fence(value: number | undefined): Fence | undefined {
    return value === undefined ? undefined : { value, retention: this.#fenceRetention };
  }

  /** As a message that arrives by itself. Returns whether anybody listens. */
  #publish(waiter: string, message: 'turn' | 'next', key: string): boolean {
    if (this.#listeners.of(waiter, key).length === 0) return false;
    soon(() => {
      for (const listener of this.#listeners.of(waiter, key)) listener[message]();
    });
    return true;
  }

  /** Tells all listeners that messages arrive from now on, or none. */
  #tellAll(what: 'live' | 'deaf'): void {
    soon(() => {
      if (what === 'live' && this.#state !== 'healthy') return;
      for (const listener of this.#listeners.all()) listener[what]();
    });
  }

  #request<Reply>(execute: () => Reply, deliver: Deliver<Reply | Unreachable>): void {
    if (this.#state === 'failed' || this.#state === 'closed') {
      const refusal = this.#unreachable(false);
      soon(() => deliver(refusal));
      return;
    }
    this.#requests.push({ execute: () => deliver(execute()), giveUp: deliver });
    this.#work();
  }

  /** Answers are never there before a request has returned, as with a server. */
  #work(): void {
    soon(() => this.#execute());
  }

  #execute(): void {
    while (this.#state === 'healthy') {
      const request = this.#requests.shift();
      if (!request) return;
      request.execute();
    }
  }

  #unreachable(maybeExecuted: boolean): Unreachable {
    const cause = new Error(this.#state === 'closed' ? 'the node is closed' : FAILED);
    return { kind: 'unreachable', cause, maybeExecuted };
  }
}

/**
 * `n` independent nodes in memory, named `memory-1` to `memory-n`, each with `fail()`, `hang()`, `forget()` and
 * `heal()`.
 */
export function createMemoryNodes(n: number, options: MemoryNodeOptions = {}): MemoryNode[] {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`n must be a whole number from 1, not ${n}`);
  checkNames('options', options, ['clock', 'fenceRetention']);
  const { clock } = options;
  const fenceRetention = number('fenceRetention', options.fenceRetention, AN_HOUR, {
    min: 1,
    max: Number.POSITIVE_INFINITY,
    whole: true,
  });
  return Array.from(
    { length: n },
    (_, index) => new MemoryNode(`memory-${index + 1}`, clock, fenceRetention),
  );
}
