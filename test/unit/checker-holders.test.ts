import { describe, expect, it } from 'vitest';
import { broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A lock that is valid until 100, and whose signal aborts at an instant. */
function told(abortedAt: number): Story {
  return story().locks('a', 0, 100, { releasedAt: NEVER, abortedAt });
}

/** The same, handed out at 120 to a client that was stopped over the end. */
function late(abortedAt: number): Story {
  return story()
    .stops('a', 50, 120, 'amid')
    .asks('grant', 'a', [0, 1, 2], 0)
    .stands('a', [0, 1, 2], 0, 110)
    .holds('a', 120, 100, { releasedAt: NEVER, abortedAt });
}

/** Asked for at 0, handed out at 50, valid until 100; one of the clients was stopped for a while. */
function stopped(token: string, from: number, to: number, worth: number): Story {
  return story()
    .stops(token, from, to)
    .asks('grant', 'a', [0, 1, 2], 0)
    .stands('a', [0, 1, 2], 0, 100)
    .holds('a', 50, 100, { worth });
}

/** Over at 100; extended all the same, at an instant; the client was stopped until 110. */
function revived(at: number): Story {
  return story()
    .stops('a', 50, 110, 'amid')
    .locks('a', 0, 200, {
      validity: [
        { at: 0, until: 100 },
        { at, until: 200 },
      ],
    });
}

describe('told', () => {
  it('is broken by a signal that aborts after the end of validity', () => {
    expect(broken(told(101))).toEqual(['told']);
  });

  it('is broken by a signal that never aborts', () => {
    expect(broken(told(NEVER))).toEqual(['told']);
  });

  it('is broken by a holder who gives the lock back after its end, not having been told', () => {
    expect(broken(story().locks('a', 0, 100, { releasedAt: 150 }))).toEqual(['told']);
  });

  it.each([90, 100, 100 + 1e-6])('allows a signal that aborts by the end of validity (%f)', (abortedAt) => {
    expect(broken(told(abortedAt))).toEqual([]);
  });

  it('counts the end of the last extension', () => {
    const validity = [
      { at: 0, until: 50 },
      { at: 40, until: 100 },
    ];
    const extended = (abortedAt: number) =>
      story().locks('a', 0, 100, { validity, releasedAt: NEVER, abortedAt });
    expect(broken(extended(100))).toEqual([]);
    expect(broken(extended(101))).toEqual(['told']);
  });

  it('gives a client that was stopped over the end a timer’s lateness once it runs again', () => {
    expect(broken(told(121).stops('a', 90, 120))).toEqual([]);
    expect(broken(told(122).stops('a', 90, 120))).toEqual(['told']);
  });

  it('gives it from the last of several stops that follow upon each other', () => {
    expect(broken(told(151).stops('a', 90, 120).stops('a', 120, 150))).toEqual([]);
    expect(broken(told(152).stops('a', 90, 120).stops('a', 120, 150))).toEqual(['told']);
  });

  it('does not excuse a signal by a stop that comes when it is late already', () => {
    expect(broken(told(151).stops('a', 105, 150))).toEqual(['told']);
  });

  it('does not excuse a signal by a stop that was over in good time', () => {
    expect(broken(told(101).stops('a', 50, 95))).toEqual(['told']);
  });

  it('does not excuse a signal by a stop of another client', () => {
    expect(broken(told(121).stops('b', 90, 120))).toEqual(['told']);
  });

  it('excuses a client that runs again so short before the end that no timer can be in time', () => {
    expect(broken(told(100.5).stops('a', 90, 99.6, 'amid'))).toEqual([]);
  });

  it('allows for the lateness of processes in real time', () => {
    expect(broken(told(105), { forgive: true, lateness: 5 })).toEqual([]);
    expect(broken(told(106), { forgive: true, lateness: 5 })).toEqual(['told']);
  });

  it('allows it for the time in which the process runs, however often it is held up before the signal', () => {
    const late = told(132).stops('a', 102, 110).stops('a', 111, 130);
    const tooLate = told(135).stops('a', 102, 110).stops('a', 111, 130);
    expect(broken(late, { forgive: true, lateness: 5 })).toEqual([]);
    expect(broken(tooLate, { forgive: true, lateness: 5 })).toEqual(['told']);
  });

  it('expects nothing of a client that was killed by then', () => {
    expect(broken(told(NEVER).isKilled('a', 100))).toEqual([]);
    expect(broken(told(NEVER).isKilled('a', 101))).toEqual(['told']);
  });

  it('expects a lock that is handed out after its end to say so at once', () => {
    expect(broken(late(120))).toEqual([]);
    expect(broken(late(122))).toEqual(['told']);
  });
});

describe('told first', () => {
  it('is broken by a call that returns to a caller one of whose locks is over', () => {
    expect(broken(story().calls('inspect', 'a', 0, 10, { stale: ['a'] }))).toEqual(['told first']);
  });

  it('excuses a client that was stopped in the midst of its code until then', () => {
    const history = story().calls('inspect', 'a', 0, 10, { stale: ['a'] });
    expect(broken(history.stops('a', 5, 10, 'amid'))).toEqual([]);
  });

  it.each([
    ['between two events', 'a', 10, 'between'],
    ['but ran again before', 'a', 9, 'amid'],
    ['if it is another client', 'b', 10, 'amid'],
  ] as const)('does not excuse a client that was stopped, %s', (_, token, to, where) => {
    const history = story().calls('inspect', 'a', 0, 10, { stale: ['a'] });
    expect(broken(history.stops(token, 5, to, where))).toEqual(['told first']);
  });
});

describe('quiet', () => {
  it('is broken by a signal that aborts after a release', () => {
    expect(broken(story().locks('a', 0, 100, { releasedAt: 50, abortedAt: 60 }))).toEqual(['quiet']);
  });

  it('allows that a lock that was lost is given back', () => {
    expect(broken(story().locks('a', 0, 100, { releasedAt: 60, abortedAt: 50 }))).toEqual([]);
  });

  it('allows that a lock is lost as it is given back', () => {
    expect(broken(story().locks('a', 0, 100, { releasedAt: 50, abortedAt: 50 }))).toEqual([]);
  });
});

describe('valid', () => {
  it('is broken by a lock that is handed out after its end', () => {
    const history = story().stands('a', [0, 1, 2], 0, 120);
    expect(broken(history.holds('a', 110, 100, { releasedAt: 110 }))).toEqual(['valid']);
  });

  it('is broken by a lock that is handed out at its end', () => {
    expect(broken(story().locks('a', 100, 100))).toEqual(['valid']);
  });

  it('is broken by a lock that is worth less than its options promise', () => {
    expect(broken(story().locks('a', 0, 100, { worth: 151 }))).toEqual(['valid']);
  });

  it('allows for clocks that are fast by half', () => {
    expect(broken(story().locks('a', 0, 100, { worth: 150 }))).toEqual([]);
  });

  it('does not count extensions', () => {
    const validity = [
      { at: 0, until: 20 },
      { at: 10, until: 100 },
    ];
    expect(broken(story().locks('a', 0, 100, { validity, worth: 100 }))).toEqual(['valid']);
  });

  describe('when the client was stopped', () => {
    it('allows what the stop has cost', () => {
      expect(broken(stopped('a', 5, 45, 135))).toEqual([]);
      expect(broken(stopped('a', 5, 45, 136))).toEqual(['valid']);
    });

    it('allows what a stop just before the request has cost', () => {
      expect(broken(stopped('a', -40, 0, 135))).toEqual([]);
    });

    it('allows what a stop between the attempt and its requests has cost', () => {
      // As when it waits for its first contact.
      expect(broken(stopped('a', -45, -5, 135))).toEqual(['valid']);
      expect(broken(stopped('a', -45, -5, 135).tries('a', -50).calls('acquire', 'a', -50, 50))).toEqual([]);
    });

    it.each([
      ['was over before', 'a', -40, -1],
      ['came later', 'a', 50, 90],
      ['was another client’s', 'b', 5, 45],
    ] as const)('allows nothing for a stop that %s', (_, token, from, to) => {
      expect(broken(stopped(token, from, to, 135))).toEqual(['valid']);
    });

    it('allows a lock that is over because of it', () => {
      const history = story()
        .stops('a', 5, 105, 'amid')
        .asks('grant', 'a', [0, 1, 2], 0)
        .stands('a', [0, 1, 2], 0, 110)
        .holds('a', 110, 100, { releasedAt: 110 });
      expect(broken(history)).toEqual([]);
    });
  });
});

describe('valid, when a lock is extended', () => {
  it('is broken by a lock that comes back once it is over', () => {
    expect(broken(revived(101))).toEqual(['valid']);
  });

  it('allows an extension at the very end', () => {
    expect(broken(revived(100))).toEqual([]);
  });

  it('allows it to a client that was stopped in the midst of its code', () => {
    expect(broken(revived(110))).toEqual([]);
    expect(broken(revived(111))).toEqual(['valid']);
  });
});

describe('bounded', () => {
  it('is broken by a validity beyond maxHoldTime', () => {
    expect(broken(story().locks('a', 0, 100, { maxHoldTime: 99 }))).toEqual(['bounded']);
  });

  it('is broken by extensions beyond maxHoldTime', () => {
    const validity = [
      { at: 0, until: 50 },
      { at: 40, until: 100 },
    ];
    expect(broken(story().locks('a', 0, 100, { validity, maxHoldTime: 99 }))).toEqual(['bounded']);
  });

  it('counts from when the lock was asked for', () => {
    const history = story()
      .asks('grant', 'a', [0, 1, 2], 0)
      .stands('a', [0, 1, 2], 0, 100)
      .holds('a', 5, 100, { maxHoldTime: 99 });
    expect(broken(history)).toEqual(['bounded']);
  });

  it('allows all of maxHoldTime, at any time', () => {
    expect(broken(story().locks('a', 50, 150, { maxHoldTime: 100 }))).toEqual([]);
  });
});
