import { describe, expect, it } from 'vitest';
import type { Entry, Section } from '../support/checker/history.ts';
import { broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A call that never settles, and should within 10 ms. */
function never(): Story {
  return story().calls('acquire', 'a', 0, NEVER, { bound: 10, outcome: '' });
}

/** An attempt that is answered by one node after the other, at 10, 20 and 30, and settles. */
function attempt(reply: string, settledAt: number, nodes = 3): Story {
  const history = story({ nodes }).calls('tryAcquire', 'a', 0, settledAt, { once: true, outcome: 'failed' });
  for (let node = 0; node < nodes; node++)
    history.asks('grant', 'a', [node], 0, { reply, answeredAt: 10 * (node + 1) });
  return history;
}

/** The first node grants, and the others deny, at 10, 20 and 30. */
function refused(settledAt: number, nodes = 3): Story {
  const history = story({ nodes })
    .calls('tryAcquire', 'a', 0, settledAt, { once: true, outcome: 'failed' })
    .asks('grant', 'a', [0], 0, { answeredAt: 5 });
  for (let node = 1; node < nodes; node++)
    history.asks('grant', 'a', [node], 0, { reply: 'denied', answeredAt: 10 * node });
  return history;
}

/** An attempt; the first node answers last. */
function unordered(settledAt: number): Story {
  return story()
    .calls('tryAcquire', 'a', 0, settledAt, { once: true })
    .asks('grant', 'a', [0], 0, { answeredAt: 30 })
    .asks('grant', 'a', [1], 0, { answeredAt: 10 })
    .asks('grant', 'a', [2], 0, { answeredAt: 20 });
}

/** `null`, as somebody else has the lock. */
function denied(): Story {
  return story().calls('tryAcquire', 'a', 50, 60, { outcome: 'null' });
}

function inspected(outcome: string): Story {
  return story().calls('inspect', 'c', 50, 60, { outcome });
}

/** A lock that is extended from 40 on. */
function extended(settledAt: number, end: Partial<Section> = {}, outcome = 'ok'): Story {
  return story().locks('a', 0, 100, end).calls('extend', 'a', 40, settledAt, { outcome });
}

/** A call that has time for eleven attempts. */
function waiting(): Story {
  return story().calls('acquire', 'a', 0, 40);
}

describe('settled', () => {
  it('is broken by a call that takes longer than its bound', () => {
    expect(broken(story().calls('acquire', 'a', 0, 11, { bound: 10 }))).toEqual(['settled']);
  });

  it('is broken by a call that never settles', () => {
    expect(broken(story().calls('acquire', 'a', 0, NEVER, { bound: 10, outcome: '' }))).toEqual(['settled']);
  });

  it('is broken by a call that has not settled when all is healed', () => {
    const history = story().calls('acquire', 'a', 0, NEVER, { bound: 10, outcome: '' }).heals(100);
    expect(broken(history)).toEqual(['settled']);
  });

  it('is broken by a close that never settles', () => {
    const history = story().calls('close', 'a', 100, NEVER, { bound: 10, outcome: '' }).heals(100);
    expect(broken(history)).toEqual(['settled']);
  });

  it('is broken by a close that takes longer than its bound', () => {
    const history = story().calls('close', 'a', 100, 500, { bound: 10 }).heals(100);
    expect(broken(history)).toEqual(['settled']);
  });

  it('allows a call the whole of its bound', () => {
    expect(broken(story().calls('acquire', 'a', 0, 10, { bound: 10 }))).toEqual([]);
  });

  it('does not count while the client was stopped', () => {
    expect(broken(story().calls('acquire', 'a', 0, 40, { bound: 10 }).stops('a', 5, 35))).toEqual([]);
    expect(broken(story().calls('acquire', 'a', 0, 40, { bound: 10 }).stops('a', 5, 34))).toEqual([
      'settled',
    ]);
  });

  it('does not count a stop that ended as the call was made', () => {
    const history = story().calls('acquire', 'a', 30, 40, { bound: 10 }).stops('a', 0, 30);
    expect(broken(history)).toEqual([]);
  });

  it('excuses nothing by a stop of another client', () => {
    expect(broken(story().calls('acquire', 'a', 0, 40, { bound: 10 }).stops('b', 5, 35))).toEqual([
      'settled',
    ]);
  });

  it('expects nothing of a client that was killed in time', () => {
    expect(broken(never().isKilled('a', 10))).toEqual([]);
    expect(broken(never().isKilled('a', 11))).toEqual(['settled']);
    expect(broken(never().isKilled('b', 10))).toEqual(['settled']);
  });
});

const behind = (also: Partial<Entry>): Story =>
  story()
    .calls('acquire', 'a', 10, 20, { mustSucceed: true, outcome: 'timeout' })
    .queues('a', 0, 5, 15, { client: -1, ...also });

describe('live', () => {
  it('is broken by a call that must succeed, and does not', () => {
    const history = story().calls('acquire', 'a', 0, 10, { mustSucceed: true, outcome: 'timeout' });
    expect(broken(history)).toEqual(['live']);
  });

  it('allows any other call to fail', () => {
    expect(broken(story().calls('acquire', 'a', 0, 10, { outcome: 'timeout' }))).toEqual([]);
  });

  it('allows a call to succeed', () => {
    expect(broken(story().calls('acquire', 'a', 0, 10, { mustSucceed: true }))).toEqual([]);
  });

  it('expects nothing of a call behind somebody who was forged, and got his turn', () => {
    expect(broken(behind({}))).toEqual([]);
    expect(broken(behind({ end: 'stands' }))).toEqual([]);
    expect(broken(behind({ end: 'unheard' }))).toEqual(['live']);
    expect(broken(behind({ key: 's' }))).toEqual(['live']);
    expect(broken(behind({ until: 10 }))).toEqual(['live']);
    expect(broken(behind({ from: 20 }))).toEqual(['live']);
  });

  it('expects nothing of a killed client', () => {
    const history = story().calls('acquire', 'a', 0, NEVER, { mustSucceed: true, outcome: '', bound: 10 });
    expect(broken(history.isKilled('a', 5))).toEqual([]);
  });
});

describe('prompt', () => {
  it('is broken by an attempt that goes on when a quorum has granted', () => {
    expect(broken(attempt('granted', 21))).toEqual(['prompt']);
    expect(broken(attempt('granted', 20))).toEqual([]);
  });

  it('is broken by an attempt that goes on when no quorum is left, and is not undone', () => {
    expect(broken(refused(21))).toEqual(['prompt']);
    expect(broken(refused(20))).toEqual([]);
    expect(broken(refused(50).asks('release', 'a', [0], 20))).toEqual([]);
    expect(broken(refused(50).asks('release', 'a', [0], 21))).toEqual(['prompt']);
  });

  it('does not mind that nothing is undone where there is no connection', () => {
    expect(broken(refused(50).disturbs([0], 15, 60))).toEqual([]);
    expect(broken(refused(50).disturbs([0], 0, 4))).toEqual(['prompt']);
    expect(broken(refused(50).disturbs([1], 15, 60))).toEqual(['prompt']);
  });

  it('is decided by half of an even number of nodes when they deny', () => {
    expect(broken(refused(21, 4))).toEqual(['prompt']);
  });

  it('is not about attempts that leave nothing to be undone', () => {
    expect(broken(attempt('denied', 50))).toEqual([]);
  });

  it('is not decided by half of an even number of nodes when they grant', () => {
    expect(broken(attempt('granted', 30, 4))).toEqual([]);
    expect(broken(attempt('granted', 31, 4))).toEqual(['prompt']);
  });

  it('does not mind in which order the nodes answer', () => {
    expect(broken(unordered(20))).toEqual([]);
    expect(broken(unordered(21))).toEqual(['prompt']);
  });

  it('waits for the nodes that are missing', () => {
    const history = story().calls('tryAcquire', 'a', 0, 50, { once: true, outcome: 'unreachable' });
    history.asks('grant', 'a', [0], 0).asks('grant', 'a', [1], 0, { reply: 'denied' });
    history.asks('grant', 'a', [2], 0, { answeredAt: NEVER });
    expect(broken(history)).toEqual([]);
  });

  it('is not about calls that try again', () => {
    const history = attempt('denied', 20);
    history.calls('acquire', 'a', 0, 50, { once: false });
    expect(broken(history)).toEqual([]);
  });

  it('is not about the answers to other attempts', () => {
    const history = story().calls('tryAcquire', 'a2', 0, 50, { once: true });
    expect(broken(history.asks('grant', 'a', [0, 1, 2], 0))).toEqual([]);
  });

  it('is not about answers to anything but grants', () => {
    const history = story().calls('tryAcquire', 'a', 0, 50, { once: true, outcome: 'unreachable' });
    expect(broken(history.asks('inspect', 'a', [0, 1, 2], 0, { reply: 'granted' }))).toEqual([]);
  });

  it('excuses a client that was stopped', () => {
    expect(broken(attempt('granted', 60).stops('a', 20, 60))).toEqual([]);
    expect(broken(attempt('granted', 61).stops('a', 20, 60))).toEqual(['prompt']);
  });

  it('excuses a client that was killed', () => {
    expect(broken(attempt('granted', 21).isKilled('a', 20))).toEqual([]);
    expect(broken(attempt('granted', 21).isKilled('b', 20))).toEqual(['prompt']);
  });

  it('allows for the lateness of processes in real time', () => {
    expect(broken(attempt('granted', 25), { forgive: true, lateness: 5 })).toEqual([]);
    expect(broken(attempt('granted', 26), { forgive: true, lateness: 5 })).toEqual(['prompt']);
  });

  it('expects nothing of an attempt without a token', () => {
    const history = story().calls('tryAcquire', 'a', 0, 50, { once: true, token: undefined });
    expect(broken(history.asks('grant', 'a', [0, 1, 2], 0))).toEqual([]);
  });
});

describe('honest', () => {
  it('is broken by null when nobody else had a quorum', () => {
    expect(broken(denied())).toEqual(['honest']);
    expect(broken(denied().stands('b', [0], 0, 100))).toEqual(['honest']);
    expect(broken(denied().stands('b', [0], 0, 100).stands('c', [1], 0, 100))).toEqual(['honest']);
  });

  it.each([
    ['of its own', 'a', 0, 100, 'r'],
    ['on another resource', 'b', 0, 100, 's'],
    ['that was gone before', 'b', 0, 49, 'r'],
    ['that came after', 'b', 61, 100, 'r'],
  ] as const)('is broken by null because of votes %s', (_, token, from, until, key) => {
    expect(broken(denied().stands(token, [0, 1], from, until, { key }))).toEqual(['honest']);
  });

  it.each([
    [0, 50],
    [55, 56],
    [60, 100],
  ])('allows null when somebody else had a quorum at any time of the call (%i to %i)', (from, until) => {
    expect(broken(denied().stands('b', [0, 1], from, until))).toEqual([]);
  });

  it('allows null when a former attempt of the same client still had a quorum', () => {
    expect(broken(denied().stands('a2', [0, 1], 0, 100))).toEqual([]);
  });

  describe('about an inspection', () => {
    it('is broken by held when nobody had a quorum', () => {
      expect(broken(inspected('held'))).toEqual(['honest']);
      expect(broken(inspected('held').stands('a', [0], 0, 100))).toEqual(['honest']);
    });

    it('is broken by held when a quorum was only of several owners together', () => {
      const history = inspected('held').stands('a', [0], 0, 100).stands('b', [1], 0, 100);
      expect(broken(history)).toEqual(['honest']);
    });

    it('is broken by held when a quorum was only of several times on one node', () => {
      const history = inspected('held').stands('a', [0], 0, 55).stands('a', [0], 56, 100);
      expect(broken(history)).toEqual(['honest']);
    });

    it('allows held when anybody had a quorum', () => {
      expect(broken(inspected('held').stands('a', [0, 1], 0, 100))).toEqual([]);
    });

    it('allows held of one who had no lock, but votes', () => {
      expect(broken(inspected('held').stands('c', [1, 2], 0, 50))).toEqual([]);
    });

    it('is broken by free while somebody held it all the time', () => {
      expect(broken(inspected('free').locks('a', 0, 100))).toEqual(['honest']);
      expect(broken(inspected('free').locks('a', 50, 60))).toEqual(['honest']);
    });

    it.each([
      [0, 59],
      [51, 100],
    ])('allows free when somebody held it for a part of the time (%i to %i)', (from, until) => {
      expect(broken(inspected('free').locks('a', from, until))).toEqual([]);
    });

    it('allows free when another resource was held', () => {
      expect(broken(inspected('free').locks('a', 0, 100, { resources: ['s'] }))).toEqual([]);
    });

    it('allows free when nodes had lost votes', () => {
      const history = inspected('free').stands('a', [0, 1], 0, 60, { end: 'forgotten' }).holds('a', 0, 100);
      expect(broken(history)).toEqual([]);
    });

    it('does not allow free when nodes lost votes afterwards', () => {
      const history = inspected('free').stands('a', [0, 1], 0, 61, { end: 'forgotten' }).holds('a', 0, 100);
      expect(broken(history)).toEqual(['honest']);
    });

    it('allows any answer that claims nothing', () => {
      expect(broken(inspected('unknown').locks('a', 0, 100))).toEqual([]);
      expect(broken(inspected('unreachable'))).toEqual([]);
    });

    it('is not about what other calls say', () => {
      expect(broken(story().calls('acquire', 'c', 50, 60, { outcome: 'free' }).locks('a', 0, 100))).toEqual(
        [],
      );
      expect(broken(story().calls('acquire', 'c', 50, 60, { outcome: 'held' }))).toEqual([]);
    });
  });
});

describe('honest about extensions', () => {
  it.each([
    ['given back', { releasedAt: 50 }],
    ['said to be lost', { releasedAt: NEVER, abortedAt: 50 }],
  ])('is broken by a success when the lock was %s before', (_, end) => {
    expect(broken(extended(51, end))).toEqual(['honest']);
    expect(broken(extended(50, end))).toEqual([]);
  });

  it('allows it to fail then', () => {
    expect(broken(extended(51, { releasedAt: 50 }, 'released'))).toEqual([]);
  });

  it('is not about the release itself', () => {
    expect(broken(story().locks('a', 0, 100, { releasedAt: 50 }).calls('release', 'a', 50, 60))).toEqual([]);
  });

  it('is not about other locks of the client', () => {
    const history = extended(60).locks('a2', 0, 50, { resources: ['s'] });
    expect(broken(history)).toEqual([]);
  });
});

const several = (): Story => story().calls('acquire', 'a', 0, 40, { resources: ['r', 's'] });

const once = (): Story => story().calls('tryAcquire', 'a', 0, 40, { once: true });

describe('paced', () => {
  it.each(['acquire', 'using'] as const)('is broken by %s when it tries four times within 4 ms', (verb) => {
    const history = story().calls(verb, 'a', 0, 40).tries('a', 0, 3).tries('a', 4, 3).tries('a', 8);
    expect(broken(history)).toEqual([]);
    expect(broken(history.tries('a', 11, 3))).toEqual(['paced']);
  });

  it('allows those who want several resources more, and those who do not wait', () => {
    expect(broken(several().tries('a', 0, 4))).toEqual([]);
    expect(broken(several().tries('a', 0, 5))).toEqual(['paced']);
    expect(broken(once().tries('a', 0, 8))).toEqual([]);
    expect(broken(once().tries('a', 0, 9))).toEqual(['paced']);
  });

  it('allows nothing for the time before', () => {
    expect(broken(waiting().tries('a', 40, 4))).toEqual(['paced']);
  });

  it('allows a call nothing for the time after it', () => {
    expect(broken(waiting().tries('a', 100))).toEqual(['paced']);
  });

  it('allows each of several calls its attempts', () => {
    expect(broken(waiting().calls('acquire', 'a', 0, 40).tries('a', 40, 6))).toEqual([]);
    expect(broken(waiting().calls('acquire', 'a', 0, 40).tries('a', 40, 7))).toEqual(['paced']);
  });

  it('allows an attempt for each message', () => {
    const told = (): Story => waiting().tries('a', 10, 3).tells('turn', 'a', [0], 11);
    expect(broken(told().tries('a', 11))).toEqual([]);
    expect(broken(told().tries('a', 11, 2))).toEqual(['paced']);
    expect(broken(waiting().tells('turn', 'a', [0], 9).tries('a', 10, 4))).toEqual(['paced']);
    expect(broken(waiting().tells('turn', 'b', [0], 10).tries('a', 10, 4))).toEqual(['paced']);
  });

  it('allows an attempt for each node that it hears from now on', () => {
    expect(broken(waiting().tries('a', 10, 3).listens('a', [0], 11).tries('a', 11))).toEqual([]);
  });

  it('allows an attempt after each lock of the same process', () => {
    expect(broken(waiting().locks('a2', 0, 11).tries('a', 10, 3).tries('a', 11))).toEqual([]);
  });

  it.each([
    ['another client', 'acquire', 'b'],
    ['a call that makes no attempts', 'inspect', 'a'],
  ] as const)('allows no attempts because of %s', (_, verb, token) => {
    expect(broken(story().calls(verb, token, 0, 40, { outcome: '' }).tries('a', 0))).toEqual(['paced']);
  });

  it('counts the attempts of each client for itself', () => {
    const history = waiting().calls('acquire', 'b', 0, 40).tries('a', 0).tries('b', 0);
    expect(broken(history)).toEqual([]);
  });

  it('does not allow a call what only a later one has time for', () => {
    const history = story().calls('acquire', 'a', 0, 4).calls('acquire', 'a', 1_000, 2_000);
    expect(broken(history.tries('a', 4, 4))).toEqual(['paced']);
  });
});

describe('ordered', () => {
  it('is broken by an extension that overtakes another of the same lock', () => {
    const history = story().calls('extend', 'a', 0, 20).calls('extend', 'a', 5, 10);
    expect(broken(history)).toEqual(['ordered']);
  });

  it('is broken by one that overtakes any before it', () => {
    const history = story()
      .calls('extend', 'a', 0, 20)
      .calls('extend', 'a', 1, 10, { outcome: 'timeout' })
      .calls('extend', 'a', 2, 19);
    expect(broken(history)).toEqual(['ordered']);
  });

  it('allows extensions that settle together', () => {
    expect(broken(story().calls('extend', 'a', 0, 20).calls('extend', 'a', 5, 20))).toEqual([]);
  });

  it('allows extensions of different locks to overtake each other', () => {
    expect(broken(story().calls('extend', 'a', 0, 20).calls('extend', 'a2', 5, 10))).toEqual([]);
  });

  it('allows one that fails to overtake', () => {
    const history = story().calls('extend', 'a', 0, 20).calls('extend', 'a', 5, 10, { outcome: 'timeout' });
    expect(broken(history)).toEqual([]);
  });

  it('allows one that fails to be overtaken', () => {
    const history = story().calls('extend', 'a', 0, 20, { outcome: 'timeout' }).calls('extend', 'a', 5, 10);
    expect(broken(history)).toEqual([]);
  });

  it('is not about other calls', () => {
    expect(broken(story().calls('release', 'a', 0, 20).calls('release', 'a', 5, 10))).toEqual([]);
  });
});
