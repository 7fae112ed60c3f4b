import { nameErrors } from './error-name.ts';
import type { Foreign } from './node/owner.ts';

/** A node's vote, as errors and results report it. */
export type Vote = { readonly node: string } & (
  | { readonly kind: 'granted' }
  /**
   * Another owner holds it there for `remaining` ms; Infinity for a key without expiry. `foreign`: it is no lock of quorlock's, but a
   * `value` that another program set, or a key of another `type`. `isReserved`: nobody holds it there, but it is reserved for a process
   * that waits for it. `isRevoked`: nobody holds it there, as the lock was taken away from its owner: see {@link Redlock.revoke}.
   */
  | {
      readonly kind: 'denied';
      readonly remaining: number;
      readonly foreign?: Foreign;
      readonly isReserved?: true;
      readonly isRevoked?: true;
    }
  | { readonly kind: 'unreachable'; readonly cause: Error }
  /**
   * The node may have forgotten locks; it votes again in `remaining` ms. `awaiting`: it may also be new, and then votes as soon as the nodes
   * named here answer as new ones too.
   */
  | { readonly kind: 'quarantined'; readonly remaining: number; readonly awaiting?: readonly string[] }
  /** The node must not hold locks as it is set up. */
  | {
      readonly kind: 'unusable';
      readonly why: string;
      /** Whether two checks in a row have found what no waiting cures. */
      readonly isPermanent?: boolean;
    }
  /** No answer before the round was decided or over. */
  | { readonly kind: 'late' }
);

export type ErrorCode =
  | 'RESOURCE_HELD'
  | 'QUORUM_UNREACHABLE'
  | 'NODES_QUARANTINED'
  | 'NODE_MISCONFIGURED'
  | 'VALIDITY_EXHAUSTED'
  | 'ACQUIRE_TIMEOUT'
  | 'LOCK_LOST'
  | 'LOCK_RELEASED'
  | 'CLOSED';

/** Why a lock was lost: see {@link LockLostError.reason}. */
export type LossReason = 'expired' | 'taken' | 'maxHoldTime' | 'closed';

const BRAND = Symbol.for('quorlock.error');

/**
 * Every error that quorlock makes, except the `TypeError` and `RangeError` for bad input. `instanceof` goes by
 * the code, so it also holds between two copies of the package in one process.
 */
export abstract class RedlockError extends Error {
  static {
    nameErrors(this, 'RedlockError');
  }

  readonly code: ErrorCode;
  /** One per node, in the order of the node list; empty when no node was asked. */
  readonly votes: readonly Vote[];

  constructor(code: ErrorCode, message: string, votes: readonly Vote[], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.votes = votes;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** What `JSON.stringify` shows. It would omit the message and the causes of an error. */
  toJSON(): object {
    const { name, message, cause } = this;
    const votes = this.votes.map((vote) =>
      'cause' in vote ? { ...vote, cause: withMessage(vote.cause) } : vote,
    );
    const causes = cause === undefined ? {} : { cause: withMessage(cause) };
    return Object.assign({ name, message }, this, { votes }, causes);
  }

  /** The code of this class; the base class has none, and stands for all. */
  static readonly code: ErrorCode | undefined = undefined;

  static override [Symbol.hasInstance](value: unknown): boolean {
    const branded = typeof value === 'object' && value !== null && BRAND in value;
    if (!branded) return false;
    if (Object.hasOwn(this, 'code') && this.code !== undefined)
      return 'code' in value && value.code === this.code;
    return this === RedlockError || Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

/** Errors of quorlock show their messages themselves. */
function withMessage(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof RedlockError) return cause;
  return Object.assign({ name: cause.name, message: cause.message }, cause);
}

/** Somebody else holds one of the resources, or a simultaneous contender split the vote. */
export class ResourceHeldError extends RedlockError {
  static {
    nameErrors(this, 'ResourceHeldError');
  }

  static override readonly code = 'RESOURCE_HELD';
  /**
   * In how many ms enough keys of the other holder will have expired, by what the denying nodes said, or for how long a lock of the same
   * Redlock that is in the way is still valid; Infinity if neither is known, or a key has no expiry.
   */
  readonly remaining: number;

  constructor(message: string, votes: readonly Vote[], remaining: number) {
    super(ResourceHeldError.code, message, votes);
    this.remaining = remaining;
  }
}

/** Too few nodes answered in time. */
export class QuorumUnreachableError extends RedlockError {
  static {
    nameErrors(this, 'QuorumUnreachableError');
  }

  static override readonly code = 'QUORUM_UNREACHABLE';

  constructor(message: string, votes: readonly Vote[]) {
    super(QuorumUnreachableError.code, message, votes);
  }
}

/** Too many nodes may have forgotten locks in a restart, and do not vote yet. */
export class NodesQuarantinedError extends RedlockError {
  static {
    nameErrors(this, 'NodesQuarantinedError');
  }

  static override readonly code = 'NODES_QUARANTINED';
  /** In how many ms enough nodes will vote again. */
  readonly remaining: number;

  constructor(message: string, votes: readonly Vote[], remaining: number) {
    super(NodesQuarantinedError.code, message, votes);
    this.remaining = remaining;
  }
}

/** Nodes that must not hold locks as they are set up cost the quorum; the votes say which, and why. */
export class NodeMisconfiguredError extends RedlockError {
  static {
    nameErrors(this, 'NodeMisconfiguredError');
  }

  static override readonly code = 'NODE_MISCONFIGURED';

  constructor(message: string, votes: readonly Vote[]) {
    super(NodeMisconfiguredError.code, message, votes);
  }
}

/** A quorum granted, but so late that nothing was left of the validity; everything was undone. */
export class ValidityExhaustedError extends RedlockError {
  static {
    nameErrors(this, 'ValidityExhaustedError');
  }

  static override readonly code = 'VALIDITY_EXHAUSTED';

  constructor(message: string, votes: readonly Vote[]) {
    super(ValidityExhaustedError.code, message, votes);
  }
}

/** `acquireTimeout` passed; `cause` is the error of the last attempt that had time to be answered. */
export class AcquireTimeoutError extends RedlockError {
  static {
    nameErrors(this, 'AcquireTimeoutError');
  }

  static override readonly code = 'ACQUIRE_TIMEOUT';

  constructor(message: string, cause: RedlockError) {
    super(AcquireTimeoutError.code, message, cause.votes, { cause });
  }
}

/** The lock's validity ended before it was released. */
export class LockLostError extends RedlockError {
  static {
    nameErrors(this, 'LockLostError');
  }

  static override readonly code = 'LOCK_LOST';
  /**
   * `expired`: not extended in time. `taken`: so many nodes name another owner that no quorum is left.
   * `maxHoldTime`: held for as long as the option allows. `closed`: `Redlock.close()` was called.
   */
  readonly reason: LossReason;
  /** Only when rejected by `using`: what the routine did, a result that would otherwise be lost. */
  declare readonly outcome?: PromiseSettledResult<unknown>;

  constructor(
    message: string,
    reason: LossReason,
    votes: readonly Vote[],
    extra: { cause?: unknown; outcome?: PromiseSettledResult<unknown> } = {},
  ) {
    super(LockLostError.code, message, votes, 'cause' in extra ? { cause: extra.cause } : undefined);
    this.reason = reason;
    if (extra.outcome) this.outcome = extra.outcome;
  }
}

/** `extend` was called on a lock that its holder had released. */
export class LockReleasedError extends RedlockError {
  static {
    nameErrors(this, 'LockReleasedError');
  }

  static override readonly code = 'LOCK_RELEASED';

  constructor(message: string) {
    super(LockReleasedError.code, message, []);
  }
}

/** `Redlock.close()` was called. */
export class RedlockClosedError extends RedlockError {
  static {
    nameErrors(this, 'RedlockClosedError');
  }

  static override readonly code = 'CLOSED';

  constructor(message = 'this Redlock is closed') {
    super(RedlockClosedError.code, message, []);
  }
}

/**
 * Gives an error the stack of the call that rejects with it. Errors are made where an answer or a timer is handled: a stack
 * from there is the same for all callers. To be called in an async function that the caller awaits, after it has awaited itself:
 * then V8 adds the frames of everybody who awaits it. Errors of others, such as an abort's reason, stay as they are.
 */
export function withStackOfCaller(error: unknown): unknown {
  if (error instanceof RedlockError) Error.captureStackTrace(error, withStackOfCaller);
  return error;
}
