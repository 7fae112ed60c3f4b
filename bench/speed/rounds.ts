import type { Random } from '../../src/random.ts';

/** What was measured in each round, or why nothing was. */
export type Rounds<T> = readonly T[] | string;

type Trials<T> = Readonly<Record<string, () => Promise<T>>>;

export interface Group<T> {
  readonly trials: Trials<T>;
  /** Around all of its trials in each round. */
  begin?(): unknown;
  end?(): unknown;
}

/**
 * All trials of all groups in each round, so that a machine's mood passes over everybody; in each group in another order
 * each time, so that nobody always comes after the same one. Whoever fails drops out of the group.
 */
export async function inRounds<T>(
  rounds: number,
  groups: Readonly<Record<string, Group<T>>>,
  random: Random,
  step: (what: string) => void,
): Promise<Record<string, Record<string, Rounds<T>>>> {
  const results = new Map<string, Map<string, T[] | string>>();
  for (const [name, { trials }] of Object.entries(groups)) {
    results.set(name, new Map(Object.keys(trials).map((trial) => [trial, []])));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, group] of Object.entries(groups)) {
      const into = results.get(name) as Map<string, T[] | string>;
      await group.begin?.();
      try {
        for (const [trial, run] of shuffled(Object.entries(group.trials), random)) {
          step(`${name}: ${trial}`);
          const so = into.get(trial);
          if (typeof so === 'object') into.set(trial, await run().then((value) => [...so, value], reason));
        }
      } finally {
        await group.end?.();
      }
    }
  }
  return Object.fromEntries([...results].map(([name, trials]) => [name, Object.fromEntries(trials)]));
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  return values
    .map((value) => ({ value, key: random.fraction() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
