import { describe, expect, it } from 'vitest';
import { broken, type Story, story } from '../support/checker/story.ts';

const STRICT = { forgive: false };
const NEVER = Number.POSITIVE_INFINITY;

/** Nodes forget the lock of `a` at 5, so that `b` can have it from 11 to 40; `a` asks for more at 50, and gets it at 60. */
interface Across {
  readonly asked?: number;
  readonly until?: number;
  readonly began?: number;
  readonly granted?: number;
  readonly key?: string;
  /** The tokens of `a` and `b`. */
  readonly tokens?: readonly (number | undefined)[];
}

function across({ asked = 10, until = 40, began = 50, granted = 0, key = 'r', tokens = [] }: Across): Story {
  return story()
    .asks('grant', 'a', [0, 1], 0)
    .asks('grant', 'a', [2], 0, { executedAt: granted })
    .stands('a', [0, 1, 2], 0, 5, { end: 'forgotten' })
    .holds('a', 0, 200, {
      fencingToken: tokens[0],
      validity: [
        { at: 0, until: 100 },
        { at: 60, until: 200 },
      ],
    })
    .asks('grant', 'b', [0, 1], asked)
    .stands('b', [0, 1], asked, until, { key })
    .holds('b', 11, until, { resources: [key], fencingToken: tokens[1] })
    .asks('extend', 'a', [0, 1, 2], began, { executedAt: 55, answeredAt: 60 });
}

// Nodes that give one key to two owners at a time: no quorum is missing, so nothing but exclusion is broken.
describe('exclusion', () => {
  it('is broken by two holders of a resource at the same time', () => {
    expect(broken(story().locks('a', 0, 100).locks('b', 50, 150))).toEqual(['exclusion']);
  });

  it('is broken by one client that holds a resource twice', () => {
    expect(broken(story().locks('a', 0, 100).locks('a2', 50, 150))).toEqual(['exclusion']);
  });

  it('is broken by a section within another', () => {
    expect(broken(story().locks('a', 0, 100).locks('b', 40, 60))).toEqual(['exclusion']);
  });

  it('is broken by locks that share one of their resources', () => {
    const one = { resources: ['r', 's'] };
    const other = { resources: ['s', 't'] };
    expect(broken(story().locks('a', 0, 100, one).locks('b', 50, 150, other))).toEqual(['exclusion']);
  });

  it('is broken by a holder whose validity was extended', () => {
    const validity = [
      { at: 0, until: 50 },
      { at: 40, until: 100 },
    ];
    expect(broken(story().locks('a', 0, 100, { validity }).locks('b', 60, 160))).toEqual(['exclusion']);
  });

  it('allows a lock from the very instant at which another ends', () => {
    expect(broken(story().locks('a', 0, 100).locks('b', 100, 200))).toEqual([]);
  });

  it('allows an overlap that is a rounding error', () => {
    expect(
      broken(
        story()
          .locks('a', 0, 100)
          .locks('b', 100 - 1e-6, 200),
      ),
    ).toEqual([]);
  });

  it('allows locks on different resources', () => {
    expect(
      broken(
        story()
          .locks('a', 0, 100)
          .locks('b', 50, 150, { resources: ['s'] }),
      ),
    ).toEqual([]);
  });

  it.each([
    ['was given back', { releasedAt: 50 }],
    ['was said to be lost', { releasedAt: NEVER, abortedAt: 50 }],
  ])('allows a lock as soon as another %s', (_, end) => {
    expect(broken(story().locks('a', 0, 100, end).locks('b', 50, 150))).toEqual([]);
    expect(broken(story().locks('a', 0, 100, end).locks('b', 49, 150))).toEqual(['exclusion']);
  });

  it('does not count what a killed client would still hold', () => {
    expect(broken(story().locks('a', 0, 100).locks('b', 50, 150).isKilled('a', 50))).toEqual([]);
    expect(broken(story().locks('a', 0, 100).locks('b', 50, 150).isKilled('a', 51))).toEqual(['exclusion']);
  });

  it.each(['early', 'forgotten'] as const)(
    'is forgiven, unless it must not be, when a vote was gone before (%s)',
    (end) => {
      const history = story()
        .locks('a', 0, 100)
        .locks('b', 50, 150)
        // A fourth vote, so that nothing else depends on it.
        .stands('a', [0], 0, 50, { key: 'other', end });
      expect(broken(history)).toEqual([]);
      expect(broken(history, STRICT)).toEqual(['exclusion']);
    },
  );

  it('is forgiven when it was the later holder whose vote was gone', () => {
    const history = story()
      .locks('a', 0, 100)
      .locks('b', 50, 150)
      .stands('b', [0], 40, 45, { key: 'other', end: 'forgotten' });
    expect(broken(history)).toEqual([]);
  });

  it('is not forgiven for a vote that is lost after both have begun to hold', () => {
    const history = story()
      .locks('a', 0, 100)
      .locks('b', 50, 150)
      .stands('a', [0], 0, 51, { key: 'other', end: 'forgotten' });
    expect(broken(history)).toEqual(['exclusion']);
  });

  it.each(['expired', 'deleted'] as const)('is not forgiven for a vote that was %s', (end) => {
    const history = story()
      .locks('a', 0, 100)
      .locks('b', 50, 150)
      .stands('a', [0], 0, 40, { key: 'other', end, endedBy: 'a' });
    expect(broken(history)).toEqual(['exclusion']);
  });

  it('is not forgiven for what a third owner has lost', () => {
    const history = story()
      .locks('a', 0, 100)
      .locks('b', 50, 150)
      .stands('c', [0], 0, 40, { end: 'forgotten' });
    expect(broken(history)).toEqual(['exclusion']);
  });
});

describe('support', () => {
  it('is broken by a holder who has no quorum of votes any more', () => {
    const history = story().stands('a', [0], 0, 100).stands('a', [1, 2], 0, 90).holds('a', 0, 100);
    expect(broken(history)).toEqual(['support']);
  });

  it('is broken by a holder who has no quorum of votes yet', () => {
    expect(broken(story().stands('a', [0, 1], 1, 100).holds('a', 0, 100))).toEqual(['support']);
  });

  it('is broken by half of the nodes, of an even number', () => {
    expect(broken(story({ nodes: 4 }).stands('a', [0, 1], 0, 100).holds('a', 0, 100))).toEqual(['support']);
    expect(broken(story({ nodes: 4 }).stands('a', [0, 1, 2], 0, 100).holds('a', 0, 100))).toEqual([]);
  });

  it('is broken by quorums that are of different nodes for each resource', () => {
    const history = story()
      .stands('a', [0, 1], 0, 100)
      .stands('a', [1, 2], 0, 100, { key: 's' })
      .holds('a', 0, 100, { resources: ['r', 's'] });
    expect(broken(history)).toEqual(['support']);
  });

  it('is broken by the votes of somebody else', () => {
    expect(broken(story().stands('b', [0, 1, 2], 0, 100).holds('a', 0, 100))).toEqual(['support']);
  });

  it('is broken by somebody who has one vote twice on a node, and no other', () => {
    const history = story().stands('a', [0], 0, 100).stands('a', [0], 0, 100).holds('a', 0, 100);
    expect(broken(history)).toEqual(['support']);
  });

  it('is there as long as the votes of any quorum stand', () => {
    const history = story().stands('a', [0, 1], 0, 100).stands('a', [2], 0, 10).holds('a', 0, 100);
    expect(broken(history)).toEqual([]);
  });

  it('is there when other nodes take over from those whose votes end', () => {
    const history = story()
      .stands('a', [0], 0, 100)
      .stands('a', [1], 0, 50)
      .stands('a', [2], 40, 100, { by: 'repair' })
      .holds('a', 0, 100);
    expect(broken(history)).toEqual([]);
  });

  it('is broken in the gap until other nodes take over', () => {
    const history = story()
      .stands('a', [0], 0, 100)
      .stands('a', [1], 0, 50)
      .stands('a', [2], 51, 100, { by: 'repair' })
      .holds('a', 0, 100);
    expect(broken(history)).toEqual(['support']);
  });

  it.each([
    ['gave the lock back', { releasedAt: 90 }],
    ['was told', { releasedAt: NEVER, abortedAt: 90 }],
  ])('is not needed by somebody who %s', (_, end) => {
    expect(broken(story().stands('a', [0, 1], 0, 90).holds('a', 0, 100, end))).toEqual([]);
  });

  it('is not needed by a killed client', () => {
    const history = story().stands('a', [0, 1], 0, 90).holds('a', 0, 100).isKilled('a', 90);
    expect(broken(history)).toEqual([]);
  });

  it.each(['early', 'forgotten'] as const)('forgives, unless it must not, a vote that ended %s', (end) => {
    const history = story().stands('a', [0], 0, 100).stands('a', [1], 0, 50, { end }).holds('a', 0, 100);
    expect(broken(history)).toEqual([]);
    expect(broken(history, STRICT)).toEqual(['support']);
  });

  it('does not forgive a vote that its own client deleted', () => {
    const history = story()
      .stands('a', [0], 0, 100)
      .stands('a', [1], 0, 50, { end: 'deleted', endedBy: 'a' })
      .holds('a', 0, 100);
    expect(broken(history)).toEqual(['support']);
  });

  it('does not forgive votes that were never there for those that were lost', () => {
    const history = story().stands('a', [0], 0, 50, { end: 'forgotten' }).holds('a', 0, 100);
    expect(broken(history)).toEqual(['support']);
  });
});

describe('continuity', () => {
  it('is broken by an extension across the section of another, even if votes were lost', () => {
    expect(broken(across({}))).toEqual(['continuity']);
  });

  it('is broken, with all the rest, when nothing is forgiven', () => {
    expect(broken(across({}), STRICT)).toEqual(['continuity', 'exclusion', 'support']);
  });

  it('allows that the other had asked before this one got the lock', () => {
    expect(broken(across({ asked: -1 }))).toEqual([]);
  });

  it('allows that the other held until the round was under way', () => {
    expect(broken(across({ until: 51 }))).toEqual([]);
    expect(broken(across({ until: 50 }))).toEqual(['continuity']);
  });

  it('allows that the other held another resource', () => {
    expect(broken(across({ key: 's' }))).toEqual([]);
  });

  it('allows that a grant of the first round was executed after the other had asked', () => {
    expect(broken(across({ granted: 45 }))).toEqual([]);
  });

  it('does not allow it where the counter of the grant tells', () => {
    expect(broken(across({ granted: 45, tokens: [1, 2] }))).toEqual(['continuity']);
    expect(broken(across({ granted: 45, tokens: [1] }))).toEqual([]);
    expect(broken(across({ granted: 45, tokens: [undefined, 2] }))).toEqual([]);
  });

  it('allows it where a counter was lost that would have told', () => {
    expect(broken(across({ granted: 45, tokens: [1, 2] }).losesCounters(20, false))).toEqual([]);
  });

  it('does not allow it for a grant that was executed before', () => {
    expect(broken(across({ granted: 9 }))).toEqual(['continuity']);
  });

  it('counts from the last success, not from the first', () => {
    const history = across({});
    // An extension that succeeded after `b` had asked, and before the one that is looked at.
    history.history.sections[0]?.validity.splice(1, 0, { at: 12, until: 112 });
    expect(broken(history)).toEqual([]);
  });

  it('looks at every success', () => {
    const history = across({});
    history.asks('extend', 'a', [0, 1, 2], 70, { executedAt: 75, answeredAt: 80 });
    history.history.sections[0]?.validity.push({ at: 80, until: 220 });
    expect(broken(history)).toEqual(['continuity']);
  });

  it('allows that the other held while the round was under way, though the next one began as it ended', () => {
    expect(
      broken(across({ until: 55 }).asks('extend', 'a', [0, 1, 2], 60, { executedAt: 65, answeredAt: 70 })),
    ).toEqual([]);
  });
});
