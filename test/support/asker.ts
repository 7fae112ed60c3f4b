import type {
  ConfirmReply,
  Deliver,
  ExtendReply,
  GrantReply,
  InspectReply,
  LockNode,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
} from '../../src/node/lock-node.ts';

/** Long enough for any test to end within it. */
export const TTL = 60_000;

/** For how long keys are reserved for the first in line, in ms: longer than any test. */
const RESERVATION = 60_000;

/** A node as promises, which counts answers. */
export class Asker {
  readonly node: LockNode;
  asked = 0;
  answered = 0;

  constructor(node: LockNode) {
    this.node = node;
  }

  grant(
    keys: string | string[],
    ownerToken: string,
    ttl: number = TTL,
    wanted: () => boolean = () => true,
  ): Promise<GrantReply> {
    return this.#ask((deliver) => this.node.grant({ keys: [keys].flat(), ownerToken, ttl, wanted }, deliver));
  }

  /** A grant to somebody who waits for the first of the keys, or for `key`. */
  stand(
    keys: string | string[],
    ownerToken: string,
    waiter: string,
    {
      key = [keys].flat()[0] ?? '',
      since = 0,
      ttl = TTL,
      hint,
      reservation = RESERVATION,
    }: { key?: string; since?: number; ttl?: number; hint?: number; reservation?: number } = {},
  ): Promise<GrantReply> {
    const claim = { keys: [keys].flat(), ownerToken, ttl, hint, wanted: () => true, reservation };
    return this.#ask((deliver) =>
      this.node.grant({ ...claim, waiter: { name: waiter, key, since } }, deliver),
    );
  }

  /** A grant that puts the keys' counters above `hint`. */
  grantAbove(
    hint: number,
    keys: string | string[],
    ownerToken: string,
    ttl: number = TTL,
  ): Promise<GrantReply> {
    const claim = { keys: [keys].flat(), ownerToken, ttl, hint, wanted: () => true };
    return this.#ask((deliver) => this.node.grant(claim, deliver));
  }

  confirm(keys: string | string[], ownerToken: string, fencingToken: number): Promise<ConfirmReply> {
    return this.#ask((deliver) =>
      this.node.confirm({ keys: [keys].flat(), ownerToken, fencingToken, wanted: () => true }, deliver),
    );
  }

  extend(
    keys: string | string[],
    ownerToken: string,
    ttl: number = TTL,
    fencingToken?: number,
  ): Promise<ExtendReply> {
    const claim = { keys: [keys].flat(), ownerToken, ttl, fencingToken, wanted: () => true };
    return this.#ask((deliver) => this.node.extend(claim, deliver));
  }

  repair(
    keys: string | string[],
    ownerToken: string,
    ttl: number = TTL,
    fencingToken?: number,
  ): Promise<RepairReply> {
    const claim = { keys: [keys].flat(), ownerToken, ttl, fencingToken, wanted: () => true };
    return this.#ask((deliver) => this.node.repair(claim, deliver));
  }

  /** It serves, and nobody leaves a line, unless `how` says otherwise. */
  release(
    keys: string | string[],
    ownerToken: string,
    how: Partial<Pick<ReleaseRequest, 'afterwards' | 'waiter' | 'reservation'>> = {},
  ): Promise<ReleaseReply> {
    const request = { keys: [keys].flat(), ownerToken, longestTtl: TTL };
    return this.#ask((deliver) =>
      this.node.release({ ...request, afterwards: 'serve', reservation: RESERVATION, ...how }, deliver),
    );
  }

  /** `ttl`: for how long the tombstone stands where the key is free; by default a free key stays free. */
  revoke(key: string, tombstone: string, ttl = 0): Promise<RevokeReply> {
    const request = { keys: [key], ownerToken: tombstone, ttl, wanted: () => true };
    return this.#ask((deliver) => this.node.revoke(request, deliver));
  }

  inspect(key: string): Promise<InspectReply> {
    return this.#ask((deliver) => this.node.inspect(key, deliver));
  }

  #ask<Reply>(send: (deliver: Deliver<Reply>) => void): Promise<Reply> {
    this.asked++;
    return new Promise((resolve) => {
      send((reply) => {
        this.answered++;
        resolve(reply);
      });
    });
  }
}
