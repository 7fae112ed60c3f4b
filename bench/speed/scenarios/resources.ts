import { compare } from '../comparison.ts';
import { quorlock } from '../contestants/quorlock.ts';
import type { Finding } from '../finding.ts';
import type { Sample } from '../measure.ts';
import { inRounds } from '../rounds.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
const LOADS = [1, 64];
const VARIANTS = [
  { name: 'fencing', fencing: true },
  { name: 'no fencing', fencing: false },
];

/** How cost grows with the resources of a lock. */
export async function resources(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const { rounds, ms, counts } = budget.resources;
  const servers = await setting.servers(NODES);
  const cases = LOADS.flatMap((inFlight) =>
    VARIANTS.map(({ name, fencing }) => ({ key: `${name}, ${inFlight} in flight`, fencing, inFlight })),
  );
  const raw = await inRounds(
    rounds,
    Object.fromEntries(
      cases.map(({ key, fencing, inFlight }) => {
        const trial = (count: number): (() => Promise<Sample>) => {
          const open = quorlock({ fencing }, { resourcesPerLock: count });
          return () => setting.measure(open, servers, { inFlight, ms });
        };
        const trials = Object.fromEntries(counts.map((count) => [named(count), trial(count)]));
        return [key, { trials }];
      }),
    ),
    random,
    progress.step,
  );
  const [first = 1] = counts;
  const outcomes = Object.fromEntries(
    cases.map(({ key }) => [key, compare(`Resources per lock: ${key}`, raw[key] ?? {}, named(first))]),
  );
  return {
    outcomes,
    raw,
  };
}

export function stepsOfResources({ budget: { resources } }: Pick<Setting, 'budget'>): number {
  return resources.rounds * resources.counts.length * LOADS.length * VARIANTS.length;
}

function named(count: number): string {
  return count === 1 ? '1 resource' : `${count} resources`;
}
