import { describe, expect, it } from 'vitest';
import { type Ballot, conclude, judge, quorumOf } from '../../src/quorum/ballot.ts';

const LETTERS: Record<string, Ballot> = {
  g: 'granted',
  d: 'denied',
  q: 'quarantined',
  m: 'unusable',
  u: 'unreachable',
  '.': 'pending',
};

/** Votes by their letters: g(ranted), d(enied), q(uarantined), m(isconfigured), u(nreachable), . for pending. */
function votes(letters: string): Ballot[] {
  return Array.from(letters, (letter) => LETTERS[letter] as Ballot);
}

describe('a quorum', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ])('of %d nodes is %d', (n, quorum) => expect(quorumOf(n)).toBe(quorum));

  it('shares a node with any other', () => {
    for (let n = 1; n <= 50; n++) expect(2 * quorumOf(n)).toBeGreaterThan(n);
  });
});

describe('a vote', () => {
  it.each([
    ['.', undefined],
    ['g', 'won'],
    ['d', 'held'],
    ['u', 'unreachable'],
    ['q', 'quarantined'],
    ['m', 'misconfigured'],

    ['..', undefined],
    ['g.', undefined],
    ['gg', 'won'],
    ['gd', 'held'],
    ['gu', 'unreachable'],
    ['d.', 'held'],
    ['u.', undefined],

    ['g..', undefined],
    ['gg.', 'won'],
    ['gd.', undefined],
    ['gdd', 'held'],
    ['dd.', 'held'],
    ['uu.', 'unreachable'],
    ['gud', 'held'],
    ['gu.', undefined],
    ['guu', 'unreachable'],
    ['guq', 'quarantined'],
    ['gum', 'misconfigured'],
    ['ud.', undefined],

    ['gg..', undefined],
    ['ggg.', 'won'],
    ['ggd.', undefined],
    ['ggdd', 'held'],
    ['gguu', 'unreachable'],
    ['ggud', 'held'],
    ['gd..', undefined],
    ['gdd.', 'held'],
    ['dd..', 'held'],
    ['duuu', 'unreachable'],
    ['dduu', 'held'],
    ['duu.', undefined],

    ['gg...', undefined],
    ['ggg..', 'won'],
    ['ggdd.', undefined],
    ['gguu.', undefined],
    ['gguud', 'held'],
    ['gguuu', 'unreachable'],
    ['gguuq', 'quarantined'],
    ['gguum', 'misconfigured'],
    ['gguqm', 'quarantined'],
    ['guumm', 'misconfigured'],
    ['guumq', 'misconfigured'],
    ['ddd..', 'held'],
    ['uuu..', 'unreachable'],
    ['uuudd', 'unreachable'],
    ['uuu.d', 'unreachable'],
    ['gduu.', undefined],

    ['gggg...', 'won'],
    ['gggddd.', undefined],
    ['gggdddd', 'held'],
    ['gggdddu', 'held'],
    ['ggguuuu', 'unreachable'],
    ['ggguuuq', 'quarantined'],
    ['dddd...', 'held'],
    ['uuuu...', 'unreachable'],
    ['uuuuu..', 'unreachable'],
  ])('of %s is %s', (letters, verdict) => expect(judge(votes(letters))).toBe(verdict));

  it.each([
    ['g.', 'unreachable'],
    ['g..', 'unreachable'],
    ['gd.', 'held'],
    ['gg.', 'won'],
    ['ggd..', 'held'],
    ['gq...', 'unreachable'],
    ['ggq..', 'quarantined'],
    ['ggm..', 'misconfigured'],
    ['.....', 'unreachable'],
  ])('of %s that is over is %s', (letters, verdict) => expect(conclude(votes(letters))).toBe(verdict));

  it('does not depend on the order of the nodes', () => {
    expect(judge(votes('dgugd'))).toBe(judge(votes('ggddu')));
  });
});
