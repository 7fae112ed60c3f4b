import { beforeEach, describe, expect, it } from 'vitest';
import { Contest } from '../../src/acquire/contest.ts';
import { Rivals } from '../../src/acquire/rivals.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { unreachable } from '../support/scripted-node.ts';

const HEDGE = 40;
/** The arbiter is node 2. */
const ORDER = [2, 0, 4, 1, 3];
const granted = { kind: 'granted' } as const;

function denied(owner: string, remaining = 1_000) {
  return { kind: 'denied', remaining, owner } as const;
}

let clock: ManualClock;
let rivals: Rivals;
/** Who was asked, in order, all attempts together. */
let asked: number[];
let overtaken: number;

beforeEach(() => {
  clock = new ManualClock(1_000);
  rivals = new Rivals(ORDER.length);
  asked = [];
  overtaken = 0;
});

function begin(isArbitrated = true, order: readonly number[] = ORDER): Contest {
  const contest = new Contest({
    clock,
    rivals,
    order,
    isArbitrated,
    hedge: HEDGE,
    overtaken: () => overtaken++,
  });
  asked = [];
  contest.begin((nodes) => asked.push(...nodes));
  return contest;
}

/** What an earlier attempt has been told. */
function met(...owners: (string | undefined)[]): void {
  rivals.begin();
  owners.forEach((owner, node) => {
    if (owner !== undefined) rivals.denied(node, owner, clock.now() + 1_000);
  });
}

describe('an attempt that is not contested', () => {
  it('asks all nodes at once', () => {
    begin(false);
    expect(asked).toEqual(ORDER);
    expect(clock.pending).toBe(0);
  });

  it('is never outrun', () => {
    const contest = begin(false);
    contest.heard(2, denied('A'));
    expect(contest.outrunAt).toBeUndefined();
  });
});

describe('an attempt that is contested', () => {
  it('asks the arbiter first', () => {
    begin();
    expect(asked).toEqual([2]);
  });

  it('asks the others once the arbiter has granted', () => {
    const contest = begin();
    contest.heard(2, granted);
    expect(asked).toEqual(ORDER);
    contest.end();
    expect(clock.pending).toBe(0);
  });

  it('asks one node after the other past what is no lock of quorlock’s, which goes by no arbiter', () => {
    const contest = begin();
    contest.heard(2, { kind: 'denied', remaining: 1_000, foreign: 'value' });
    expect(asked).toEqual([2, 0]);
    expect(contest.outrunAt).toBeUndefined();
    contest.heard(0, { kind: 'denied', remaining: 1_000, foreign: 'type' });
    expect(asked).toEqual([2, 0, 4]);
  });

  it('asks the others when the arbiter has been silent for the hedge', () => {
    begin();
    clock.advance(HEDGE - 1);
    expect(asked).toEqual([2]);
    clock.advance(1);
    expect(asked).toEqual(ORDER);
  });

  it('waits for the hedge where somebody was faster', () => {
    const contest = begin();
    contest.heard(2, denied('A'));
    expect(asked).toEqual([2]);
    expect(contest.outrunAt).toBe(2);
    clock.advance(HEDGE);
    expect(asked).toEqual(ORDER);
    expect(contest.outrunAt).toBeUndefined();
  });

  it.each([
    ['cannot be reached', unreachable()],
    ['is not fit', { kind: 'unusable', why: 'a replica' }],
    ['may have forgotten locks', { kind: 'quarantined', remaining: 500 }],
  ] as const)('takes the next for the arbiter when that %s', (_why, reply) => {
    const contest = begin();
    contest.heard(2, reply);
    expect(asked).toEqual([2, 0]);
    contest.heard(0, reply);
    expect(asked).toEqual([2, 0, 4]);
    contest.heard(4, granted);
    expect(asked).toEqual(ORDER);
  });

  it('goes on to the next node where an owner of before still is', () => {
    met('A', 'A', 'A', 'A', 'A');
    const contest = begin();
    contest.heard(2, denied('A'));
    expect(asked).toEqual([2, 0]);
    expect(contest.outrunAt).toBeUndefined();
    contest.heard(0, granted);
    expect(asked).toEqual(ORDER);
  });

  it('may be outrun at the next node, once the arbiter is known to be out of date', () => {
    met('A', 'A', 'A', 'A', 'A');
    const contest = begin();
    contest.heard(2, denied('A'));
    contest.heard(0, denied('B'));
    expect(asked).toEqual([2, 0]);
    expect(contest.outrunAt).toBe(0);
  });

  it('goes on where an owner is whose release was told before', () => {
    const contest = begin();
    rivals.released(2, 'A');
    contest.heard(2, denied('A'));
    expect(asked).toEqual([2, 0]);
  });

  it('waits where another has come to the arbiter since', () => {
    met('A', 'A', 'A', 'A', 'A');
    const contest = begin();
    contest.heard(2, denied('B'));
    expect(asked).toEqual([2]);
    expect(contest.outrunAt).toBe(2);
  });

  it('asks one after the other where all are held as before, and no longer than the hedge', () => {
    met('A', 'A', 'A', 'A', 'A');
    const contest = begin();
    for (const node of ORDER.slice(0, 3)) contest.heard(node, denied('A'));
    expect(asked).toEqual(ORDER.slice(0, 4));
    clock.advance(HEDGE);
    expect(asked).toEqual(ORDER);
  });

  it('asks nobody twice', () => {
    const contest = begin();
    contest.heard(2, granted);
    for (const node of ORDER.slice(1)) contest.heard(node, granted);
    clock.advance(HEDGE);
    expect(asked).toEqual(ORDER);
  });

  it('asks a single node without a timer', () => {
    begin(true, [0]);
    expect(asked).toEqual([0]);
    expect(clock.pending).toBe(0);
  });
});

describe('when the attempt has ended', () => {
  it('nobody is asked any more', () => {
    const contest = begin();
    contest.end();
    expect(clock.pending).toBe(0);
    contest.heard(2, granted);
    contest.heard(2, unreachable());
    clock.advance(HEDGE);
    expect(asked).toEqual([2]);
  });

  it('a late reply still tells who is in the way', () => {
    const contest = begin();
    contest.end();
    contest.heard(0, denied('A', 500));
    expect(rivals.isContested).toBe(true);
    expect(rivals.isOpen(0)).toBe(false);
  });

  it('a reply that comes after the next has begun tells nothing', () => {
    const first = begin();
    first.end();
    const second = begin();
    first.heard(2, denied('A'));
    first.heard(0, granted);
    expect(rivals.isContested).toBe(false);
    expect(asked).toEqual([2]);
    expect(second.outrunAt).toBeUndefined();
    second.heard(2, granted);
    expect(asked).toEqual(ORDER);
  });
});

/** Two nodes have granted, and two denied by `X`; the last says nothing. */
function split(): Contest {
  const contest = begin();
  contest.heard(2, granted);
  contest.heard(0, granted);
  for (const node of [4, 1]) contest.heard(node, denied('X'));
  return contest;
}

describe('an attempt that waits for silent nodes', () => {
  it('is overtaken once they have had the hedge, and what kept a quorum from it has gone', () => {
    const contest = split();
    clock.advance(HEDGE);
    expect(contest.isOvertaken).toBe(false);
    rivals.released(4, 'X');
    expect(contest.isOvertaken).toBe(true);
    expect(overtaken).toBe(0);
  });

  it('is told so when the hedge is over, if that has gone before', () => {
    const contest = split();
    clock.advance(HEDGE - 1);
    rivals.released(4, 'X');
    expect(contest.isOvertaken).toBe(false);
    clock.advance(1);
    expect(contest.isOvertaken).toBe(true);
    expect(overtaken).toBe(1);
  });

  it('is not told so once it is over', () => {
    const contest = split();
    rivals.released(4, 'X');
    contest.end();
    clock.advance(HEDGE);
    expect(overtaken).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('is not overtaken by what has not answered it', () => {
    met('X');
    const contest = begin();
    contest.heard(2, granted);
    clock.advance(HEDGE);
    rivals.heardAgain(0);
    expect(contest.isOvertaken).toBe(false);
  });

  it('is not overtaken before all have been asked', () => {
    const contest = begin(true, [0, 1]);
    clock.jump(HEDGE * 2);
    expect(asked).toEqual([0]);
    expect(contest.isOvertaken).toBe(false);
  });
});

describe('what a contest notes', () => {
  it('is who denied, and until when', () => {
    const contest = begin(false);
    for (const node of ORDER) contest.heard(node, denied('A', 100 * (node + 1)));
    expect(rivals.isHeld).toBe(true);
    expect(rivals.freeAt).toBe(1_300);
  });

  it('is nobody’s key where a denial names no owner', () => {
    const contest = begin(false);
    for (const node of ORDER.slice(0, 3))
      contest.heard(node, { kind: 'denied', remaining: Number.POSITIVE_INFINITY });
    expect(rivals.isHeld).toBe(true);
    expect(rivals.freeAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the round trip that a contest has seen', () => {
  it('is not known before a node has answered', () => {
    const contest = begin(false);
    contest.heard(0, unreachable());
    expect(contest.roundTrip).toBeUndefined();
  });

  it('is the median of those that voted, each from when it was asked', () => {
    const contest = begin();
    clock.advance(4);
    contest.heard(2, granted);
    clock.advance(10);
    contest.heard(0, granted);
    clock.advance(80);
    contest.heard(4, denied('A'));
    expect(contest.roundTrip).toBe(10);
  });

  it('of an even number is that of the faster one in the middle', () => {
    const contest = begin(false);
    clock.advance(3);
    contest.heard(0, granted);
    clock.advance(30);
    contest.heard(1, granted);
    expect(contest.roundTrip).toBe(3);
  });
});
