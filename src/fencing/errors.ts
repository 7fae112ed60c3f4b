import { nameErrors } from '../error-name.ts';
import { quote } from '../quote.ts';

export type FencingErrorCode = 'STALE_FENCING_TOKEN' | 'FENCING_MARK_UNREADABLE';

const BRAND = Symbol.for('quorlock.fencing-error');

/**
 * What a guard refuses with. Not a `RedlockError`: a guard knows nothing of locks and nodes. `instanceof` goes by
 * the code, so it also holds between two copies of the package in one process.
 */
export abstract class FencingError extends Error {
  static {
    nameErrors(this, 'FencingError');
  }

  readonly code: FencingErrorCode;
  /** What is guarded: the key in Redis, or the name of the {@link Fence}. */
  readonly key: string;
  /** The token that was refused. */
  readonly fencingToken: number;

  constructor(code: FencingErrorCode, message: string, key: string, fencingToken: number) {
    super(message);
    this.code = code;
    this.key = key;
    this.fencingToken = fencingToken;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The code of this class; the base class has none, and stands for all. */
  static readonly code: FencingErrorCode | undefined = undefined;

  static override [Symbol.hasInstance](value: unknown): boolean {
    const branded = typeof value === 'object' && value !== null && BRAND in value;
    if (!branded) return false;
    if (Object.hasOwn(this, 'code') && this.code !== undefined)
      return 'code' in value && value.code === this.code;
    return this === FencingError || Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

/** A later holder has been here: the one that shows this token has lost its lock, whether or not it knows. */
export class StaleFencingTokenError extends FencingError {
  static {
    nameErrors(this, 'StaleFencingTokenError');
  }

  static override readonly code = 'STALE_FENCING_TOKEN';
  /** The largest token that was seen. */
  readonly newest: number;

  constructor(key: string, fencingToken: number, newest: number) {
    const message = `refused the fencing token ${fencingToken} for ${quote(key)}: ${newest} has been seen, of a later holder`;
    super(StaleFencingTokenError.code, message, key, fencingToken);
    this.newest = newest;
  }
}

/**
 * What stands in the place of the largest token is none. Nobody can say who is late, so nobody is let through until
 * somebody has repaired it.
 */
export class FencingMarkError extends FencingError {
  static {
    nameErrors(this, 'FencingMarkError');
  }

  static override readonly code = 'FENCING_MARK_UNREADABLE';
  /** The Redis key of the mark, without the client's `keyPrefix`. */
  readonly markKey: string;

  constructor(key: string, fencingToken: number, markKey: string, found: string) {
    const message = `refused every fencing token for ${quote(key)}: its mark ${quote(markKey)} should be a fencing token, and is ${found}`;
    super(FencingMarkError.code, message, key, fencingToken);
    this.markKey = markKey;
  }
}
