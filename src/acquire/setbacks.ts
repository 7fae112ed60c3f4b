import { ResourceHeldError } from '../errors.ts';
import { LONGEST_RESERVATION } from '../node/line.ts';
import type { AskOrder, Denial } from './ask-order.ts';
import { isOverdue, type Setback } from './wake.ts';

/** What the failed attempts of one call have found out, as far as the next ones depend on it. */
export class Setbacks {
  /** The owner that was last seen to hold a quorum. */
  #holder: string | undefined;
  /** What the arbiter has denied by, as far as a waiter can tell one denial from another. */
  #obstacle = '';
  #unchanged = 0;
  /** When that obstacle was first seen, and last, in ms of the clock. */
  #firstSeenAt = 0;
  #lastSeenAt = 0;
  #overdue = 0;
  #yields = 0;

  learn(order: AskOrder, now: number): void {
    const { denial, holder } = order;
    if (holder !== undefined) this.#holder = holder;
    const obstacle = denial ? `${denial.owner} ${denial.key} ${denial.place?.position}` : '';
    this.#unchanged = obstacle !== '' && obstacle === this.#obstacle ? this.#unchanged + 1 : 0;
    if (this.#unchanged === 0) this.#firstSeenAt = now;
    this.#lastSeenAt = now;
    this.#obstacle = obstacle;
    this.#overdue = isOverdue(denial?.remaining) ? this.#overdue + 1 : 0;
    this.#yields = order.yielding ? this.#yields + 1 : 0;
  }

  /** For how many ms attempts have found the same owner in the way, and the same place in line. */
  get unchangedFor(): number {
    return this.#lastSeenAt - this.#firstSeenAt;
  }

  /**
   * Which other nodes are asked although the arbiter has denied: the owner there may have died before it had a quorum, or have released the
   * lock, and only the arbiter does not know. Not if something has just happened: then the owner may be about to ask the others itself. In
   * a line, the first finds out for all.
   */
  doubt(
    { foreign, isReserved, remaining, owner, place }: Denial,
    isTimed: boolean,
  ): 'nobody' | 'one' | 'all' {
    // No process reserves a key for so long: that has been forged.
    if (foreign || (isReserved && remaining > LONGEST_RESERVATION)) return 'all';
    if (!isTimed || isReserved || (place && place.position > 0)) return 'nobody';
    if (owner !== this.#holder) return 'all';
    return this.#unchanged > 0 ? 'one' : 'nobody';
  }

  /** What the last attempt has left the waiter with. `isNotified`: whether it is told of its turn at the arbiter that was asked. */
  situation(order: AskOrder, error: Error, isNotified: boolean): Setback {
    const { denial, arbiterReply } = order;
    // In line, the key has to be free at the arbiter.
    const isArbiters = denial !== undefined && denial === arbiterReply;
    const untilQuorum = error instanceof ResourceHeldError ? error.remaining : undefined;
    return {
      error,
      yields: this.#yields,
      expiry: isArbiters ? denial.remaining : untilQuorum,
      isForeign: denial?.foreign !== undefined,
      position: isNotified ? denial?.place?.position : undefined,
      unchanged: this.#unchanged,
      overdue: this.#overdue,
    };
  }
}
