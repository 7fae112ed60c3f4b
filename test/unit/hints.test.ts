import { describe, expect, it } from 'vitest';
import { Hints } from '../../src/acquire/hints.ts';
import type { Clock } from '../../src/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

/** Hints by a wall clock that stands at that many ms since 1970. */
function hintsAt(wallTime: number): {
  readonly hints: Hints;
  /** Those of another Redlock with the same clock. */
  readonly another: () => Hints;
  readonly set: (wallTime: number) => void;
} {
  const manual = new ManualClock();
  let now = wallTime;
  const clock: Clock = {
    now: () => manual.now(),
    wallTime: () => now,
    after: (delay, callback) => manual.after(delay, callback),
  };
  return {
    hints: new Hints(clock),
    another: () => new Hints(clock),
    set: (later) => {
      now = later;
    },
  };
}

describe('the hint to fencing counters', () => {
  it.each([
    [0, 0],
    [1, 1_000],
    [1_700_000_000_000, 1_700_000_000_000_000],
    [1.0005, 1_000],
    [1.001_9, 1_001],
  ])('at %d ms since 1970 is that in whole µs: %d', (wallTime, hint) => {
    expect(hintsAt(wallTime).hints.next(['r'])).toBe(hint);
  });

  it('goes with the wall clock, not with the monotonic one', () => {
    const { hints, set } = hintsAt(5);
    set(7);
    expect(hints.next(['r'])).toBe(7_000);
  });

  it('is the last token seen once the wall clock has been set back behind it', () => {
    const { hints, set } = hintsAt(1_000);
    hints.learn(['r'], 1_000_001);
    expect(hints.next(['r'])).toBe(1_000_001);
    set(10);
    expect(hints.next(['r'])).toBe(1_000_001);
    set(2_000);
    expect(hints.next(['r'])).toBe(2_000_000);
  });

  it('knows nothing of the tokens of other keys', () => {
    const { hints } = hintsAt(1);
    hints.learn(['r'], 5_000);
    expect(hints.next(['s'])).toBe(1_000);
  });

  it('of several keys is the largest of their tokens, in any order', () => {
    const { hints } = hintsAt(1);
    hints.learn(['r', 'x'], 5_000);
    hints.learn(['s'], 7_000);
    expect([hints.next(['r', 's']), hints.next(['s', 'r']), hints.next(['r', 't'])]).toEqual([
      7_000, 7_000, 5_000,
    ]);
    expect(hints.next(['x'])).toBe(5_000);
  });

  it.each([-1, -1e12])('is never negative, also %d ms before 1970', (wallTime) => {
    expect(hintsAt(wallTime).hints.next(['r'])).toBe(0);
  });

  it.each([1e13, 1e20, Number.MAX_SAFE_INTEGER / 1_000])(
    'leaves room for one token also at %d ms since 1970',
    (wallTime) => {
      expect(hintsAt(wallTime).hints.next(['r'])).toBe(Number.MAX_SAFE_INTEGER - 1);
    },
  );

  it('leaves room for no more than one after the last token', () => {
    const { hints } = hintsAt(1);
    hints.learn(['r'], Number.MAX_SAFE_INTEGER);
    expect(hints.next(['r'])).toBe(Number.MAX_SAFE_INTEGER - 1);
  });
});

describe('hints of one process', () => {
  it('grow while the wall clock does not, for all its Redlocks together', () => {
    const { hints, another } = hintsAt(1);
    const given = [hints, another(), hints, another()].map((each) => each.next(['r']));
    expect(given).toEqual([1_000, 1_001, 1_002, 1_003]);
  });

  it('grow on when the wall clock is set back by 59 minutes, and so need no tokens', () => {
    const { hints, set } = hintsAt(59 * 60_000);
    const before = hints.next(['r']);
    hints.learn(['r'], before + 1);
    set(0);
    expect(hints.next(['r'])).toBe(59 * 60_000_000 + 1);
  });

  it('follow the wall clock when it is set back by more', () => {
    const { hints, set } = hintsAt(59 * 60_000 + 0.001);
    hints.next(['r']);
    set(0);
    expect(hints.next(['r'])).toBe(0);
  });

  it('know nothing of those of another clock', () => {
    const [ours, theirs] = [hintsAt(1), hintsAt(1)];
    ours.hints.next(['r']);
    expect(theirs.hints.next(['r'])).toBe(1_000);
  });
});

describe('of two holders, because nodes forgot the first', () => {
  it('the later one has the larger token, also if no time has passed', async () => {
    const { another, nodes } = memoryRedlock(3);
    const tokens: number[] = [];
    for (let i = 0; i < 100; i++) {
      const lock = await another().acquire('r');
      tokens.push(lock.fencingToken);
      for (const node of nodes.slice(0, 2)) node.forget();
      expect(lock.state).toBe('held');
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });
});

describe('tokens that were learned', () => {
  it('are kept for 1000 keys', () => {
    const { hints } = hintsAt(0);
    for (let i = 0; i < 1_000; i++) hints.learn([`r${i}`], i + 1);
    for (let i = 0; i < 1_000; i++) expect(hints.next([`r${i}`])).toBe(i + 1);
  });

  it('are forgotten once as many others were locked twice over, if their keys were not locked again', () => {
    const { hints } = hintsAt(0);
    hints.learn(['old'], 1);
    hints.learn(['again'], 2);
    for (let i = 0; i < 1_000; i++) hints.learn([`a${i}`], 3);
    hints.learn(['again'], 4);
    for (let i = 0; i < 1_000; i++) hints.learn([`b${i}`], 5);
    expect(['old', 'again', 'b0', 'b999'].map((key) => hints.next([key]))).toEqual([0, 4, 5, 5]);
  });

  it('are the last ones of their keys, also where an earlier one is still remembered', () => {
    const { hints } = hintsAt(0);
    hints.learn(['r'], 7);
    for (let i = 0; i < 1_000; i++) hints.learn([`a${i}`], 3);
    expect(hints.next(['r'])).toBe(7);
    hints.learn(['r'], 9);
    expect(hints.next(['r'])).toBe(9);
  });
});
