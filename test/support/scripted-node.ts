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
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Unreachable,
  Waiter,
} from '../../src/node/lock-node.ts';
import type { Reply } from '../../src/node/redis/operation.ts';

type Verb = 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'revoke' | 'inspect';

export interface ScriptedRequest {
  readonly verb: Verb;
  readonly keys: readonly string[];
  readonly ownerToken: string;
  readonly ttl: number;
  /** Of a grant. */
  readonly hint?: number | undefined;
  /** Of a confirmation or an extension. */
  readonly fencingToken?: number | undefined;
  /** Of a release. */
  readonly afterwards?: ReleaseRequest['afterwards'];
  /** Of a grant or a release. */
  readonly waiter?: Waiter | undefined;
  readonly reservation?: number | undefined;
  readonly wanted: () => boolean;
  readonly deliver: (reply: Reply) => void;
}

export interface OpenInbox {
  readonly waiter: string;
  readonly key: string;
  readonly listener: InboxListener;
}

const always = (): boolean => true;

/** A node that records what it is asked, and answers when and what the test says. */
export class ScriptedNode implements LockNode {
  readonly name: string;
  /** All requests so far, in order. */
  readonly requests: ScriptedRequest[] = [];
  /** Answers that are given at once, before the request returns; requests of other verbs stay open. */
  readonly atOnce: Partial<Record<Verb, Reply>>;
  reorders = false;
  contactUntil: number = Number.NEGATIVE_INFINITY;
  objects: string | undefined;
  closedWith: number | undefined;
  /** The inboxes that are open; see {@link ScriptedNode.tell}. */
  readonly inboxes: Set<OpenInbox> = new Set();
  /** Whether an inbox is live by itself, in a microtask after it was opened. */
  isHeard = false;
  readonly #votingListeners = new Set<() => void>();

  constructor(name: string, atOnce: Partial<Record<Verb, Reply>> = {}) {
    this.name = name;
    this.atOnce = atOnce;
  }

  of(verb: Verb): ScriptedRequest[] {
    return this.requests.filter((request) => request.verb === verb);
  }

  /**
   * Answers the last request that extends the lock. A node that says `repaired` to one that sets nothing has said `missing`
   * first, and was sent a repair.
   */
  answerExtension(reply: ExtendReply | RepairReply): void {
    const last = this.requests.findLast(({ verb }) => verb === 'extend' || verb === 'repair');
    if (last?.verb === 'extend' && reply.kind === 'repaired') {
      last.deliver({ kind: 'missing' });
      this.answerExtension(reply);
    } else {
      last?.deliver(reply);
    }
  }

  /** Answers the request of that number, the latest by default. */
  answer(reply: Reply, index: number = this.requests.length - 1): void {
    const request = this.requests[index];
    if (!request) throw new Error(`${this.name} has no request ${index}`);
    request.deliver(reply);
  }

  firstContactUntil(): number {
    return this.contactUntil;
  }

  grant(claim: GrantRequest, deliver: Deliver<GrantReply>): void {
    this.#record({ verb: 'grant', ...claim, deliver: deliver as Deliver<Reply> });
  }

  confirm(confirmation: ConfirmRequest, deliver: Deliver<ConfirmReply>): void {
    this.#record({
      verb: 'confirm',
      ...confirmation,
      ttl: 0,
      deliver: deliver as Deliver<Reply>,
    });
  }

  extend(claim: ExtendRequest, deliver: Deliver<ExtendReply>): void {
    this.#record({ verb: 'extend', ...claim, deliver: deliver as Deliver<Reply> });
  }

  repair(claim: ExtendRequest, deliver: Deliver<RepairReply>): void {
    this.#record({ verb: 'repair', ...claim, deliver: deliver as Deliver<Reply> });
  }

  release(request: ReleaseRequest, deliver: Deliver<ReleaseReply>): void {
    this.#record({
      verb: 'release',
      ...request,
      ttl: 0,
      wanted: always,
      deliver: deliver as Deliver<Reply>,
    });
  }

  revoke(request: RevokeRequest, deliver: Deliver<RevokeReply>): void {
    this.#record({ verb: 'revoke', ...request, deliver: deliver as Deliver<Reply> });
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#record({
      verb: 'inspect',
      keys: [key],
      ownerToken: '',
      ttl: 0,
      wanted: always,
      deliver: deliver as Deliver<Reply>,
    });
  }

  openInbox(waiter: string, key: string, listener: InboxListener): () => void {
    const inbox = { waiter, key, listener };
    this.inboxes.add(inbox);
    queueMicrotask(() => {
      if (this.isHeard && this.inboxes.has(inbox)) listener.live();
    });
    return () => this.inboxes.delete(inbox);
  }

  /** Tells the listeners of a key, or all. */
  tell(what: keyof InboxListener, key?: string): void {
    const told = [...this.inboxes].filter((inbox) => key === undefined || inbox.key === key);
    for (const { listener } of told) listener[what]();
  }

  onVoting(listener: () => void): () => void {
    this.#votingListeners.add(listener);
    return () => this.#votingListeners.delete(listener);
  }

  /** The node tells that it has begun to vote. */
  begins(): void {
    for (const listener of this.#votingListeners) listener();
  }

  objection(): string | undefined {
    return this.objects;
  }

  async close(patience: number): Promise<void> {
    this.closedWith = patience;
  }

  #record(request: ScriptedRequest): void {
    this.requests.push(request);
    const reply = this.atOnce[request.verb];
    if (reply) request.deliver(reply);
  }
}

/** Nodes named a, b, c … */
export function scriptedNodes(n: number, atOnce: Partial<Record<Verb, Reply>> = {}): ScriptedNode[] {
  return Array.from(
    { length: n },
    (_, index) => new ScriptedNode(String.fromCharCode(97 + index), { ...atOnce }),
  );
}

/** The reply of a node that cannot be reached; `maybeExecuted` for one that was asked and went silent. */
export function unreachable(maybeExecuted = false, message = 'down'): Unreachable {
  return { kind: 'unreachable', cause: new Error(message), maybeExecuted };
}
