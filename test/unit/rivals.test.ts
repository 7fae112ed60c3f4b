import { describe, expect, it } from 'vitest';
import { FOREIGN, Rivals } from '../../src/acquire/rivals.ts';

/** What each node said to an attempt: whose lock is there, `.` for a grant, `-` for no vote, nothing if it has not answered. */
function attempt(rivals: Rivals, answers: string, until: (node: number) => number = () => 1_000): boolean[] {
  rivals.begin();
  return answers.split('').map((answer, node) => {
    if (answer === ' ') return false;
    if (answer === '.' || answer === '-') rivals.answered(node, answer === '.' ? 'granted' : 'silent');
    else return rivals.denied(node, answer, until(node));
    return false;
  });
}

function after(answers: string, until?: (node: number) => number): Rivals {
  const rivals = new Rivals(answers.length);
  attempt(rivals, answers, until);
  return rivals;
}

describe('what a contender knows after an attempt', () => {
  it.each([
    // answers, contested, held, may win
    ['.....', false, false, true],
    ['-----', false, false, false],
    ['     ', false, false, true],
    ['AAAAA', true, true, false],
    ['AAA..', true, true, false],
    ['AAA--', true, true, false],
    ['AA...', true, false, true],
    ['AA-..', true, false, false],
    ['AAB..', true, false, false],
    ['AABB.', true, false, false],
    ['AABBC', true, false, false],
    ['AAABB', true, true, false],
    ['A....', true, false, true],
    ['A--..', true, false, false],
    ['A', true, true, false],
    ['AA.', true, true, false],
    ['AB.', true, false, false],
    ['A..', true, false, true],
    // Of an even number half is enough to keep others out, but it is not a lock.
    ['AA..', true, false, false],
    ['AAA.', true, true, false],
    ['A...', true, false, true],
  ])('from %j: contested %s, held %s, may win %s', (answers, isContested, isHeld, mayWin) => {
    const rivals = after(answers);
    expect({ isContested: rivals.isContested, isHeld: rivals.isHeld, mayWin: rivals.mayWin }).toEqual({
      isContested,
      isHeld,
      mayWin,
    });
  });

  it.each([
    // `f` is no lock of quorlock's.
    ['fff', true, true],
    ['ff.', true, true],
    ['f..', true, false],
    ['f-.', true, false],
    ['fA.', true, false],
    ['ffA', true, true],
    ['fAA', false, true],
    ['fAAA.', false, true],
    ['ffAAA', false, true],
    ['ffAAB', true, false],
    ['AAA', false, true],
    ['A..', false, false],
    ['...', false, false],
  ])('from %j: something foreign counts %s, held %s', (answers, isForeign, isHeld) => {
    const rivals = after(answers.replaceAll('f', ' '));
    answers.split('').forEach((answer, node) => {
      if (answer === 'f') rivals.denied(node, FOREIGN, 1_000);
    });
    expect({ isForeign: rivals.isForeign, isHeld: rivals.isHeld }).toEqual({ isForeign, isHeld });
  });

  it('waits for nothing foreign as for one who competes', () => {
    const rivals = new Rivals(3);
    rivals.begin();
    expect(rivals.denied(0, FOREIGN, 1_000)).toBe(true);
    expect(rivals.denied(1, 'A', 1_000)).toBe(false);
  });

  it('takes no vote for one before the first answer', () => {
    const rivals = new Rivals(3);
    expect([0, 1, 2].map((node) => rivals.isOpen(node))).toEqual([true, true, true]);
    attempt(rivals, '-A.');
    expect([0, 1, 2].map((node) => rivals.isOpen(node))).toEqual([false, false, true]);
  });

  it('replaces what nodes answered before, and keeps it of those that have not answered again', () => {
    const rivals = after('AAA..');
    attempt(rivals, '.-  A');
    expect([0, 1, 2, 3, 4].map((node) => rivals.isOpen(node))).toEqual([true, false, false, true, false]);
    expect(rivals.isHeld).toBe(false);
  });

  it('numbers attempts', () => {
    const rivals = new Rivals(1);
    expect([rivals.attempt, rivals.begin(), rivals.begin(), rivals.attempt]).toEqual([0, 1, 2, 2]);
  });

  it('does not take nobody’s key for a lock that may be released', () => {
    const rivals = new Rivals(1);
    rivals.begin();
    rivals.released(0, FOREIGN);
    rivals.denied(0, FOREIGN, Number.POSITIVE_INFINITY);
    expect(rivals.isContested).toBe(true);
    expect(rivals.hasNews).toBe(false);
  });
});

describe('a denial by the same owner as before', () => {
  it.each([
    ['in the attempt before', ['A'], 'A', true],
    ['but for another owner', ['A'], 'B', false],
    ['with another owner between', ['A', 'B'], 'A', false],
    ['with a grant between', ['A', '.'], 'A', false],
    ['with a silence between', ['A', '-'], 'A', false],
    ['with an attempt between that it did not answer', ['A', ' '], 'A', true],
  ])('%s (%j, then %s) is stale: %s', (_what, before, last, isStale) => {
    const rivals = new Rivals(1);
    for (const answers of before) attempt(rivals, answers);
    expect(attempt(rivals, last)).toEqual([isStale]);
  });

  it('is stale though the release was told: it has been seen before', () => {
    const rivals = after('A');
    rivals.released(0, 'A');
    expect(attempt(rivals, 'A')).toEqual([true]);
  });

  it('counts for its own node only', () => {
    const rivals = new Rivals(2);
    attempt(rivals, 'A ');
    expect(attempt(rivals, 'AA')).toEqual([true, false]);
  });
});

describe('a release that is told', () => {
  it('after the denial takes the obstacle away', () => {
    const rivals = after('AAA');
    expect(rivals.released(0, 'A')).toBe(true);
    expect(rivals.mayWin).toBe(false);
    expect(rivals.released(1, 'A')).toBe(true);
    expect(rivals.mayWin).toBe(true);
  });

  it('before the denial makes that one obsolete', () => {
    const rivals = new Rivals(1);
    rivals.begin();
    expect(rivals.released(0, 'A')).toBe(false);
    expect(rivals.denied(0, 'A', 1_000)).toBe(true);
    expect({ isContested: rivals.isContested, mayWin: rivals.mayWin, hasNews: rivals.hasNews }).toEqual({
      isContested: false,
      mayWin: true,
      hasNews: true,
    });
  });

  it('of an owner that came later tells that the one before has gone too', () => {
    const rivals = after('A');
    expect(rivals.released(0, 'B')).toBe(true);
    expect(rivals.mayWin).toBe(true);
    expect(rivals.hasNews).toBe(true);
  });

  it('of an owner that was there before comes late, and changes nothing', () => {
    const rivals = after('A');
    attempt(rivals, 'B');
    attempt(rivals, 'B');
    expect(rivals.released(0, 'A')).toBe(false);
    expect(rivals.mayWin).toBe(false);
    expect(rivals.hasNews).toBe(false);
  });

  it('excuses one denial: if the key is there all the same, it is in the way', () => {
    const rivals = after('A');
    rivals.released(0, 'A');
    attempt(rivals, 'A');
    expect(rivals.isContested).toBe(false);
    attempt(rivals, 'A');
    expect(rivals.isContested).toBe(true);
    expect(rivals.hasNews).toBe(false);
  });

  it('of somebody unknown, during an attempt, leaves it open whether who denies later is still there', () => {
    const rivals = new Rivals(1);
    rivals.begin();
    expect(rivals.released(0, 'X')).toBe(false);
    expect(rivals.denied(0, 'A', 1_000)).toBe(false);
    expect([rivals.isContested, rivals.isOpen(0), rivals.hasNews]).toEqual([true, true, true]);
    attempt(rivals, 'B');
    expect([rivals.isOpen(0), rivals.hasNews]).toEqual([false, false]);
  });

  it('of somebody known leaves no doubt of who denies later', () => {
    const rivals = after('A');
    rivals.begin();
    rivals.released(0, 'A');
    rivals.denied(0, 'B', 1_000);
    expect([rivals.isOpen(0), rivals.hasNews]).toEqual([false, false]);
  });

  it('where nobody is in the way changes nothing', () => {
    const rivals = after('.');
    expect(rivals.released(0, 'A')).toBe(false);
    expect(rivals.hasNews).toBe(false);
  });

  it('by a node that gave no vote tells that it is back', () => {
    const rivals = after('---');
    expect(rivals.isSilent(0)).toBe(true);
    expect(rivals.released(0, 'A')).toBe(true);
    expect([rivals.isSilent(0), rivals.isOpen(0), rivals.hasNews]).toEqual([false, true, true]);
    expect(rivals.released(0, 'A')).toBe(false);
    rivals.released(1, 'A');
    expect(rivals.mayWin).toBe(true);
  });

  it('twice matters once', () => {
    const rivals = after('A');
    expect([rivals.released(0, 'A'), rivals.released(0, 'A')]).toEqual([true, false]);
  });

  it('on another node changes nothing here', () => {
    const rivals = after('AA');
    expect(rivals.released(1, 'A')).toBe(true);
    expect([rivals.isOpen(0), rivals.isOpen(1)]).toEqual([false, true]);
  });
});

describe('news', () => {
  it('is what the attempt cannot have seen: a release of whom it has met', () => {
    const rivals = after('A');
    expect(rivals.hasNews).toBe(false);
    rivals.released(0, 'A');
    expect(rivals.hasNews).toBe(true);
  });

  it('is no more once the next attempt has begun', () => {
    const rivals = after('A');
    rivals.released(0, 'A');
    rivals.begin();
    expect(rivals.hasNews).toBe(false);
  });

  it('is not the end of an obstacle that only an earlier attempt has met', () => {
    const rivals = after('A');
    rivals.begin();
    expect(rivals.released(0, 'A')).toBe(true);
    expect(rivals.hasNews).toBe(false);
  });
});

describe('a node that tells of releases again', () => {
  it('may have released whom the attempt has met', () => {
    const rivals = after('A');
    expect(rivals.heardAgain(0)).toBe(true);
    expect({ mayWin: rivals.mayWin, hasNews: rivals.hasNews }).toEqual({ mayWin: true, hasNews: true });
  });

  it('tells nothing new where nobody is in the way', () => {
    const rivals = after('. ');
    expect([rivals.heardAgain(0), rivals.heardAgain(1)]).toEqual([false, false]);
    expect(rivals.hasNews).toBe(false);
  });

  it('is back, if it gave no vote', () => {
    const rivals = after('-');
    expect(rivals.heardAgain(0)).toBe(true);
    expect([rivals.isOpen(0), rivals.hasNews]).toEqual([true, true]);
  });

  it('makes the denial obsolete that arrives later in the same attempt', () => {
    const rivals = new Rivals(1);
    rivals.begin();
    expect(rivals.heardAgain(0)).toBe(false);
    expect(rivals.denied(0, 'A', 1_000)).toBe(false);
    expect({ isContested: rivals.isContested, hasNews: rivals.hasNews }).toEqual({
      isContested: true,
      hasNews: true,
    });
  });

  it('is believed in the next attempt', () => {
    const rivals = new Rivals(1);
    rivals.begin();
    rivals.heardAgain(0);
    attempt(rivals, 'A');
    expect({ isContested: rivals.isContested, hasNews: rivals.hasNews }).toEqual({
      isContested: true,
      hasNews: false,
    });
  });
});

/** Each node's key expires 100 ms after that of the node before. */
const later = (node: number): number => 100 * (node + 1);

describe('the moment at which a quorum can grant by expiry', () => {
  it.each([
    ['AAAAA', 300],
    ['AAA..', 100],
    ['.AAA.', 200],
    ['AAAA.', 200],
    ['AAA--', 300],
    ['AA---', Number.POSITIVE_INFINITY],
    ['--A..', 300],
    ['A', 100],
    ['AB', 200],
    ['AA..', 100],
    ['AB...', Number.NEGATIVE_INFINITY],
    ['.....', Number.NEGATIVE_INFINITY],
    ['-----', Number.POSITIVE_INFINITY],
  ])('after %j is %s', (answers, freeAt) => {
    expect(after(answers, later).freeAt).toBe(freeAt);
  });

  it('is never where keys do not expire', () => {
    expect(after('AAA', () => Number.POSITIVE_INFINITY).freeAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('comes nearer with each node that is released', () => {
    const rivals = after('AAAAA', later);
    rivals.released(0, 'A');
    expect(rivals.freeAt).toBe(300);
    rivals.released(4, 'A');
    expect(rivals.freeAt).toBe(200);
    rivals.released(3, 'A');
    expect(rivals.freeAt).toBe(Number.NEGATIVE_INFINITY);
  });
});
