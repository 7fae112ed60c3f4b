import { describe, expect, it } from 'vitest';
import { BRISK, broken, type Story, story } from '../support/checker/story.ts';

/** A lock that was claimed for 100 ms at 1 s, and is released at the end of that. */
function released(world: Parameters<typeof story>[0] = {}): Story {
  return story(world).asks('grant', 'a', [0], 1_000, { ttl: 100 }).asks('release', 'a', [0], 1_100);
}

/** A client that has connected to a node twice. */
function connected(): Story {
  return story().sends('connection', 'a', 0, 100, 2);
}

const history = (at: number): Story => story().calls('acquire', 'a', 0, 100).tries('a', at);

describe('what no call has asked for', () => {
  it.each(['look', 'subscription', 'repetition'] as const)('is a %s, and at most 60 in a second', (what) => {
    expect(broken(story().sends(what, 'a', 0, 100, 60))).toEqual([]);
    expect(broken(story().sends(what, 'a', 0, 100, 61))).toEqual(['paced']);
  });

  it('is counted together', () => {
    const history = story().sends('look', 'a', 0, 100, 30).sends('repetition', 'a', 0, 1_000, 30);
    expect(broken(history)).toEqual([]);
    expect(broken(history.sends('subscription', 'a', 0, 1_050))).toEqual(['paced']);
  });

  it('is forgotten after a second', () => {
    expect(broken(story().sends('look', 'a', 0, 100, 60).sends('look', 'a', 0, 1_101, 60))).toEqual([]);
  });

  it('is counted for each client and each node', () => {
    const history = story()
      .sends('look', 'a', 0, 9, 60)
      .sends('look', 'a', 1, 9, 60)
      .sends('look', 'b', 0, 9, 60);
    expect(broken(history)).toEqual([]);
  });

  it('may be 12 more for each connection of the last two seconds', () => {
    expect(broken(connected().sends('look', 'a', 0, 2_100, 84))).toEqual([]);
    expect(broken(connected().sends('look', 'a', 0, 2_100, 85))).toEqual(['paced']);
    expect(broken(connected().sends('look', 'a', 0, 2_101, 61))).toEqual(['paced']);
    expect(broken(connected().sends('look', 'b', 0, 100, 61))).toEqual(['paced']);
  });
});

describe('what no call has asked for, beside attempts', () => {
  it('may be one more for each of them in the second', () => {
    expect(broken(history(90).sends('look', 'a', 0, 1_090, 61))).toEqual([]);
    expect(broken(history(90).sends('look', 'a', 0, 1_090, 62))).toEqual(['paced']);
    expect(broken(history(90).sends('look', 'a', 0, 1_091, 61))).toEqual(['paced']);
    expect(broken(history(90).sends('look', 'a', 0, 89, 61))).toEqual(['paced']);
    expect(broken(history(90).sends('look', 'b', 0, 1_090, 61))).toEqual(['paced']);
  });
});

describe('a release that is repeated', () => {
  it('may be so until its key must have expired', () => {
    expect(broken(released().asks('release', 'a', [0], 4_250))).toEqual([]);
    expect(broken(released().asks('release', 'a', [0], 4_251))).toEqual(['paced']);
  });

  it.each(['extend', 'repair'] as const)('may be so for longer after an operation %s', (operation) => {
    const history = (): Story =>
      story()
        .asks('grant', 'a', [0], 1_000, { ttl: 100 })
        .asks(operation, 'a', [1], 1_050, { ttl: 200 })
        .asks('release', 'a', [0], 1_100);
    expect(broken(history().asks('release', 'a', [0], 4_550))).toEqual([]);
    expect(broken(history().asks('release', 'a', [0], 4_551))).toEqual(['paced']);
  });

  it('may be late by the time for which its client did not run', () => {
    expect(broken(released().stops('a', 2_000, 3_000).asks('release', 'a', [0], 5_250))).toEqual([]);
    expect(broken(released().stops('a', 2_000, 3_000).asks('release', 'a', [0], 5_251))).toEqual(['paced']);
  });

  it('may be sent as late as a node is reached for the first time', () => {
    const late = { pace: { ...BRISK, metAt: 9_000 } };
    expect(broken(released(late).asks('release', 'a', [1], 9_000))).toEqual([]);
    expect(broken(released(late).asks('release', 'a', [1], 9_001))).toEqual(['paced']);
  });

  it('is not judged where nobody knows for how long the key was claimed', () => {
    const history = story().asks('grant', 'a', [0], 0).asks('release', 'a', [0], 100);
    expect(broken(history.asks('release', 'a', [0], 1e6))).toEqual([]);
  });
});
