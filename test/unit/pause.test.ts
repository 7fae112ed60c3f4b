import { describe, expect, it } from 'vitest';
import {
  isOverdue,
  LONGEST_FOREIGN_PAUSE,
  LONGEST_SLEEP,
  pauseAfter,
  type Situation,
} from '../../src/acquire/pause.ts';
import { FOREIGN, Rivals } from '../../src/acquire/rivals.ts';
import { NodesQuarantinedError, QuorumUnreachableError, ResourceHeldError } from '../../src/index.ts';

const NOW = 10_000;
const FOREVER = Number.POSITIVE_INFINITY;
const retry = { retries: FOREVER, factor: 2, minTimeout: 50, maxTimeout: 1_000, randomize: false };
const held = new ResourceHeldError('held', [], FOREVER);
const unreachable = new QuorumUnreachableError('unreachable', []);

/** Nodes that denied for so many more ms, by the owner named; `.` for a grant, `f` for what is no lock of quorlock's. */
function rivalsAfter(answers: string, remaining: number): Rivals {
  const rivals = new Rivals(answers.length);
  rivals.begin();
  answers.split('').forEach((answer, node) => {
    if (answer === '.') rivals.answered(node, 'granted');
    else rivals.denied(node, answer === 'f' ? FOREIGN : answer, NOW + remaining);
  });
  return rivals;
}

function quarantined(...left: number[]): NodesQuarantinedError {
  const votes = left.map(
    (remaining, index) => ({ kind: 'quarantined', node: `${index}`, remaining }) as const,
  );
  return new NodesQuarantinedError('quarantined', votes, Math.max(...left));
}

function pause(situation: Partial<Situation>): number {
  return pauseAfter({
    error: held,
    failures: 1,
    splits: 0,
    overdue: 0,
    roundTrip: 0,
    retry,
    rivals: rivalsAfter('AAAAA', FOREVER),
    isTold: false,
    now: NOW,
    fraction: 0,
    ...situation,
  });
}

describe('the pause after an attempt that met nobody', () => {
  it.each([
    [1, 50],
    [2, 100],
    [5, 800],
    [9, 1_000],
  ])('the %d. that failed is the backoff of the options: %d ms', (failures, ms) => {
    const rivals = new Rivals(5);
    expect(pause({ error: unreachable, failures, rivals })).toBe(ms);
    expect(pause({ error: unreachable, failures, rivals, isTold: true })).toBe(ms);
  });
});

describe('the pause for keys that were said to expire at once, again and again', () => {
  it.each([
    [1, 5],
    [2, 10],
    [5, 80],
    [9, 800],
    [90, 800],
  ])('the %d. time in a row is %d ms, and not more than the usual one', (overdue, ms) => {
    for (const answers of ['AAAAA', 'ABCD.'])
      expect(pause({ overdue, failures: 5, splits: 9, rivals: rivalsAfter(answers, 0) })).toBe(ms);
  });

  it.each([
    ['AAAAA', -5, true],
    ['AAAAA', 4, true],
    ['AAAAA', 4.1, false],
    ['AA...', 0, false],
    ['A....', 0, false],
  ])('%s with %d ms left: %s', (answers, remaining, overdue) => {
    expect(isOverdue(rivalsAfter(answers, remaining), NOW)).toBe(overdue);
  });
});

describe('the pause while one owner keeps everybody out', () => {
  it.each([
    // told, left of its keys, failures, expected
    [false, FOREVER, 1, 50],
    [false, FOREVER, 9, 1_000],
    [false, 20, 1, 21],
    [false, 50, 1, 50],
    [true, FOREVER, 1, LONGEST_SLEEP],
    [true, FOREVER, 9, LONGEST_SLEEP],
    [true, 3_000, 1, 3_001],
    [true, 4_999, 1, LONGEST_SLEEP],
    [true, 60_000, 1, LONGEST_SLEEP],
    // A key may outlive the clock by a moment, and must not be asked for again and again.
    [true, 0, 1, 5],
    [true, -1_000, 1, 5],
    [false, 1, 1, 5],
  ])('told of releases %s, with %s ms left, after %d failures is %d ms', (isTold, left, failures, ms) => {
    expect(pause({ isTold, failures, rivals: rivalsAfter('AAAAA', left) })).toBe(ms);
  });

  it('is that of the options where retries are counted, told or not', () => {
    const counted = { ...retry, retries: 3 };
    expect(pause({ retry: counted, isTold: true })).toBe(50);
    expect(pause({ retry: counted, isTold: false })).toBe(50);
  });

  it('is not shorter than the options want it where those want more than the longest sleep', () => {
    const patient = { ...retry, minTimeout: 20_000, maxTimeout: 20_000 };
    expect(pause({ retry: patient, isTold: true })).toBe(20_000);
    expect(pause({ retry: patient, isTold: true, rivals: rivalsAfter('AAAAA', 500) })).toBe(501);
  });

  it('ends when a quorum has expired, not the last node', () => {
    const rivals = new Rivals(5);
    rivals.begin();
    [100, 200, 300, 400, 900].forEach((left, node) => rivals.denied(node, 'A', NOW + left));
    expect(pause({ isTold: true, rivals })).toBe(301);
  });
});

describe('the pause behind what is no lock of quorlock’s', () => {
  it.each([
    // answers, failures, expected
    ['fffff', 1, 50],
    ['fffff', 2, 100],
    ['fffff', 3, LONGEST_FOREIGN_PAUSE],
    ['fffff', 99, LONGEST_FOREIGN_PAUSE],
    ['fffAA', 99, LONGEST_FOREIGN_PAUSE],
    ['ffAA.', 99, LONGEST_FOREIGN_PAUSE],
    ['f....', 99, LONGEST_FOREIGN_PAUSE],
    // Its release lets the waiter in, and is announced.
    ['ffAAA', 1, LONGEST_SLEEP],
    ['ffAAA', 99, LONGEST_SLEEP],
  ])('after %j, %d failures, told or not, is %d ms', (answers, failures, ms) => {
    const rivals = rivalsAfter(answers, FOREVER);
    const isSplit = !rivals.isHeld;
    const situation = { rivals, failures, splits: isSplit ? failures : 0 };
    expect(pause({ ...situation, isTold: true })).toBe(isSplit && failures === 1 ? 10 : ms);
    if (rivals.isForeign) expect(pause(situation)).toBe(pause({ ...situation, isTold: true }));
  });

  it('ends when it expires', () => {
    expect(pause({ rivals: rivalsAfter('fffff', 70), failures: 99, isTold: true })).toBe(71);
  });

  it('is as long as the options want it at least', () => {
    const patient = { ...retry, minTimeout: 700, maxTimeout: 3_000 };
    expect(pause({ rivals: rivalsAfter('fffff', FOREVER), failures: 9, retry: patient })).toBe(700);
  });

  it('is that of the options where retries are counted', () => {
    const counted = { ...retry, retries: 30 };
    expect(pause({ rivals: rivalsAfter('fffff', FOREVER), failures: 9, retry: counted })).toBe(1_000);
  });

  it('is that of the options while nodes are missing, too', () => {
    const rivals = rivalsAfter('f....', FOREVER);
    expect(pause({ error: unreachable, rivals, failures: 9, splits: 9 })).toBe(1_000);
  });
});

describe('the pause after the votes were split', () => {
  it.each([
    [1, 10],
    [2, 20],
    [3, 40],
    [9, 50],
  ])('the %d. time in a row is %d ms, and not more than the usual one', (splits, ms) => {
    expect(pause({ splits, rivals: rivalsAfter('AABB.', FOREVER), isTold: true })).toBe(ms);
  });

  it('is drawn between half of it and all', () => {
    const rivals = rivalsAfter('AABB.', FOREVER);
    const jittered = { ...retry, randomize: true };
    expect(pause({ splits: 1, rivals, retry: jittered, fraction: 0 })).toBe(5);
    expect(pause({ splits: 1, rivals, retry: jittered, fraction: 0.5 })).toBe(7.5);
  });

  it('is shorter where the options want it shorter, and never below 5 ms', () => {
    const rivals = rivalsAfter('AABB.', FOREVER);
    expect(pause({ splits: 1, rivals, retry: { ...retry, minTimeout: 7 } })).toBe(7);
    expect(pause({ splits: 1, rivals, retry: { ...retry, minTimeout: 0 } })).toBe(5);
  });

  it.each([
    // round trip, splits in a row, fraction, expected
    [20, 1, 0, 10],
    [20, 1, 0.5, 20],
    [100, 1, 0.5, 100],
    [100, 3, 0.5, 200],
    [100, 3, 0, 50],
    // However often: four round trips and a half at most.
    [100, 50, 0.5, 250],
  ])(
    'over %d ms, %d in a row, is long enough for the requests of others: %d of the range, %d ms',
    (roundTrip, splits, fraction, ms) => {
      const rivals = rivalsAfter('AABB.', FOREVER);
      expect(
        pause({ splits, roundTrip, fraction, rivals, retry: { ...retry, minTimeout: 10, maxTimeout: 10 } }),
      ).toBe(ms);
    },
  );

  it('ends when a quorum can grant by expiry', () => {
    expect(pause({ splits: 3, rivals: rivalsAfter('AABB.', 12) })).toBe(13);
  });

  it('is as short though a quorum may grant already', () => {
    expect(pause({ splits: 1, rivals: rivalsAfter('AB...', 5_000) })).toBe(10);
  });
});

describe('the pause while nodes are quarantined', () => {
  it('lasts until the first of them can vote', () => {
    expect(pause({ error: quarantined(4_000, 700, 9_000) })).toBe(700);
  });

  it.each([
    ['one of four', [60_000], ['granted', 'granted', 'late'], 50],
    ['two of five', [60_000, 60_000], ['granted', 'late', 'late'], 50],
    ['two of four', [60_000, 70_000], ['granted', 'granted'], 60_000],
    ['three of five', [60_000, 70_000, 80_000], ['granted', 'granted'], 60_000],
  ] as const)(
    'with %s in quarantine counts only where the others are no quorum',
    (_which, left, others, ms) => {
      const votes = [
        ...quarantined(...left).votes,
        ...others.map((kind, index) => ({ kind, node: `other ${index}` })),
      ];
      expect(pause({ error: new NodesQuarantinedError('quarantined', votes, 60_000) })).toBe(ms);
    },
  );

  it('is not shorter than the backoff', () => {
    expect(pause({ error: quarantined(10, 10, 10), failures: 2 })).toBe(100);
  });
});
