import { describe, expect, it } from 'vitest';
import { StaleFencingTokenError } from '../../src/fencing/errors.ts';
import { Fence } from '../../src/fencing/fence.ts';

const LARGEST = Number.MAX_SAFE_INTEGER;

describe('a fence', () => {
  it('lets the first holder through, whatever its token', () => {
    expect(() => new Fence('feed').check(1)).not.toThrow();
    expect(() => new Fence('feed').check(LARGEST)).not.toThrow();
  });

  it('lets the same holder through again', () => {
    const fence = new Fence('feed');
    fence.check(5);
    expect(() => fence.check(5)).not.toThrow();
  });

  it('lets a later holder through', () => {
    const fence = new Fence('feed');
    fence.check(5);
    expect(() => fence.check(6)).not.toThrow();
    expect(fence.newest).toBe(6);
  });

  it('refuses an earlier holder', () => {
    const fence = new Fence('feed');
    fence.check(6);
    expect(() => fence.check(5)).toThrow(new StaleFencingTokenError('feed', 5, 6));
  });

  it('goes on refusing: a refusal changes nothing', () => {
    const fence = new Fence('feed');
    fence.check(6);
    for (const late of [5, 4, 5]) expect(() => fence.check(late)).toThrow(StaleFencingTokenError);
    expect(fence.newest).toBe(6);
  });

  it('tells the two largest tokens apart', () => {
    const fence = new Fence('feed');
    fence.check(LARGEST);
    expect(() => fence.check(LARGEST - 1)).toThrow(StaleFencingTokenError);
  });

  it('goes on from a token that was stored', () => {
    const fence = new Fence('feed', 8);
    expect(() => fence.check(7)).toThrow(new StaleFencingTokenError('feed', 7, 8));
  });

  it('has seen nothing at first', () => {
    expect(new Fence('feed').newest).toBe(0);
  });

  it.each([
    [0, new RangeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not 0`)],
    [-5, new RangeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not -5`)],
    [1.5, new RangeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not 1.5`)],
    [
      LARGEST + 1,
      new RangeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not 9007199254740992`),
    ],
    [Number.NaN, new RangeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not NaN`)],
    [
      Number.POSITIVE_INFINITY,
      new RangeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not Infinity`),
    ],
    ['5', new TypeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not "5"`)],
    [undefined, new TypeError(`fencingToken must be a whole number from 1 to ${LARGEST}, not undefined`)],
  ])('refuses %o as a token', (token, error) => {
    const fence = new Fence('feed', 3);
    expect(() => fence.check(token as number)).toThrow(error);
    expect(fence.newest).toBe(3);
  });

  it.each([[''], [undefined], [5]])('refuses %o as a name', (name) => {
    expect(() => new Fence(name as string)).toThrow(/^name must be a non-empty string, not /);
  });

  it.each([[-1], [1.5], ['8'], [null]])('refuses to go on from %o', (newest) => {
    expect(() => new Fence('feed', newest as number)).toThrow(/must be a whole number from 1 to/);
  });
});
