import { describe, expect, it } from 'vitest';
import { BRISK, broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;
const ALL = [0, 1, 2];

/** Messages take 1 ms, a node is waited for for 12 ms, and no pause is longer than 20 ms. */
const brisk = ({ nodes = 3 } = {}): Story => story({ nodes, pace: BRISK });

/** A lock is released at 100, and everybody is told. */
const released = (nodes = ALL): Story =>
  brisk().stands('a', nodes, 0, 100, { end: 'deleted', endedBy: 'a', announced: true });

const waits = (history: Story, settledAt: number, invokedAt = 10): Story =>
  history.calls('acquire', 'b', invokedAt, settledAt, { outcome: 'timeout' });

const asks = (history: Story, at: number, also: { executedAt?: number; keys?: string[] } = {}): Story =>
  history.asks('grant', 'b', [0], at, { keys: ['r'], ...also });

const expired = (settledAt: number): Story => waits(brisk().stands('a', ALL, 0, 100), settledAt);

const untold = (settledAt: number): Story =>
  waits(released(), settledAt).disturbs([0, 1], 0, NEVER, 'messages').locks('c', 6_000, 6_100);

const disturbed = (settledAt: number): Story =>
  waits(released(), settledAt).disturbs([0, 1], 0, 120, 'messages');

const first = (settledAt: number): Story =>
  story().calls('acquire', 'a', 0, settledAt, { outcome: 'timeout' });

const refused = (denials: number, answeredAt = 1): Story =>
  story({ nodes: 5 })
    .asks('grant', 'a', [0, 1, 2, 3].slice(0, denials), 0, { reply: 'denied', answeredAt })
    .asks('grant', 'a', [4], 0)
    .asks('release', 'a', [4], 2);

/** Somebody waits, and tries all the time. */
const tries = (settledAt: number): Story => {
  const history = brisk().calls('acquire', 'b', 0, settledAt, { outcome: 'timeout' });
  for (let at = 0; at < settledAt; at += 10) history.asks('grant', `b${at}`, [0], at, { keys: ['r'] });
  return history;
};

/** One process gets the lock again and again while another waits. */
const keeps = (times: number, other?: number): Story => {
  const history = brisk().calls('acquire', 'b', 0, 1_500, { outcome: 'timeout' });
  for (let i = 0; i < 150; i++) {
    const who = i < times && i !== other ? 'a' : String.fromCharCode('c'.charCodeAt(0) + (i % 2));
    history.locks(`${who}${i}`, 10 * i, 10 * i + 10);
  }
  return history;
};

/** Nobody has the lock all that time, which is another matter. */
const slept = (history: Story): boolean => broken(history).includes('woken');

describe('woken', () => {
  it('is broken by who does not try within 30 ms of a release', () => {
    expect(slept(waits(released(), 130))).toBe(false);
    expect(slept(waits(released(), 131))).toBe(true);
  });

  it('takes an attempt after the release for enough, whatever becomes of it', () => {
    expect(slept(asks(waits(released(), 140), 130))).toBe(false);
    expect(slept(asks(waits(released(), 140), 131))).toBe(true);
  });

  it('takes an attempt that comes to a node after the release for one, and no other', () => {
    expect(slept(asks(waits(released(), 140), 99, { executedAt: 100 }))).toBe(false);
    expect(slept(asks(waits(released(), 140), 98, { executedAt: 99 }))).toBe(true);
  });

  it('is not about attempts for other keys, or of other clients', () => {
    expect(slept(asks(waits(released(), 140), 110, { keys: ['s'] }))).toBe(true);
    const history = waits(released(), 140).asks('grant', 'c', [0], 110, { keys: ['r'] });
    expect(slept(history)).toBe(true);
  });

  it('allows the longest pause as well after what nobody is told of', () => {
    expect(slept(expired(150))).toBe(false);
    expect(slept(expired(151))).toBe(true);
  });

  it('counts from when a quorum is free', () => {
    const history = brisk()
      .stands('a', [0], 0, 50)
      .stands('a', [1, 2], 0, 100, { end: 'deleted', endedBy: 'a', announced: true });
    expect(slept(waits(history, 130))).toBe(false);
    expect(slept(waits(released([0, 1]), 131))).toBe(true);
  });

  it('asks for nothing if somebody else is there again', () => {
    expect(slept(waits(released(), 150).stands('c', [0, 1], 120, 200))).toBe(false);
    expect(slept(waits(released(), 150).stands('c', [0], 120, 200))).toBe(true);
  });

  it('asks for nothing of who does not wait', () => {
    expect(slept(released().calls('tryAcquire', 'b', 10, 150, { outcome: 'error' }))).toBe(false);
    const got = released().calls('acquire', 'b', 10, 150, { wonAt: 120 });
    expect(slept(got)).toBe(false);
  });

  it('asks for nothing of who does not run', () => {
    expect(slept(waits(released(), 150).isKilled('b', 120))).toBe(false);
    expect(slept(waits(released(), 150).stops('b', 90, 101))).toBe(false);
    expect(slept(waits(released(), 150).stops('c', 90, 101))).toBe(true);
  });

  it('asks for nothing of a process that has the lock itself', () => {
    const history = released().locks('b', 0, 140, { releasedAt: 140 });
    expect(slept(history.calls('acquire', 'b2', 10, 160, { outcome: 'timeout' }))).toBe(false);
  });

  it('asks for nothing while too many nodes are disturbed', () => {
    expect(slept(waits(released(), 150).disturbs([0], 0, NEVER))).toBe(true);
    expect(slept(waits(released(), 150).disturbs([0, 1], 0, NEVER))).toBe(false);
  });

  it('allows 5 s as well while too few nodes tell of releases', () => {
    expect(slept(untold(5_150))).toBe(false);
    expect(slept(untold(5_200))).toBe(true);
  });

  it('counts from the end of a disturbance', () => {
    expect(slept(disturbed(170))).toBe(false);
    expect(slept(disturbed(171))).toBe(true);
  });

  it('is not about who wants other keys as well', () => {
    const history = waits(released(), 140).calls('acquire', 'b', 0, 150, {
      resources: ['r', 's'],
      outcome: 'timeout',
    });
    expect(slept(history)).toBe(false);
  });
});

describe('in turn', () => {
  it('is broken by a call that gets the lock while an earlier one waits', () => {
    expect(broken(first(20).calls('using', 'a', 1, 30, { wonAt: 10 }))).toEqual(['in turn']);
  });

  it('excuses a call that was aborted before', () => {
    expect(broken(first(10).calls('using', 'a', 1, 30, { wonAt: 10 }))).toEqual([]);
  });

  it('holds for calls of one instant', () => {
    expect(broken(first(20).calls('acquire', 'a', 0, 10, { wonAt: 10 }))).toEqual(['in turn']);
  });

  it('is not about other processes, other resources, or calls that do not wait', () => {
    expect(broken(first(20).calls('acquire', 'b', 1, 10, { wonAt: 10 }))).toEqual([]);
    expect(broken(first(20).calls('acquire', 'a', 1, 10, { wonAt: 10, resources: ['s'] }))).toEqual([]);
    expect(broken(first(20).calls('acquire', 'a', 1, 10, { wonAt: 10, once: true }))).toEqual([]);
    expect(broken(first(20).calls('tryAcquire', 'a', 1, 10))).toEqual([]);
  });
});

describe('discreet', () => {
  const told = { end: 'deleted', endedBy: 'a', announced: true } as const;

  it('is broken when the end of an attempt is told that so many have denied that it could not win', () => {
    expect(broken(refused(3).stands('a', [4], 0, 2, told))).toEqual(['discreet']);
    expect(broken(refused(2).stands('a', [4], 0, 2, told))).toEqual([]);
  });

  it('is not about what is not told', () => {
    expect(broken(refused(3).stands('a', [4], 0, 2, { ...told, announced: false }))).toEqual([]);
  });

  it('is not about an attempt that another lock of its process was handed on to', () => {
    const history = refused(3).stands('a', [4], 0, 2, told);
    expect(broken(history.locks('a0', -90, 0))).toEqual([]);
    expect(broken(refused(3).stands('a', [4], 0, 2, told).locks('b', -90, 0))).toEqual(['discreet']);
  });

  it('is not about denials that came after it was given up', () => {
    expect(broken(refused(3, 3).stands('a', [4], 0, 2, told))).toEqual([]);
  });
});

describe('progress', () => {
  it('is broken when nobody has the lock for 40 ms', () => {
    expect(broken(tries(40))).toEqual([]);
    expect(broken(tries(41))).toEqual(['progress']);
  });

  it('counts from the end of what the last holder has left', () => {
    expect(broken(tries(140).locks('a', 0, 100))).toEqual([]);
    expect(broken(tries(141).locks('a', 0, 100))).toEqual(['progress']);
    expect(broken(tries(140).locks('a', 0, 100, { releasedAt: 50 }))).toEqual([]);
  });

  it('does not count what contenders have', () => {
    const split = tries(41)
      .stands('c', [0, 1], 0, 60)
      .asks('grant', 'c', [0, 1], 0, { keys: ['r'] });
    expect(broken(split)).toEqual(['progress']);
  });

  it('counts what the dead have left', () => {
    const split = tries(41)
      .stands('c', [0, 1], 0, 60)
      .asks('grant', 'c', [0, 1], 0, { keys: ['r'] });
    expect(broken(split.isKilled('c', 1))).toEqual([]);
  });

  it('asks for nothing while somebody is stopped', () => {
    expect(broken(tries(60).stops('c', 10, 20))).toEqual([]);
  });

  it('allows three times nodeTimeout and a pause as well while a node is disturbed', () => {
    expect(broken(tries(96).disturbs([0], 0, NEVER))).toEqual([]);
    expect(broken(tries(97).disturbs([0], 0, NEVER))).toEqual(['progress']);
  });
});

describe('shared', () => {
  it('is broken by a process that hands a lock on to itself more than 99 times in a row', () => {
    expect(broken(keeps(100))).toEqual([]);
    expect(broken(keeps(101))).toEqual(['shared']);
  });

  it('counts anew when another has had it', () => {
    expect(broken(keeps(140, 70))).toEqual([]);
  });

  it('asks for nothing where a node is disturbed, or who waits is stopped', () => {
    expect(broken(keeps(140).disturbs([0], 500, 510))).toEqual([]);
    expect(broken(keeps(140).stops('b', 500, 510))).toEqual([]);
  });
});
