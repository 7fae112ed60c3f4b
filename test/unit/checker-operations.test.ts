import { describe, expect, it } from 'vitest';
import type { Exchange } from '../support/checker/history.ts';
import { broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** The request leaves first, and is executed last. */
function overtaken(
  operation: 'grant' | 'extend',
  also: Partial<Exchange> = {},
  reordering: readonly number[] = [],
): Story {
  return story({ reordering })
    .asks(operation, 'a', [0], 0, { executedAt: 60, ...also })
    .asks('release', 'a', [0], 50);
}

describe('owner', () => {
  it('is broken by a vote that somebody else deletes', () => {
    expect(broken(story().stands('a', [0], 0, 50, { end: 'deleted', endedBy: 'b' }))).toEqual(['owner']);
  });

  it('is broken by a vote that another lock of the same client deletes', () => {
    expect(broken(story().stands('a', [0], 0, 50, { end: 'deleted', endedBy: 'a2' }))).toEqual(['owner']);
  });

  it('is broken by a vote that is overwritten', () => {
    expect(broken(story().stands('a', [0], 0, 50, { end: 'overwritten', endedBy: 'b' }))).toEqual(['owner']);
  });

  it('allows its owner to delete a vote', () => {
    expect(broken(story().stands('a', [0], 0, 50, { end: 'deleted', endedBy: 'a' }))).toEqual([]);
  });

  it.each(['expired', 'early', 'forgotten'] as const)('is not about a vote that ended %s', (end) => {
    expect(broken(story().stands('a', [0], 0, 50, { end }))).toEqual([]);
  });
});

describe('live votes', () => {
  it('is broken by a release that is executed while its lock is held', () => {
    expect(broken(story().locks('a', 0, 100).asks('release', 'a', [2], 50))).toEqual(['live votes']);
  });

  it('allows a release from the end of the lock on', () => {
    expect(broken(story().locks('a', 0, 100).asks('release', 'a', [0, 1, 2], 100))).toEqual([]);
  });

  it.each([
    ['was given back', { releasedAt: 50 }],
    ['was said to be lost', { releasedAt: NEVER, abortedAt: 50 }],
  ])('allows a release as soon as its lock %s', (_, end) => {
    expect(broken(story().locks('a', 0, 100, end).asks('release', 'a', [0, 1, 2], 50))).toEqual([]);
  });

  it('allows a release that is executed after its client was killed', () => {
    const history = story().locks('a', 0, 100).isKilled('a', 40);
    expect(broken(history.asks('release', 'a', [2], 40))).toEqual([]);
  });

  it('allows the releases of other locks of the same resource', () => {
    expect(broken(story().locks('a', 0, 100).asks('release', 'b', [0, 1, 2], 50))).toEqual([]);
  });

  it('allows a release that never arrives', () => {
    const lost = { executedAt: NEVER, answeredAt: NEVER };
    expect(broken(story().locks('a', 0, 100).asks('release', 'a', [2], 50, lost))).toEqual([]);
  });
});

describe('sent in time', () => {
  it.each(['extend', 'grant'] as const)('is broken by %s that is sent after a release', (operation) => {
    const history = story().asks('release', 'a', [0], 50);
    expect(broken(history.asks(operation, 'a', [1], 60))).toEqual(['sent in time']);
  });

  it('is broken in the very instant of the release', () => {
    const history = story().asks('release', 'a', [0], 50).asks('extend', 'a', [1], 50);
    expect(broken(history)).toEqual(['sent in time']);
  });

  it('allows what was sent before the release', () => {
    const history = story().asks('grant', 'a', [0, 1, 2], 0).asks('extend', 'a', [0, 1, 2], 50);
    expect(broken(history.asks('release', 'a', [0, 1, 2], 50))).toEqual([]);
  });

  it('allows a release to be sent again', () => {
    expect(broken(story().asks('release', 'a', [0], 50).asks('release', 'a', [0], 60))).toEqual([]);
  });

  it('allows what is sent for another token', () => {
    expect(broken(story().asks('release', 'a', [0], 50).asks('grant', 'a2', [0], 60))).toEqual([]);
  });

  it('allows an inspection, which has no token', () => {
    const inspection = { client: 0, token: '' };
    const history = story().asks('release', 'a', [0], 50, inspection);
    expect(broken(history.asks('inspect', 'a', [0], 60, inspection))).toEqual([]);
  });
});

describe('once', () => {
  it('is broken by a grant that is executed twice', () => {
    expect(broken(story().asks('grant', 'a', [0], 0).asks('grant', 'a', [0], 10))).toEqual(['once']);
  });

  it('is broken by the second grant even if it is denied', () => {
    const history = story().asks('grant', 'a', [0], 0).asks('grant', 'a', [0], 10, { reply: 'denied' });
    expect(broken(history)).toEqual(['once']);
  });

  it('allows a grant on each node', () => {
    expect(broken(story().asks('grant', 'a', [0, 1, 2], 0))).toEqual([]);
  });

  it('allows a grant to be sent again if it was not executed', () => {
    const unknown = { executedAt: NEVER, reply: 'NOSCRIPT No matching script.' };
    expect(broken(story().asks('grant', 'a', [0], 0, unknown).asks('grant', 'a', [0], 10))).toEqual([]);
  });

  it('allows extensions again and again', () => {
    expect(broken(story().asks('extend', 'a', [0], 0).asks('extend', 'a', [0], 10))).toEqual([]);
  });
});

describe('atomic', () => {
  it.each(['grant', 'extend', 'release', 'inspect'] as const)('is broken by a torn %s', (operation) => {
    expect(broken(story().asks(operation, 'a', [0], 0, { torn: true }))).toEqual(['atomic']);
  });
});

describe('first in, first out', () => {
  it.each([
    ['grant', 'granted'],
    ['extend', 'extended'],
    ['extend', 'repaired'],
  ] as const)('is broken by %s that sets a vote after its release (%s)', (operation, reply) => {
    expect(broken(overtaken(operation, { reply }))).toEqual(['first in, first out']);
  });

  it.each([
    ['grant', 'denied'],
    ['extend', 'taken'],
  ] as const)('allows %s that changes nothing after its release (%s)', (operation, reply) => {
    expect(broken(overtaken(operation, { reply }))).toEqual([]);
  });

  it('allows it over a dead connection', () => {
    expect(broken(overtaken('grant', { overDead: true }))).toEqual([]);
  });

  it('allows it on a node that reorders', () => {
    expect(broken(overtaken('grant', {}, [0]))).toEqual([]);
    expect(broken(overtaken('grant', {}, [1]))).toEqual(['first in, first out']);
  });

  it('allows it on another node', () => {
    const history = story().asks('grant', 'a', [0], 0, { executedAt: 60 }).asks('release', 'a', [1], 50);
    expect(broken(history)).toEqual([]);
  });

  it('allows the release of another lock in between', () => {
    const history = story().asks('grant', 'a', [0], 0, { executedAt: 60 }).asks('release', 'a2', [0], 50);
    expect(broken(history)).toEqual([]);
  });

  it('allows a vote to be set before the release is executed', () => {
    const history = story().asks('grant', 'a', [0], 0, { executedAt: 60 });
    expect(broken(history.asks('release', 'a', [0], 50, { executedAt: 61 }))).toEqual([]);
  });
});
