import { figure } from '../../support/outcome.ts';
import { record } from '../../support/record.ts';
import { OWN_AND_RAW } from '../budget.ts';
import { compare } from '../comparison.ts';
import { RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import type { Chart } from '../report/chart.ts';
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
  const busiest = Math.max(...inFlight);
  const plot = (file: string, title: string, key: string, unit: string): Chart => ({
    file,
    title: `${title}, ${busiest} in flight`,
    kind: 'lines',
    x: { name: 'nodes', values: counts },
    y: { name: unit },
    series: OWN_AND_RAW.map((name) => ({
      name,
      values: counts.map((count) => figure(outcomes[`${count} × ${busiest}`], name, key)),
    })),
  });
  return {
    outcomes,
    charts: [
      plot('nodes', 'acquire + release by the number of nodes', 'perSecond', 'operations per second'),
      plot('nodes-cpu', 'CPU of the client by the number of nodes', 'clientCpu', 'µs per operation'),
    ],
    raw,
  };
}

export function stepsOfNodes({ budget: { nodes } }: Pick<Setting, 'budget'>): number {
  return nodes.rounds * nodes.counts.length * nodes.inFlight.length * OWN_AND_RAW.length;
}
