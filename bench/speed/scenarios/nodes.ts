import { record } from '../../support/record.ts';
import { OWN_AND_RAW } from '../budget.ts';
import { compare } from '../comparison.ts';
import { RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import { inRounds } from '../rounds.ts';
import type { Setting } from '../setting.ts';

/** How cost grows with the number of nodes. */
export async function nodes(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const { rounds, ms, counts, inFlight } = budget.nodes;
  const all = await setting.servers(Math.max(...counts));
  const cases = counts.flatMap((count) =>
    inFlight.map((load) => ({ count, load, key: `${count} × ${load}` })),
  );
  const raw = await inRounds(
    rounds,
    Object.fromEntries(
      cases.map(({ count, load, key }) => {
        const servers = all.slice(0, count);
        const trials = record(
          OWN_AND_RAW,
          (name) => () => setting.measure(name, servers, { inFlight: load, ms }),
        );
        return [key, { trials }];
      }),
    ),
    random,
    progress.step,
  );
  const outcomes = Object.fromEntries(
    cases.map(({ count, load, key }) => [
      key,
      compare(`${count === 1 ? '1 node' : `${count} nodes`}, ${load} in flight`, raw[key] ?? {}, RAW),
    ]),
  );
  return {
    outcomes,
    raw,
  };
}

export function stepsOfNodes({ budget: { nodes } }: Pick<Setting, 'budget'>): number {
  return nodes.rounds * nodes.counts.length * nodes.inFlight.length * OWN_AND_RAW.length;
}
