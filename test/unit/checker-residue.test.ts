import { describe, expect, it } from 'vitest';
import type { Exchange } from '../support/checker/history.ts';
import { broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A vote that stands when all is healed, and how it came there. */
function left(also: Partial<Exchange> = {}, node = 0): Story {
  return story({ reordering: [0] })
    .asks('grant', 'a', [node], 0, also)
    .stands('a', [node], 0, 100)
    .heals(50);
}

const refused = (reply: string): Story => left({}, 1).asks('release', 'a', [1], 20, { reply });

describe('residue', () => {
  it('is a vote that stands when all is healed', () => {
    expect(broken(story().stands('a', [0], 0, 100).heals(50))).toEqual(['residue']);
  });

  it('is a vote of a lock that was given back', () => {
    expect(broken(story().locks('a', 0, 40).stands('a', [0], 40, 100).heals(50))).toEqual(['residue']);
  });

  it('is not a vote that has gone by then', () => {
    expect(broken(story().stands('a', [0], 0, 50).heals(50))).toEqual([]);
  });

  it('is not a vote that comes later', () => {
    expect(broken(story().stands('a', [0], 51, 100).heals(50))).toEqual([]);
  });

  it('is not a vote in a history that never heals', () => {
    expect(broken(story().stands('a', [0], 0, 100))).toEqual([]);
  });

  it.each([
    ['was set over a dead connection', { overDead: true }],
    ['was raised over a dead connection', { raisedOverDead: true }],
    ['was restored from a snapshot', { by: 'restored' }],
  ] as const)('is excused if it %s', (_, also) => {
    expect(broken(story().stands('a', [0], 0, 100, also).heals(50))).toEqual([]);
  });

  it('is excused if its client was killed', () => {
    expect(broken(left().isKilled('a', 10))).toEqual([]);
    expect(broken(left().isKilled('b', 10))).toEqual(['residue']);
  });

  it('is excused if the server has said that it must not be deleted', () => {
    expect(broken(refused('NOPERM No permissions to access a key'))).toEqual([]);
    expect(broken(refused('BUSY Redis is busy running a script.'))).toEqual(['residue']);
  });

  it('is not excused by an extension that set it again', () => {
    expect(broken(story().stands('a', [0], 0, 100, { by: 'repair' }).heals(50))).toEqual(['residue']);
  });

  describe('of a node that reorders requests', () => {
    it('is excused if a request was executed, and never answered', () => {
      expect(broken(left({ answeredAt: NEVER }))).toEqual([]);
    });

    it('is excused by one such request among others', () => {
      expect(broken(left().asks('extend', 'a', [0], 10, { answeredAt: NEVER }))).toEqual([]);
    });

    it('is not excused if all were answered', () => {
      expect(broken(left({}))).toEqual(['residue']);
    });

    it('is not excused by one that was not executed', () => {
      expect(broken(left({ executedAt: NEVER, answeredAt: NEVER }))).toEqual(['residue']);
    });

    it('is not excused by a release', () => {
      expect(broken(left({}).asks('release', 'a', [0], 10, { answeredAt: NEVER }))).toEqual(['residue']);
    });

    it('is not excused on the nodes that do not', () => {
      expect(broken(left({ answeredAt: NEVER }, 1))).toEqual(['residue']);
    });

    it('is not excused by what happened to the lock elsewhere', () => {
      const elsewhere = left({}).asks('extend', 'a', [1], 10, { answeredAt: NEVER });
      expect(broken(elsewhere)).toEqual(['residue']);
    });

    it('is not excused by what happened to another lock', () => {
      expect(broken(left({}).asks('grant', 'a2', [0], 10, { answeredAt: NEVER }))).toEqual(['residue']);
    });
  });
});

describe('leftovers', () => {
  it('are reported', () => {
    expect(broken(story().leaves('a timer of client 0'))).toEqual(['leftovers']);
  });
});
