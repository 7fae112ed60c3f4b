import { describe, expect, it } from 'vitest';
import type { Sample } from '../../bench/speed/measure.ts';
import { overRuns, ratioInRun } from '../../bench/speed/runs.ts';

function rounds(...p50s: readonly number[]): Sample[] {
  return p50s.map((p50) => ({ perSecond: 1, p50, p99: 1, clientCpu: 1, serverCpu: 1, failed: 0 }));
}
const NOTHING = { median: Number.NaN, least: Number.NaN, most: Number.NaN };

describe('runs of the speed bench', () => {
  it('compares each round with the base of the same round', () => {
    expect(ratioInRun(rounds(2, 9, 8), rounds(1, 3, 8), 'p50')).toEqual({ median: 2, least: 1, most: 3 });
  });

  it('has no ratio for a contestant that failed or was not measured, or whose base failed', () => {
    expect(ratioInRun('hangs', rounds(1), 'p50')).toEqual(NOTHING);
    expect(ratioInRun(undefined, rounds(1), 'p50')).toEqual(NOTHING);
    expect(ratioInRun(rounds(1), 'hangs', 'p50')).toEqual(NOTHING);
  });

  it('takes the median of the medians of all runs, and their spread', () => {
    const runs = [1.2, 1.5, 1.1].map((median) => ({ median, least: 0, most: 9 }));
    expect(overRuns(runs)).toEqual({ median: 1.2, least: 1.1, most: 1.5 });
  });

  it('does not leave out a run that has no figure', () => {
    expect(overRuns([{ median: 1, least: 1, most: 1 }, NOTHING])).toEqual(NOTHING);
  });
});
