import { describe, expect, it } from 'vitest';
import { violations } from '../support/checker/checker.ts';
import { contention, OUTAGES, roundOf } from '../support/simulation/contention.ts';
import { simulate } from '../support/simulation/world.ts';

/** The same for every change; SIM_SEED=… runs others. */
const seed = Number(process.env.SIM_SEED ?? 1);

/** For how long nobody has the lock though somebody wants it, in ms: three times what was ever seen. */
const LONGEST_VACANCY = {
  refusing: 2.1,
  silent: 2.1,
  // Those that wait in the line of a node that hangs find out one after the other.
  hanging: 1_800,
} as const;

/** How many times others get the lock while one waits: three times what was ever seen. */
const MOST_PASSED = {
  // For each contender: each of the others once.
  refusing: 3,
  // Whoever asks a node first that says nothing passes it over later than others do.
  silent: 18,
  // All in all: in the time until the last in the line of a node that hangs finds out.
  hanging: 1_000,
} as const;

/** How many attempts it takes each time that the lock changes hands: three times what was ever seen. */
const MOST_ATTEMPTS = 8;

describe.each([
  { nodes: 5, down: 0 },
  { nodes: 5, down: 1 },
  { nodes: 5, down: 2 },
  { nodes: 3, down: 1 },
])(`with $down of $nodes nodes down (with seed=${seed})`, ({ nodes, down }) => {
  const outages = down === 0 ? (['refusing'] as const) : OUTAGES;

  describe.each(outages.map((outage) => ({ outage })))('$outage', ({ outage }) => {
    it.each([2, 4, 8, 16, 32])(
      '%i processes that want one lock keep nobody out of it',
      async (contenders) => {
        const history = await simulate(contention({ seed, contenders, nodes, down, outage }));
        expect(violations(history)).toEqual([]);
        const { longestVacancy, passed, attemptsPerTurn, outcomes } = roundOf(history);
        expect(longestVacancy).toBeLessThan(LONGEST_VACANCY[outage]);
        expect(passed).toBeLessThanOrEqual(MOST_PASSED[outage] * (outage === 'hanging' ? 1 : contenders));
        expect(attemptsPerTurn).toBeLessThan(MOST_ATTEMPTS);
        expect(outcomes).toEqual(['ok']);
      },
    );
  });
});
