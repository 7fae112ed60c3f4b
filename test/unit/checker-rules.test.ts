import { describe, expect, it } from 'vitest';
import { RULES, type Rule } from '../support/checker/checker.ts';
import { BRISK, broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** For each rule a history that breaks no other; a rule without one does not compile. */
const BREAKING: Record<Rule, () => Story> = {
  exclusion: () => story().locks('a', 0, 100).locks('b', 50, 150),
  remembers: () => story({ guard: 'strict' }).restarts(0, 10).stands('a', [0], 50, 80),
  fenced: () => story().locks('a', 0, 10, { fencingToken: 7 }).locks('b', 20, 30, { fencingToken: 7 }),
  support: () => story().stands('a', [0], 0, 100).holds('a', 0, 100),
  continuity: () =>
    story()
      .stands('a', [0, 1, 2], 0, 5, { end: 'forgotten' })
      .holds('a', 0, 200, {
        validity: [
          { at: 0, until: 100 },
          { at: 60, until: 200 },
        ],
      })
      .locks('b', 10, 40)
      .asks('extend', 'a', [0, 1, 2], 50),
  kept: () =>
    story({ pace: BRISK }).locks('a', 0, 1_000, { extendsTo: 1_000, releasedAt: NEVER, abortedAt: 1_000 }),
  told: () => story().locks('a', 0, 100, { releasedAt: 101 }),
  'told first': () => story().calls('acquire', 'a', 0, 10, { stale: ['a'] }),
  quiet: () => story().locks('a', 0, 100, { releasedAt: 50, abortedAt: 60 }),
  valid: () => story().locks('a', 0, 10, { worth: 100 }),
  bounded: () => story().locks('a', 0, 100, { maxHoldTime: 50 }),
  settled: () => story().calls('acquire', 'a', 0, 100, { bound: 50 }),
  prompt: () => story().calls('tryAcquire', 'a', 0, 50, { once: true }).asks('grant', 'a', [0, 1, 2], 0),
  honest: () => story().calls('tryAcquire', 'a', 0, 10, { outcome: 'null' }),
  paced: () => story().calls('acquire', 'a', 0, 4).tries('a', 0, 4),
  served: () =>
    story({ pace: BRISK })
      .calls('acquire', 'b', 0, 60, { outcome: 'timeout' })
      .queues('b', 0, 1, 60)
      .disturbs([1], 0, NEVER),
  fair: () => {
    const history = story({ pace: BRISK }).calls('acquire', 'b', 0, 400, { outcome: 'timeout' });
    for (let i = 0; i < 40; i++) history.locks(`a${i}`, 10 * i, 10 * i + 10);
    return history;
  },
  left: () => story({ pace: BRISK }).queues('a', 0, 0, 100),
  thrifty: () => {
    const history = story({ pace: BRISK })
      .locks('a', 0, 100)
      .calls('acquire', 'b', 0, 100, { outcome: 'timeout' });
    for (let i = 0; i < 50; i++) history.tells('turn', 'b', [0], i);
    return history;
  },
  'in turn': () =>
    story().calls('acquire', 'a', 0, 20, { outcome: 'timeout' }).calls('acquire', 'a', 1, 10, { wonAt: 10 }),
  progress: () =>
    story({ pace: BRISK })
      .calls('acquire', 'b', 0, 6_000, { outcome: 'timeout' })
      .asks('grant', 'b', [0, 1, 2], 10, { keys: ['r'] }),
  ordered: () => story().calls('extend', 'a', 0, 20).calls('extend', 'a', 5, 10),
  revoked: () =>
    story()
      .locks('a', 0, 300)
      .calls('revoke', 'b', 10, 20, { outcome: 'revoked' })
      .asks('extend', 'a', [0, 1, 2], 30, { ttl: 100 }),
  delayed: () =>
    story().locks('a', 0, 100, { lockDelay: 50, releasedAt: NEVER, abortedAt: 100 }).locks('b', 149, 160),
  live: () => story().calls('acquire', 'a', 0, 10, { mustSucceed: true, outcome: 'timeout' }),
  owner: () => story().stands('a', [0], 0, 100, { end: 'deleted', endedBy: 'b' }),
  'live votes': () => story().locks('a', 0, 100).asks('release', 'a', [0], 50),
  'sent in time': () => story().asks('release', 'a', [0], 0).asks('extend', 'a', [1], 10),
  once: () => story().asks('grant', 'a', [0], 0).asks('grant', 'a', [0], 10),
  atomic: () => story().asks('grant', 'a', [0], 0, { torn: true }),
  'first in, first out': () =>
    story().asks('grant', 'a', [0], 0, { executedAt: 20 }).asks('release', 'a', [0], 10),
  residue: () => story().stands('a', [0], 0, 100).heals(50),
  leftovers: () => story().leaves('unhandled rejection'),
};

/** Two locks, one after the other, the first of them extended; and all that belongs to them. */
const SOUND = (): Story =>
  story()
    .calls('acquire', 'a', 0, 2)
    .tries('a', 0)
    .asks('grant', 'a', [0, 1, 2], 0, { executedAt: 1, answeredAt: 2 })
    .stands('a', [0, 1, 2], 1, 51, { end: 'deleted', endedBy: 'a' })
    .holds('a', 2, 98, {
      worth: 58,
      maxHoldTime: 1_000,
      validity: [
        { at: 2, until: 60 },
        { at: 42, until: 98 },
      ],
      releasedAt: 50,
    })
    .calls('tryAcquire', 'b', 10, 12, { once: true, outcome: 'null' })
    .tries('b', 10)
    .asks('grant', 'b', [0, 1, 2], 10, { executedAt: 11, answeredAt: 12, reply: 'denied' })
    .asks('release', 'b', [0, 1, 2], 12, { executedAt: 13, answeredAt: 14, reply: 'absent' })
    .calls('inspect', 'b', 20, 22, { outcome: 'held' })
    .calls('extend', 'a', 40, 42)
    .asks('extend', 'a', [0, 1, 2], 40, { executedAt: 41, answeredAt: 42 })
    .calls('release', 'a', 50, 52)
    .asks('release', 'a', [0, 1, 2], 50, { executedAt: 51, answeredAt: 52 })
    .calls('tryAcquire', 'b2', 110, 112, { once: true, mustSucceed: true })
    .tries('b2', 110)
    .asks('grant', 'b2', [0, 1, 2], 110, { executedAt: 111, answeredAt: 112 })
    .stands('b2', [0, 1, 2], 111, 211)
    .holds('b2', 112, 208, { releasedAt: NEVER, abortedAt: 208 })
    .calls('inspect', 'b', 220, 222, { outcome: 'free' })
    .heals(300);

describe('the checker', () => {
  it('finds nothing where nothing happened', () => {
    expect(broken(story())).toEqual([]);
  });

  it.each([true, false])('finds nothing in a sound history (forgiving: %s)', (forgive) => {
    expect(broken(SOUND(), { forgive })).toEqual([]);
  });

  it.each(Object.keys(BREAKING) as Rule[])('tells a history that breaks only the rule "%s"', (rule) => {
    expect(broken(BREAKING[rule]())).toEqual([rule]);
  });

  it('knows no rule that it does not describe', () => {
    expect(Object.keys(BREAKING).sort()).toEqual(Object.keys(RULES).sort());
  });
});
