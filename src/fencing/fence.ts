import { wrong } from '../bad-input.ts';
import { StaleFencingTokenError } from './errors.ts';
import { checkFencingToken } from './token.ts';

/**
 * Guards one thing in this process's memory: a cache, a connection to a device, a service that all writers go
 * through. It remembers one number and forgets nothing by itself; it lives as long as what it guards. For several
 * things, keep one for each.
 */
export class Fence {
  /** What it guards, for errors. */
  readonly name: string;
  #newest: number;

  /** `newest`: the largest token seen so far, where it was stored together with what is guarded; 0 if none was. */
  constructor(name: string, newest = 0) {
    if (typeof name !== 'string' || name === '') throw wrong(TypeError, 'name', name, 'a non-empty string');
    if (newest !== 0) checkFencingToken(newest);
    this.name = name;
    this.#newest = newest;
  }

  /** The largest token that it has seen; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /**
   * Lets the holder with this token through, any number of times, until a later holder has come. Act in the same
   * turn of the event loop: after an `await`, check again.
   *
   * @throws {StaleFencingTokenError} when a later holder has been here.
   */
  check(fencingToken: number): void {
    checkFencingToken(fencingToken);
    if (fencingToken < this.#newest) throw new StaleFencingTokenError(this.name, fencingToken, this.#newest);
    this.#newest = fencingToken;
  }
}
