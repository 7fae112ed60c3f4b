import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { type Ballot, conclude, judge } from '../../src/quorum/ballot.ts';

const FINAL: readonly Ballot[] = ['granted', 'denied', 'quarantined', 'unusable', 'unreachable'];

const vote = (most: number): fc.Arbitrary<Ballot[]> =>
  fc.array(fc.constantFrom<Ballot>(...FINAL, 'pending'), { minLength: 1, maxLength: most });

/** All that a vote can still come to: each pending node votes in each way, or never. */
function futures(ballots: readonly Ballot[]): Ballot[][] {
  const open = ballots.indexOf('pending');
  if (open < 0) return [[...ballots]];
  return FINAL.flatMap((ballot) => futures(ballots.with(open, ballot)));
}

/** How votes are counted by docs/algorithm.md, written down a second time: nothing here is the product's. */
function specification(ballots: readonly Ballot[]): ReturnType<typeof conclude> {
  // The smallest number of nodes of which any two sets share one.
  const quorum = 1 + (ballots.length - (ballots.length % 2)) / 2;
  const count = (...kinds: Ballot[]): number => ballots.filter((ballot) => kinds.includes(ballot)).length;
  if (count('granted') >= quorum) return 'won';
  if (count('denied') > ballots.length - quorum || count('granted', 'denied') >= quorum) return 'held';
  if (count('granted', 'denied', 'quarantined') >= quorum) return 'quarantined';
  if (count('granted', 'denied', 'quarantined', 'unusable') >= quorum) return 'misconfigured';
  return 'unreachable';
}

describe('a vote', () => {
  test.prop([vote(9)])('that is over is what the rule says', (ballots) => {
    expect(conclude(ballots)).toBe(specification(ballots));
  });

  test.prop([vote(6)])('is decided exactly when no pending vote can change its verdict', (ballots) => {
    const verdicts = new Set(futures(ballots).map(conclude));
    expect(judge(ballots)).toBe(verdicts.size === 1 ? [...verdicts][0] : undefined);
  });

  test.prop([vote(9)])('that nobody has still to cast is decided', (ballots) => {
    const all = ballots.filter((ballot) => ballot !== 'pending');
    fc.pre(all.length > 0);
    expect(judge(all)).toBe(conclude(all));
  });

  test.prop([vote(9), fc.integer({ min: 0, max: 100 })])('does not depend on the order', (ballots, by) => {
    const at = by % ballots.length;
    const turned = [...ballots.slice(at), ...ballots.slice(0, at)];
    expect(judge(turned)).toBe(judge(ballots));
    expect(conclude(turned)).toBe(conclude(ballots));
  });
});
