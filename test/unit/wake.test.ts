import { describe, expect, it } from 'vitest';
import {
  isOverdue,
  LONGEST_FOREIGN_PAUSE,
  pauseAfter,
  type Situation,
  watchPause,
} from '../../src/acquire/wake.ts';
import { NodesQuarantinedError, QuorumUnreachableError, ResourceHeldError } from '../../src/index.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const RESERVATION = 30;
const FALLBACK = 150;
const LATER_FALLBACK = 1_000;
const LONGEST_FALLBACK = 5_000;
const retry = { retries: FOREVER, factor: 2, minTimeout: 50, maxTimeout: 1_000, randomize: false };
const held = new ResourceHeldError('held', [], FOREVER);
const unreachable = new QuorumUnreachableError('unreachable', []);

function quarantined(...left: number[]): NodesQuarantinedError {
  const votes = left.map(
    (remaining, index) => ({ kind: 'quarantined', node: `${index}`, remaining }) as const,
  );
  return new NodesQuarantinedError('quarantined', votes, Math.max(...left));
}

/** By default the arbiter has denied, by a lock without expiry, and the waiter is in no line. */
function pause(situation: Partial<Situation>): number {
  return pauseAfter({
    error: held,
    failures: 1,
    yields: 0,
    expiry: FOREVER,
    isForeign: false,
    position: undefined,
    unchanged: 0,
    overdue: 0,
    roundTrip: 0,
    reservation: RESERVATION,
    retry,
    fraction: 0,
    ...situation,
  });
}

describe('the pause after an attempt that was not denied', () => {
  it.each([
    [1, 50],
    [2, 100],
    [5, 800],
    [9, 1_000],
  ])('the %d. that failed is the backoff of the options: %d ms', (failures, ms) => {
    expect(pause({ error: unreachable, failures, expiry: undefined })).toBe(ms);
    expect(pause({ error: unreachable, failures, expiry: undefined, position: 0 })).toBe(ms);
  });
});

describe('the pause of a waiter that is in no line', () => {
  it.each([
    // expiry of what denied, failures, expected
    [FOREVER, 1, 50],
    [FOREVER, 9, 1_000],
    [20, 1, 21],
    [49, 1, 50],
    [60, 1, 50],
    [60, 2, 61],
    // A key may outlive the clock by a moment, and must not be asked for again and again.
    [1, 1, 5],
    [0, 1, 5],
    [-1_000, 1, 5],
  ])('behind a lock for %s ms, after %d failures is %d ms', (expiry, failures, ms) => {
    expect(pause({ expiry, failures })).toBe(ms);
  });
});

describe('the pause of a waiter in line', () => {
  it.each([
    // position, unchanged, expected
    [0, 0, FALLBACK],
    [0, 1, 2 * FALLBACK],
    [0, 2, 4 * FALLBACK],
    [0, 99, LONGEST_FALLBACK],
    [1, 0, 2 * FALLBACK],
    [1, 1, 4 * FALLBACK],
    [3, 0, 4 * FALLBACK],
    [6, 0, LATER_FALLBACK],
    [9_999, 0, LATER_FALLBACK],
    [9_999, 99, LONGEST_FALLBACK],
  ])('at position %d, after %d attempts that found the same, is %d ms', (position, unchanged, ms) => {
    expect(pause({ position, unchanged, failures: 99 })).toBe(ms);
  });

  it.each([
    // position, expiry, expected
    [0, 100, 101],
    [1, 100, 101 + 35],
    [2, 100, 101 + 70],
    [0, 0, 5],
    [1, 0, 36],
    // The fallback comes first.
    [0, FALLBACK, FALLBACK],
    [1, 2 * FALLBACK - 1, 2 * FALLBACK],
    [99, 60_000, LATER_FALLBACK],
  ])('at position %d behind a lock for %d ms is %d ms', (position, expiry, ms) => {
    expect(pause({ position, expiry })).toBe(ms);
  });

  it('leaves those before as long as their reservations may last', () => {
    expect(pause({ position: 2, expiry: 10, reservation: 100 })).toBe(11 + 2 * 105);
  });

  it('is that of the options where retries are counted', () => {
    const counted = { ...retry, retries: 3 };
    expect(pause({ position: 0, retry: counted })).toBe(50);
    expect(pause({ position: 0, retry: counted, failures: 9 })).toBe(1_000);
    expect(pause({ position: 0, retry: counted, failures: 9, expiry: 20 })).toBe(21);
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
    expect(pause({ overdue, failures: 5, expiry: 0 })).toBe(ms);
    expect(pause({ overdue, failures: 5, expiry: 0, position: 0 })).toBe(Math.min(ms, FALLBACK));
  });

  it.each([
    [-5, true],
    [4, true],
    [4.1, false],
    [FOREVER, false],
    [undefined, false],
  ])('counts those with %s ms left: %s', (expiry, overdue) => {
    expect(isOverdue(expiry)).toBe(overdue);
  });
});

describe('the pause behind what is no lock of quorlock’s', () => {
  it.each([
    // failures, expected
    [1, 50],
    [2, 100],
    [3, LONGEST_FOREIGN_PAUSE],
    [99, LONGEST_FOREIGN_PAUSE],
  ])('after %d failures, in line or not, is %d ms', (failures, ms) => {
    expect(pause({ isForeign: true, failures })).toBe(ms);
    expect(pause({ isForeign: true, failures, position: 0 })).toBe(ms);
  });

  it('ends when it expires', () => {
    expect(pause({ isForeign: true, expiry: 70, failures: 99, position: 0 })).toBe(71);
  });

  it('is as long as the options want it at least', () => {
    const patient = { ...retry, minTimeout: 700, maxTimeout: 3_000 };
    expect(pause({ isForeign: true, failures: 9, retry: patient })).toBe(700);
  });

  it('is that of the options where retries are counted', () => {
    const counted = { ...retry, retries: 30 };
    expect(pause({ isForeign: true, failures: 9, retry: counted })).toBe(1_000);
  });
});

describe('the pause after a turn that was given back', () => {
  it.each([
    [1, 10],
    [2, 20],
    [3, 40],
    [4, 80],
    [5, 160],
    [6, 250],
    [99, 250],
  ])('the %d. in a row is %d ms', (yields, ms) => {
    expect(pause({ yields, failures: 99 })).toBe(ms);
  });

  it('is not more than the usual one', () => {
    expect(pause({ yields: 9, failures: 1 })).toBe(50);
  });

  it('is drawn between half of it and all', () => {
    const jittered = { ...retry, randomize: true };
    expect(pause({ yields: 1, retry: jittered, fraction: 0 })).toBe(5);
    expect(pause({ yields: 1, retry: jittered, fraction: 0.5 })).toBe(7.5);
  });

  it('is shorter where the options want it shorter, and never below 5 ms', () => {
    expect(pause({ yields: 1, retry: { ...retry, minTimeout: 7 } })).toBe(7);
    expect(pause({ yields: 1, retry: { ...retry, minTimeout: 0 } })).toBe(5);
  });

  it.each([
    // round trip, yields in a row, fraction, expected
    [20, 1, 0, 10],
    [20, 1, 0.5, 20],
    [100, 1, 0.5, 100],
    [100, 3, 0.5, 200],
    [100, 3, 0, 50],
    // However often: four round trips and a half at most.
    [100, 50, 0.5, 250],
  ])(
    'over %d ms, %d in a row, is long enough for the requests of others: %d of the range, %d ms',
    (roundTrip, yields, fraction, ms) => {
      const short = { ...retry, minTimeout: 10, maxTimeout: 10 };
      expect(pause({ yields, roundTrip, fraction, retry: short })).toBe(ms);
    },
  );

  it('ends when what denied it has expired', () => {
    expect(pause({ yields: 5, failures: 9, expiry: 12 })).toBe(13);
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

it('the next in line waits 5 ms longer than the reservation before it', () => {
  expect(watchPause(RESERVATION)).toBe(35);
});
