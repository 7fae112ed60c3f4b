import { type Clock, systemClock } from '../clock.ts';
import { Debts } from './debts.ts';
import { replyTo } from './failure.ts';
import type {
  Confirmation,
  ConfirmReply,
  Deliver,
  ExtendClaim,
  ExtendReply,
  GrantClaim,
  GrantReply,
  Holding,
  InspectReply,
  LockNode,
  ReleaseReply,
  Unreachable,
} from './lock-node.ts';
import { type Fence, MemoryStore } from './memory-store.ts';

/** What the network does with one request: executed in order, or given up on. */
interface Request {
  execute(): void;
  giveUp(reply: Unreachable): void;
}

/** For how long a counter is kept after its last lock, in ms. */
const FENCE_RETENTION = 3_600_000;

function fenceOf(value: number | undefined): Fence | undefined {
  return value === undefined ? undefined : { value, retention: FENCE_RETENTION };
}

/**
 * A node in this process's memory, with verbs for faults: for tests of code that takes locks. Several Redlocks
 * may share one, as several processes share a server; none of them closes it.
 */
export class MemoryNode implements LockNode {
  readonly name: string;
  readonly #store: MemoryStore;
  readonly #debts = new Debts();
  readonly #inbox: Request[] = [];
  #state: 'healthy' | 'failed' | 'hung' | 'closed' = 'healthy';

  constructor(name: string, clock: Clock = systemClock) {
    this.name = name;
    this.#store = new MemoryStore(clock);
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
  }

  /** Back to normal: what is owed, and what arrived while the node hung, is executed in order. */
  heal(): void {
    this.#become('healthy');
    for (const { holding } of this.#debts.list()) this.release(holding, () => {});
  }

  /** The keys that stand on the node now; counters are not among them. */
  keys(): string[] {
    return this.#store.keys();
  }

  firstContactUntil(): number {
    return Number.NEGATIVE_INFINITY;
  }

  grant(claim: GrantClaim, deliver: Deliver<GrantReply>): void {
    this.#request<GrantReply>(() => {
      try {
        return this.#store.grant(claim, claim.ttl, fenceOf(claim.hint));
      } catch (error) {
        return replyTo(error as Error, false);
      }
    }, deliver);
  }

  confirm(confirmation: Confirmation, deliver: Deliver<ConfirmReply>): void {
    const fence = { value: confirmation.fencingToken, retention: FENCE_RETENTION };
    this.#request<ConfirmReply>(() => this.#store.confirm(confirmation, fence), deliver);
  }

  extend(claim: ExtendClaim, deliver: Deliver<ExtendReply>): void {
    this.#request<ExtendReply>(
      () => this.#store.extend(claim, claim.ttl, fenceOf(claim.fencingToken)),
      deliver,
    );
  }

  release(holding: Holding, deliver: Deliver<ReleaseReply>): void {
    const debt = this.#debts.owe(holding);
    this.#request<ReleaseReply>(() => {
      this.#debts.settle(debt);
      return this.#store.release(holding);
    }, deliver);
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
    if (this.#state === 'closed') return;
    this.#state = state;
    if (state === 'healthy') this.#work();
    if (state === 'failed' || state === 'closed') {
      for (const request of this.#inbox.splice(0)) request.giveUp(this.#unreachable(true));
    }
  }

  #request<Reply>(execute: () => Reply, deliver: Deliver<Reply | Unreachable>): void {
    if (this.#state === 'failed' || this.#state === 'closed') {
      deliver(this.#unreachable(false));
      return;
    }
    this.#inbox.push({ execute: () => deliver(execute()), giveUp: deliver });
    this.#work();
  }

  /** Answers are never there before a request has returned, as with a server. */
  #work(): void {
    queueMicrotask(() => this.#execute());
  }

  #execute(): void {
    while (this.#state === 'healthy') {
      const request = this.#inbox.shift();
      if (!request) return;
      request.execute();
    }
  }

  #unreachable(maybeExecuted: boolean): Unreachable {
    const cause = new Error(this.#state === 'closed' ? 'the node is closed' : 'the node has failed');
    return { kind: 'unreachable', cause, maybeExecuted };
  }
}

/**
 * `n` independent nodes in memory, named `memory-1` to `memory-n`, each with `fail()`, `hang()`, `forget()` and
 * `heal()`. Give `clock` to run them on the same injected time as the Redlock.
 */
export function createMemoryNodes(n: number, options: { clock?: Clock } = {}): MemoryNode[] {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`n must be a whole number from 1, not ${n}`);
  return Array.from({ length: n }, (_, index) => new MemoryNode(`memory-${index + 1}`, options.clock));
}
