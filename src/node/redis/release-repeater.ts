import type { Cancel, Clock } from '../../clock.ts';
import type { Deliver, ReleaseReply, ReleaseRequest, Waiter } from '../lock-node.ts';
import { type PendingRelease, PendingReleases } from '../pending-releases.ts';
import { Operation } from './operation.ts';
import { Pace } from './pace.ts';

export interface ReleaseRepeaterPlan {
  readonly clock: Clock;
  /** Whether operations leave now. */
  readonly isOpen: () => boolean;
  readonly send: (operation: Operation) => void;
}

/** How long until a refused release is first repeated, in ms. */
const NEXT_TRY = 250;
/** How many refused releases are repeated to find out whether the server still refuses them. */
const PROBE = 4;

/** Repeats the releases of a node until the server has answered them, or nothing is left to delete; less and less often while it refuses them. */
export class ReleaseRepeater {
  readonly #plan: ReleaseRepeaterPlan;
  readonly #pending: PendingReleases;
  readonly #pace: Pace;
  #cancel: Cancel | undefined;

  constructor(plan: ReleaseRepeaterPlan) {
    this.#plan = plan;
    this.#pending = new PendingReleases(plan.clock);
    this.#pace = new Pace(plan.clock, { first: NEXT_TRY });
  }

  /** Whether no release is pending. */
  get none(): boolean {
    return this.#pending.none;
  }

  /** A new release, to be sent; from now on it is pending. */
  begin(request: ReleaseRequest, deliver: Deliver<ReleaseReply>): Operation {
    return this.#operation(this.#pending.add(request), deliver, request);
  }

  /** The waiter stands in line again: see {@link PendingReleases.stands}. */
  stands(waiter: Waiter, keys: readonly string[]): void {
    this.#pending.stands(waiter, keys);
  }

  /** What goes before anything newer over a new connection. */
  owed(): Operation[] {
    for (const release of this.#pending.list()) this.#pending.refused(release);
    return this.failed();
  }

  repeatNow(): void {
    this.stop();
    for (const operation of this.#probe()) this.#plan.send(operation);
  }

  /** Repeats what the server has answered with an error (BUSY, MISCONF). */
  repeatLater(): void {
    if (!this.#plan.isOpen() || this.#cancel) return;
    this.#pace.take();
    this.#cancel = this.#plan.clock.after(this.#pace.wait, () => this.repeatNow(), 'background');
  }

  /** Repeats nothing until the next call. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** What has failed; only some of it while the server refuses it. */
  failed(): Operation[] {
    if (this.#pace.isSlowed) return this.#probe();
    return this.#pending.takeRefused().map((release) => this.#operation(release));
  }

  /** Some of the refused releases, and the rest once one of these is settled: a server that refuses some would refuse all. */
  #probe(): Operation[] {
    return this.#pending.takeRefused(PROBE).map((release) =>
      this.#operation(release, ({ kind }) => {
        if (kind === 'released' || kind === 'absent')
          for (const each of this.#pending.takeRefused()) this.#plan.send(this.#operation(each));
      }),
    );
  }

  #operation(
    release: PendingRelease,
    deliver: Deliver<ReleaseReply> = () => {},
    request: ReleaseRequest = release.request,
  ): Operation {
    return Operation.of<ReleaseReply>('release', request, undefined, (reply) => {
      if (reply.kind === 'released' || reply.kind === 'absent') {
        this.#pending.settle(release);
      } else if (reply.kind === 'unusable' && reply.why.startsWith('CROSSSLOT')) {
        // The grant was refused for the same reason, so there is nothing to delete.
        this.#pending.settle(release);
      } else {
        this.#pending.refused(release);
        // What the user may not do is tried again when the server has been checked again.
        if (reply.kind !== 'unusable') this.repeatLater();
      }
      deliver(reply);
    });
  }
}
