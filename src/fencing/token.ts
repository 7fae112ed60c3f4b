import { wrong } from '../bad-input.ts';

const ALLOWED = `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`;

/** @throws {TypeError} or {@link RangeError} for what no lock has as its fencing token. */
export function checkFencingToken(fencingToken: unknown): asserts fencingToken is number {
  if (typeof fencingToken !== 'number') throw wrong(TypeError, 'fencingToken', fencingToken, ALLOWED);
  // Beyond the safe integers two tokens could look equal.
  if (!Number.isSafeInteger(fencingToken) || fencingToken < 1)
    throw wrong(RangeError, 'fencingToken', fencingToken, ALLOWED);
}
