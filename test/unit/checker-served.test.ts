import { describe, expect, it } from 'vitest';
import type { Entry } from '../support/checker/history.ts';
import { BRISK, broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;
const ALL = [0, 1, 2];

/** Messages take 1 ms, a node is waited for for 12 ms, and no pause is longer than 20 ms. */
const brisk = ({ nodes = 3 } = {}): Story => story({ nodes, pace: BRISK });

/** A lock is released at 100. */
const released = (nodes = ALL): Story => brisk().stands('a', nodes, 0, 100, { end: 'deleted', endedBy: 'a' });

const waits = (history: Story, settledAt: number, invokedAt = 10): Story =>
  history.calls('acquire', 'b', invokedAt, settledAt, { outcome: 'timeout' });

/** It waits in the line of a node until then. */
const queues = (history: Story, until: number, also: Partial<Entry> = {}): Story =>
  waits(history, until).queues('b', 0, 20, until, also);

const asks = (
  history: Story,
  at: number,
  also: { executedAt?: number; keys?: string[]; waits?: boolean } = {},
): Story => history.asks('grant', 'b', [0], at, { keys: ['r'], ...also });

const untold = (settledAt: number): Story =>
  waits(released(), settledAt).disturbs([0, 1], 0, NEVER, 'messages').locks('c', 6_000, 6_100);

const disturbed = (settledAt: number): Story =>
  waits(released(), settledAt).disturbs([0, 1], 0, 120, 'messages');

/** Somebody waits, and tries all the time. */
const tries = (settledAt: number): Story => {
  const history = brisk().calls('acquire', 'b', 0, settledAt, { outcome: 'timeout' });
  for (let at = 0; at < settledAt; at += 10) history.asks('grant', `b${at}`, [0], at, { keys: ['r'] });
  return history;
};

/** Nobody has the lock all that time, which is another matter. */
const slept = (history: Story): boolean => broken(history).includes('served');

const yields = (settledAt: number, token = 'b'): Story =>
  queues(released(), settledAt).asks('release', token, [0], 90, { afterwards: 'yield', keys: ['r'] });

describe('served', () => {
  it('is broken by a line whose key is free for 54 ms', () => {
    expect(slept(queues(released(), 154))).toBe(false);
    expect(slept(queues(released(), 155))).toBe(true);
  });

  it('counts from the end of what is kept for somebody', () => {
    expect(slept(queues(released(), 184).keeps('c', 0, 100, 130))).toBe(false);
    expect(slept(queues(released(), 185).keeps('c', 0, 100, 130))).toBe(true);
  });

  it('takes a grant that comes to the node for enough, whatever becomes of it', () => {
    expect(slept(asks(queues(released(), 200), 150))).toBe(false);
    expect(slept(asks(queues(released(), 205), 150))).toBe(true);
    expect(slept(asks(queues(released(), 205), 150, { keys: ['s'] }))).toBe(true);
  });

  it('allows the pause of whoever has given a turn back', () => {
    expect(slept(yields(404))).toBe(false);
    expect(slept(yields(405))).toBe(true);
    // But for the next in line.
    expect(slept(yields(155, 'c'))).toBe(true);
    expect(slept(yields(404, 'c').queues('d', 0, 90, 200))).toBe(false);
  });

  it('asks for nothing of who does not wait there, or does not run', () => {
    expect(slept(released().queues('b', 0, 20, 200))).toBe(false);
    expect(slept(queues(released(), 200).isKilled('b', 150))).toBe(false);
    expect(slept(queues(released(), 200).stops('b', 90, 101))).toBe(false);
    expect(slept(queues(released(), 200).stops('c', 90, 101))).toBe(true);
    expect(slept(queues(released(), 200).queues('b', 1, 120, 200))).toBe(false);
    expect(slept(brisk().queues('b', 0, 20, 200, { client: -1 }))).toBe(false);
  });

  it('asks for nothing of who does not hear that node, or reaches no quorum', () => {
    expect(slept(queues(released(), 200).disturbs([0], 0, 90, 'messages'))).toBe(false);
    expect(slept(queues(released(), 200).disturbs([1], 0, 90, 'messages'))).toBe(true);
    expect(slept(queues(released(), 200).disturbs([1, 2], 0, 90))).toBe(false);
  });

  it('is broken by who does not try within 310 ms of a release, wherever it waits', () => {
    expect(slept(waits(released(), 410))).toBe(false);
    expect(slept(waits(released(), 411))).toBe(true);
  });

  it('takes an attempt of anybody after the release for enough', () => {
    expect(slept(asks(waits(released(), 420), 410))).toBe(false);
    expect(slept(asks(waits(released(), 420), 411))).toBe(true);
    const history = waits(released(), 420).asks('grant', 'c', [0], 110, { keys: ['r'] });
    expect(slept(history)).toBe(false);
  });

  it('takes an attempt that comes to a node after the release for one, and no other', () => {
    expect(slept(asks(waits(released(), 420), 99, { executedAt: 100 }))).toBe(false);
    expect(slept(asks(waits(released(), 420), 98, { executedAt: 99 }))).toBe(true);
    expect(slept(asks(waits(released(), 420), 110, { keys: ['s'] }))).toBe(true);
  });

  it('allows the turns that others have missed', () => {
    expect(slept(waits(released(), 452).keeps('c', 0, 100, 130))).toBe(false);
    expect(slept(waits(released(), 453).keeps('c', 0, 100, 130))).toBe(true);
    expect(slept(waits(released(), 411).keeps('c', 0, 100, 130, { end: 'taken' }))).toBe(true);
  });

  it('counts from when a quorum is free', () => {
    const history = brisk().stands('a', [0], 0, 50).stands('a', [1, 2], 0, 100);
    expect(slept(waits(history, 410))).toBe(false);
    expect(slept(waits(released([0, 1]), 411))).toBe(true);
  });

  it('asks for nothing if somebody else is there again', () => {
    expect(slept(waits(released(), 450).stands('c', [0, 1], 400, 500))).toBe(false);
    expect(slept(waits(released(), 450).stands('c', [0], 400, 500))).toBe(true);
  });

  it('asks for nothing of who does not wait, or does not run', () => {
    expect(slept(released().calls('tryAcquire', 'b', 10, 450, { outcome: 'error' }))).toBe(false);
    expect(slept(released().calls('acquire', 'b', 10, 450, { wonAt: 400 }))).toBe(false);
    expect(slept(waits(released(), 450).isKilled('b', 400))).toBe(false);
    expect(slept(waits(released(), 450).stops('b', 90, 101))).toBe(false);
    expect(slept(waits(released(), 450).stops('c', 90, 101))).toBe(true);
  });

  it('asks for nothing of a process that has the lock itself', () => {
    const history = released().locks('b', 0, 440, { releasedAt: 440 });
    expect(slept(history.calls('acquire', 'b2', 10, 460, { outcome: 'timeout' }))).toBe(false);
  });

  it('asks for nothing while too many nodes are disturbed', () => {
    expect(slept(waits(released(), 450).disturbs([0], 0, NEVER))).toBe(true);
    expect(slept(waits(released(), 450).disturbs([0, 1], 0, NEVER))).toBe(false);
  });

  it('allows 5 s as well while too few nodes are heard, or that one in whose line it is', () => {
    expect(slept(untold(5_180))).toBe(false);
    expect(slept(untold(5_200))).toBe(true);
    const history = waits(released(), 1_000).disturbs([0], 0, NEVER, 'messages');
    expect(slept(history)).toBe(true);
    expect(slept(history.queues('b', 0, 20, 1_000))).toBe(false);
  });

  it('counts from the end of a disturbance', () => {
    expect(slept(disturbed(430))).toBe(false);
    expect(slept(disturbed(431))).toBe(true);
  });

  it('is not about who wants other keys as well', () => {
    const history = waits(released(), 450).calls('acquire', 'b', 0, 460, {
      resources: ['r', 's'],
      outcome: 'timeout',
    });
    expect(slept(history)).toBe(false);
  });
});

const yielded = (at: number): Story =>
  tries(at).asks('release', 'c', [0], 5, { keys: ['r'], afterwards: 'yield', waits: true });

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

  it('asks for nothing while those who were forged get their turns', () => {
    expect(broken(tries(97).queues('b', 0, 5, 20, { client: -1 }))).toEqual([]);
    expect(broken(tries(97).queues('b', 0, 5, 20, { client: -1, end: 'unheard' }))).toEqual(['progress']);
  });

  it('asks for nothing where somebody may not release', () => {
    const refused = tries(41).asks('release', 'c', [0], 5, {
      keys: ['r'],
      reply: 'NOPERM no',
      answeredAt: 6,
    });
    expect(broken(refused)).toEqual([]);
  });

  it('allows a reservation and 12 ms more when a turn was given back', () => {
    expect(broken(yielded(82))).toEqual([]);
    expect(broken(yielded(83))).toContain('progress');
  });

  it('allows three times nodeTimeout and a pause as well while a node is disturbed', () => {
    expect(broken(tries(96).disturbs([0], 0, NEVER))).toEqual([]);
    expect(broken(tries(97).disturbs([0], 0, NEVER))).toEqual(['progress']);
  });
});
