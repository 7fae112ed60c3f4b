/** How much is measured. `rounds`: how often; `others`: the same for those that are not quorlock; times are in ms. */
export interface Budget {
  readonly handOver: { readonly rounds: number; readonly own: number; readonly others: number };
  readonly uncontended: { readonly rounds: number; readonly count: number; readonly farCount: number };
  readonly together: LoadBudget;
  readonly apart: LoadBudget;
  readonly crowd: LoadBudget;
  readonly far: LoadBudget;
  readonly many40: LoadBudget;
  readonly many160: LoadBudget;
  readonly herd: {
    readonly rounds: number;
    readonly processes: number;
    readonly redlocks: number;
    /** How long all of them together may take. */
    readonly limit: number;
  };
  readonly tries: { readonly rounds: number; readonly tries: number };
  readonly storm: { readonly processes: number; readonly redlocks: number; readonly releases: number };
  readonly death: { readonly rounds: number; readonly locks: number };
  readonly idle: { readonly own: number; readonly others: number };
  /** `named`: only faults with this in their names, beside none. */
  readonly faults: { readonly tries: number; readonly named: string };
}

export interface LoadBudget {
  readonly rounds: number;
  readonly others: number;
  /** What is left out at the beginning: processes meet for the first time. */
  readonly warmUp: number;
  readonly ms: number;
}

const LOAD: LoadBudget = { rounds: 6, others: 2, warmUp: 500, ms: 2_500 };

export const FULL: Budget = {
  handOver: { rounds: 2, own: 160, others: 40 },
  uncontended: { rounds: 8, count: 600, farCount: 20 },
  together: LOAD,
  apart: LOAD,
  // A process has several turns in a row: with fewer rows of them, their number would say little.
  crowd: { ...LOAD, rounds: 5, ms: 5_000 },
  far: { ...LOAD, rounds: 4, warmUp: 1_000, ms: 5_000 },
  many40: { ...LOAD, rounds: 4, warmUp: 1_000, ms: 4_000 },
  many160: { ...LOAD, rounds: 3, warmUp: 2_500, ms: 7_500 },
  herd: { rounds: 1, processes: 4, redlocks: 250, limit: 45_000 },
  tries: { rounds: 5, tries: 100 },
  storm: { processes: 4, redlocks: 8, releases: 24 },
  death: { rounds: 1, locks: 16 },
  // A connection on which nothing else is sent sends a PING after 20 s.
  idle: { own: 20_000, others: 2_000 },
  faults: { tries: 5, named: '' },
};

const QUICK_LOAD: LoadBudget = { ...LOAD, rounds: 2, others: 1, ms: 1_500 };

/** The other libraries are left out. */
export const QUICK: Budget = {
  handOver: { rounds: 1, own: 60, others: 15 },
  uncontended: { rounds: 2, count: 300, farCount: 10 },
  together: QUICK_LOAD,
  apart: QUICK_LOAD,
  crowd: QUICK_LOAD,
  far: { ...QUICK_LOAD, rounds: 1, ms: 3_000 },
  many40: { ...QUICK_LOAD, rounds: 1, warmUp: 1_000, ms: 2_500 },
  many160: { ...QUICK_LOAD, rounds: 1, warmUp: 2_000, ms: 4_000 },
  herd: { rounds: 1, processes: 4, redlocks: 50, limit: 15_000 },
  tries: { rounds: 1, tries: 100 },
  storm: { processes: 4, redlocks: 8, releases: 6 },
  death: { rounds: 1, locks: 6 },
  idle: { own: 4_000, others: 500 },
  faults: { tries: 1, named: '' },
};

/** The same with as many rounds, or tries, in every scenario. */
export function withRounds(budget: Budget, rounds: number | undefined): Budget {
  if (rounds === undefined) return budget;
  const scenarios = Object.entries(budget).map(([name, scenario]) => [
    name,
    {
      ...scenario,
      ...('rounds' in scenario && { rounds }),
      ...(name === 'faults' && { tries: rounds }),
      ...('others' in scenario && 'ms' in scenario && { others: Math.min(rounds, scenario.others) }),
    },
  ]);
  return Object.fromEntries(scenarios);
}
