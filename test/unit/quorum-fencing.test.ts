import { describe, expect, it } from 'vitest';
import { fencingOf } from '../../src/quorum/fencing.ts';

const none = undefined;
const LAST = Number.MAX_SAFE_INTEGER;

describe('the fencing token by the counters of the nodes', () => {
  it.each([
    [[5], 5, true],
    [[5, 5, 5], 5, true],
    [[5, 5, none], 5, true],
    [[none, 5, 5], 5, true],
    [[5, 6, 6], 6, true],
    [[5, 6, none], 6, false],
    [[6, 5, 5], 6, false],
    [[5, 5, 6, none, none], 6, false],
    [[6, 6, 5, 6, none], 6, true],
    [[6, 5, 6, none, none], 6, false],
    [[7, 8, 9, 10, 11], 11, false],
    [[5, 5, none, none], 5, false],
    [[5, 5, 5, none], 5, true],
    [[5, 5], 5, true],
    [[5, 6], 6, false],
    [[LAST - 1, LAST, LAST], LAST, true],
    [[LAST, LAST - 1, LAST - 1], LAST, false],
  ])('%j is %d; a quorum agrees: %s', (counters, token, agreed) => {
    expect(fencingOf(counters)).toEqual({ token, agreed });
  });

  it.each([[[none]], [[none, none, none]]])('%j is none', (counters) => {
    expect(fencingOf(counters)).toBeUndefined();
  });
});
