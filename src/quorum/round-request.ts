import type { GrantRequest, OwnedKeys, Waiter } from '../node/lock-node.ts';

/** What one round asks of all nodes. A class, as a `Round` keeps no plan, and for the same reason. */
export class RoundRequest implements GrantRequest {
  readonly keys: readonly string[];
  readonly ownerToken: string;
  readonly ttl: number;
  readonly hint: number | undefined;
  readonly wanted: () => boolean;
  readonly waiter: Waiter | undefined;
  readonly reservation: number;

  constructor(
    { keys, ownerToken }: OwnedKeys,
    ttl: number,
    hint: number | undefined,
    wanted: () => boolean,
    waiter: Waiter | undefined,
    reservation: number,
  ) {
    this.keys = keys;
    this.ownerToken = ownerToken;
    this.ttl = ttl;
    this.hint = hint;
    this.wanted = wanted;
    this.waiter = waiter;
    this.reservation = reservation;
  }
}
