import { describe, expect, it } from 'vitest';
import type { Entry } from '../support/checker/history.ts';
import { BRISK, broken, type Story, story } from '../support/checker/story.ts';

const NEVER = Number.POSITIVE_INFINITY;

const brisk = (): Story => story({ pace: BRISK });

const first = (settledAt: number): Story =>
  story().calls('acquire', 'a', 0, settledAt, { outcome: 'timeout' });

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

/** A lock until 100, and then that of `c`, which has stood in the line of the first node since 30: unless it asks otherwise. */
const passes = (also: Partial<Entry> = {}, how: { waits?: boolean } = {}): Story =>
  brisk()
    .locks('a', 0, 100)
    .calls('acquire', 'c', 25, 102, { wonAt: 102 })
    .queues('c', 0, 30, 100, { ...also })
    .stands('c', [0, 1, 2], 101, 120)
    .asks('grant', 'c', [0], 101, { keys: ['r'], waits: true, since: 30, ...how })
    .asks('grant', 'c', [1, 2], 101, { keys: ['r'] })
    .holds('c', 102, 120);

/** Somebody has stood in that line since 20, and stands there still. */
const behind = (history: Story, also: Partial<Entry> = {}): Story =>
  history
    .calls('acquire', 'b', 15, 130, { outcome: 'timeout' })
    .queues('b', 0, 20, 130, { end: 'left', ...also });

const unfair = (history: Story): boolean => broken(history).includes('fair');

/** One process gets the lock again and again while another waits. */
const keeps = (times: number, other?: number): Story => {
  const history = brisk().calls('acquire', 'b', 0, 1_500, { outcome: 'timeout' });
  for (let i = 0; i < 150; i++) {
    const who = i < times && i !== other ? 'a' : String.fromCharCode('c'.charCodeAt(0) + (i % 2));
    history.locks(`${who}${i}`, 10 * i, 10 * i + 10);
  }
  return history;
};

const faulty = (history: Story): Story => history.disturbs([1], 25, 30, 'messages');

describe('fair', () => {
  it('is broken by who gets the lock before another that came to the line before it', () => {
    expect(broken(behind(passes()))).toEqual(['fair']);
    expect(unfair(behind(passes(), { from: 40, since: 40 }))).toBe(false);
  });

  it('goes by the score', () => {
    expect(unfair(behind(passes({ since: 19 })))).toBe(false);
    expect(unfair(behind(passes({ since: 21 })))).toBe(true);
  });

  it('is about those who came while others were there, and wait all the time', () => {
    expect(unfair(behind(passes({ from: 10 })))).toBe(false);
    expect(unfair(behind(passes(), { until: 90 }))).toBe(false);
    expect(unfair(passes().queues('b', 0, 20, 130, { end: 'left' }))).toBe(false);
    expect(unfair(behind(passes(), { node: 1 }))).toBe(false);
    expect(unfair(behind(passes(), { client: 2 }))).toBe(false);
  });

  it('is not about the dead', () => {
    expect(unfair(behind(passes()).isKilled('b', 90))).toBe(false);
  });

  it('is not about who does not stand in the line', () => {
    expect(unfair(behind(passes({}, { waits: false })))).toBe(false);
  });

  it('is about who has given its turn back', () => {
    const yields = behind(passes(), { until: 40, end: 'served' });
    expect(
      unfair(yields.keeps('b', 0, 40, 42, { end: 'taken' }).queues('b', 0, 45, 130, { since: 20 })),
    ).toBe(true);
    const missed = behind(passes(), { until: 40, end: 'served' });
    expect(unfair(missed.keeps('b', 0, 40, 70).queues('b', 0, 110, 130, { since: 20 }))).toBe(false);
  });

  it('allows one for each fault, and no more', () => {
    expect(unfair(faulty(behind(passes())))).toBe(false);
    const twice = behind(passes(), { until: 200 })
      .calls('acquire', 'b2', 15, 200, { outcome: 'timeout' })
      .calls('acquire', 'd', 25, 150, { wonAt: 150 })
      .queues('d', 0, 35, 149)
      .stands('d', [0, 1, 2], 149, 160)
      .asks('grant', 'd', [0], 149, { keys: ['r'], waits: true, since: 35 })
      .holds('d', 150, 160);
    expect(unfair(faulty(twice))).toBe(true);
  });

  it('is broken by a process that hands a lock on to itself more than 32 times in a row', () => {
    expect(unfair(keeps(34))).toBe(false);
    expect(unfair(keeps(35))).toBe(true);
  });

  it('counts anew when another has had it', () => {
    expect(unfair(keeps(60, 30))).toBe(false);
  });

  it('asks for nothing where a node is disturbed, or who waits is stopped', () => {
    expect(unfair(keeps(140).disturbs([0], 500, 510))).toBe(false);
    expect(unfair(keeps(140).stops('b', 500, 510))).toBe(false);
  });
});

/** It waits until 100, and is in a line until then. */
const stays = (until: number, also: Partial<Entry> = {}): Story =>
  brisk()
    .locks('a', 0, 300)
    .calls('acquire', 'b', 10, 100, { outcome: 'timeout' })
    .queues('b', 0, 20, until, { end: 'left', ...also });

const kept = (until: number, answeredAt = 5): Story =>
  brisk()
    .asks('grant', 'b', [0], 0, { keys: ['r'], reply: 'denied', answeredAt })
    .keeps('b', 0, 50, until);

const forbidden = (at: number): Story => stays(NEVER).asks('release', 'b', [0], at, { reply: 'NOPERM no' });

const closed = (at: number): Story =>
  stays(NEVER).disturbs([0], 90, 150).calls('close', 'b', 110, at, { waits: false });

describe('left', () => {
  it('is broken by who stays in a line for 28 ms after it has ceased to wait', () => {
    expect(broken(stays(128))).toEqual([]);
    expect(broken(stays(129))).toEqual(['left']);
    expect(broken(stays(NEVER, { end: 'stands' }))).toEqual(['left']);
  });

  it('is about each call of the process', () => {
    const again = stays(228).calls('acquire', 'b', 127, 200, { outcome: 'timeout' });
    expect(broken(again)).toEqual([]);
    expect(broken(stays(228).calls('acquire', 'b', 129, 200, { outcome: 'timeout' }))).toEqual(['left']);
  });

  it('is not about the dead, nor about what nobody stands behind', () => {
    expect(broken(stays(NEVER).isKilled('b', 110))).toEqual([]);
    expect(broken(stays(NEVER, { isStray: true }))).toEqual([]);
    expect(broken(stays(NEVER, { client: -1 }))).toEqual([]);
  });

  it('is not about who may not leave', () => {
    expect(broken(forbidden(100))).toEqual([]);
    expect(broken(forbidden(19))).toEqual(['left']);
  });

  it('is not about who was closed before the node could be reached again', () => {
    expect(broken(closed(149))).toEqual([]);
    expect(broken(closed(151))).toEqual(['left']);
  });

  it('counts from when the node can be reached again', () => {
    expect(broken(stays(178).disturbs([0], 90, 150))).toEqual([]);
    expect(broken(stays(179).disturbs([0], 90, 150))).toEqual(['left']);
    expect(broken(stays(NEVER).disturbs([0], 90, NEVER))).toEqual([]);
    expect(broken(stays(150).stops('b', 99, 140))).toEqual([]);
  });

  it('is broken by what is kept for longer than it may be', () => {
    expect(broken(kept(81))).toEqual([]);
    expect(broken(kept(82))).toEqual(['left']);
    // Three round trips, and 1 s at most.
    expect(broken(kept(111, 20))).toEqual([]);
    expect(broken(kept(112, 20))).toEqual(['left']);
    expect(broken(kept(171, 21))).toEqual([]);
    expect(broken(kept(172, 21))).toEqual(['left']);
    expect(broken(kept(1_051, 900))).toEqual([]);
    expect(broken(kept(1_052, 900))).toEqual(['left']);
  });

  it('is broken by who is taken out while it waits', () => {
    const out = (also: Partial<Entry> = {}): Story =>
      stays(60, also).asks('grant', 'b', [0], 19, { keys: ['r'], reply: 'denied', waits: true });
    expect(broken(out())).toEqual(['left']);
    expect(broken(stays(60))).toEqual([]);
    expect(broken(out({ endedOverDead: true }))).toEqual([]);
    expect(broken(out({ end: 'served' }))).toEqual([]);
    // It stands in another line.
    expect(broken(out().queues('b', 1, 50, 100))).not.toContain('left');
    expect(broken(out().queues('b', 1, 61, 100))).toContain('left');
    // Its calls wait for the process itself.
    expect(broken(out().locks('b', 55, 65))).not.toContain('left');
  });
});

/** So many stands of one process while another holds the lock. */
const asks = (times: number, also: { waits?: boolean } = { waits: true }): Story => {
  const history = brisk().locks('a', 0, 250).calls('acquire', 'b', 0, 200, { outcome: 'timeout' });
  for (let i = 0; i < times; i++)
    history.asks('grant', 'b', [0], 10 + i / 10, { keys: ['r'], reply: 'denied', ...also });
  return history.asks('release', 'b', [0], 150);
};

const wasteful = (history: Story): boolean => broken(history).includes('thrifty');

const told = (times: number): Story => {
  const history = asks(0);
  for (let i = 0; i < times; i++) history.tells('turn', 'b', [0], 10 + i);
  return history;
};

describe('thrifty', () => {
  it('is broken by who asks for its place again and again', () => {
    expect(wasteful(asks(46))).toBe(false);
    expect(wasteful(asks(47))).toBe(true);
  });

  it('is broken by too many messages', () => {
    expect(wasteful(told(46))).toBe(false);
    expect(wasteful(told(47))).toBe(true);
  });

  it('is broken by too many commands', () => {
    expect(wasteful(asks(150, { waits: false }))).toBe(false);
    expect(wasteful(asks(250, { waits: false }))).toBe(true);
  });

  it('asks for nothing where something is wrong', () => {
    expect(wasteful(asks(200).disturbs([0], 190, 195))).toBe(false);
    expect(wasteful(asks(200).stops('c', 190, 195))).toBe(false);
    expect(wasteful(asks(200).isKilled('c', 190))).toBe(false);
    expect(wasteful(asks(200).forges(0, 190))).toBe(false);
    expect(wasteful(asks(200).isKilled('c', 201))).toBe(true);
  });
});
