import { ratios, type Spread, spread } from '../support/statistics.ts';
import type { Sample } from './measure.ts';
import type { Rounds } from './rounds.ts';

/** One figure of a contestant as a ratio to the base of the same round, over the rounds of one run. */
export function ratioInRun(
  rounds: Rounds<Sample> | undefined,
  bases: Rounds<Sample> | undefined,
  key: keyof Sample,
): Spread {
  return spread(ratios(valuesOf(rounds, key), valuesOf(bases, key)));
}

/** Over whole runs: the median of their medians, the smallest one and the largest one. A missing run makes all of it NaN. */
export function overRuns(runs: readonly Spread[]): Spread {
  const medians = runs.map((run) => run.median);
  return spread(medians.some(Number.isNaN) ? [] : medians);
}

function valuesOf(rounds: Rounds<Sample> | undefined, key: keyof Sample): number[] {
  return typeof rounds === 'object' ? rounds.map((sample) => sample[key]) : [];
}
