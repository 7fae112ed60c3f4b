import { describe, expect, it } from 'vitest';
import { violations } from '../support/checker/checker.ts';
import { contention, OUTAGES, roundOf } from '../support/simulation/contention.ts';
import { simulate } from '../support/simulation/world.ts';

/** The same for every change; SIM_SEED=… runs others. */
const seed = Number(process.env.SIM_SEED ?? 1);

/** For how long nobody has the lock though somebody wants it, in ms: three times what was ever seen. */
const LONGEST_VACANCY = {
  refusing: 30,
  silent: 30,
  // Until all have found out, split votes may wait for the nodes that hang: for two times nodeTimeout.
  hanging: 3_400,
} as const;

/** How many times others get the lock while one of so many contenders waits: three times what was ever seen. */
function mostPassed(contenders: number): number {
  return 60 + 21 * contenders;
}

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
        expect(passed).toBeLessThan(mostPassed(contenders));
        // Each release wakes each waiter once.
        expect(attemptsPerTurn).toBeLessThan(contenders + 1);
        expect(outcomes).toEqual(['ok']);
      },
    );
  });
});
