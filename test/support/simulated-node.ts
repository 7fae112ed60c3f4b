import type { Scheduler } from 'fast-check';
import type {
  ConfirmReply,
  ConfirmRequest,
  Deliver,
  ExtendReply,
  ExtendRequest,
  GrantReply,
  GrantRequest,
  InspectReply,
  LockNode,
  OwnedKeys,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Unreachable,
} from '../../src/node/lock-node.ts';
import { type Fence, MemoryStore } from '../../src/node/memory/memory-store.ts';
import { ManualClock } from './manual-clock.ts';
import { unreachable } from './scripted-node.ts';

/** What becomes of a request; a release is repeated until it is answered. */
export type Fate = 'answered' | 'request lost' | 'reply lost';

function fenceOf(value: number | undefined): Fence | undefined {
  return value === undefined ? undefined : { value, retention: 1 };
}

/**
 * A node whose messages take as long as the scheduler says, in order in each direction, and get lost as the
 * fates say. No time passes on it, so that it never forgets a key by itself.
 */
export class SimulatedNode implements LockNode {
  readonly name: string;
  readonly store: MemoryStore = new MemoryStore(new ManualClock());
  /** Calls for what the node has executed, as `verb token`. */
  readonly executed: string[] = [];
  readonly #schedule: (what: string) => Promise<void>;
  readonly #fates: Iterator<Fate>;
  readonly #inbound: (() => void)[] = [];
  readonly #outbound: (() => void)[] = [];

  constructor(name: string, scheduler: Scheduler, fates: Iterator<Fate>) {
    this.name = name;
    this.#schedule = (what) => scheduler.schedule(Promise.resolve(), `${name} ${what}`);
    this.#fates = fates;
  }

  holds(ownerToken: string): boolean {
    const reply = this.store.inspect('k');
    return reply.kind === 'held' && reply.ownerToken === ownerToken;
  }

  firstContactUntil(): number {
    return Number.NEGATIVE_INFINITY;
  }

  grant(claim: GrantRequest, deliver: Deliver<GrantReply>): void {
    const fence = fenceOf(claim.hint);
    this.#request<GrantReply>('grant', claim, () => this.store.grant(claim, claim.ttl, fence), deliver);
  }

  confirm(confirmation: ConfirmRequest, deliver: Deliver<ConfirmReply>): void {
    const fence = { value: confirmation.fencingToken, retention: 1 };
    this.#request<ConfirmReply>(
      'confirm',
      confirmation,
      () => this.store.confirm(confirmation, fence),
      deliver,
    );
  }

  extend(claim: ExtendRequest, deliver: Deliver<ExtendReply>): void {
    const fence = fenceOf(claim.fencingToken);
    this.#request<ExtendReply>('extend', claim, () => this.store.extend(claim, claim.ttl, fence), deliver);
  }

  repair(claim: ExtendRequest, deliver: Deliver<RepairReply>): void {
    const fence = fenceOf(claim.fencingToken);
    this.#request<RepairReply>('repair', claim, () => this.store.repair(claim, claim.ttl, fence), deliver);
  }

  release(request: ReleaseRequest, deliver: Deliver<ReleaseReply>): void {
    this.#send(() => {
      const reply = this.#execute('release', request, () => this.store.release(request));
      this.#reply(() => deliver(reply));
    });
  }

  revoke(request: RevokeRequest, deliver: Deliver<RevokeReply>): void {
    this.#send(() => {
      const reply = this.#execute('revoke', request, () => this.store.revoke(request));
      this.#reply(() => deliver(reply));
    });
  }

  inspect(key: string, deliver: Deliver<InspectReply>): void {
    this.#send(() => this.#reply(() => deliver(this.store.inspect(key))));
  }

  openInbox(): () => void {
    return () => {};
  }

  objection(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}

  #request<Reply extends GrantReply | ConfirmReply | ExtendReply | RepairReply>(
    verb: string,
    { ownerToken, keys }: OwnedKeys,
    execute: () => Reply,
    deliver: (reply: Reply | Unreachable) => void,
  ): void {
    const fate = this.#fates.next().value;
    this.#send(() => {
      if (fate === 'request lost') {
        this.#reply(() => deliver(unreachable(false)));
        return;
      }
      const reply = this.#execute(verb, { ownerToken, keys }, execute);
      this.#reply(() => deliver(fate === 'reply lost' ? unreachable(true) : reply));
    });
  }

  #execute<Reply>(verb: string, { ownerToken }: OwnedKeys, execute: () => Reply): Reply {
    this.executed.push(`${verb} ${ownerToken}`);
    return execute();
  }

  #send(arrive: () => void): void {
    this.#inbound.push(arrive);
    void this.#schedule('request').then(() => this.#inbound.shift()?.());
  }

  #reply(arrive: () => void): void {
    this.#outbound.push(arrive);
    void this.#schedule('reply').then(() => this.#outbound.shift()?.());
  }
}
