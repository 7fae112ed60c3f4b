import type { Column, Figures, Outcome } from '../../support/outcome.ts';
import { record } from '../../support/record.ts';
import type { Spread } from '../../support/statistics.ts';
import { OWN_AND_RAW } from '../budget.ts';
import { OWN, RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import type { Sample } from '../measure.ts';
import { type Group, inRounds, type Rounds } from '../rounds.ts';
import { overRuns, ratioInRun } from '../runs.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
const WARM_UP_IN_FLIGHT = 64;

interface Measure {
  readonly inFlight: number;
  readonly key: keyof Sample;
  /** The row of the table. */
  readonly title: string;
}

/** The figures that have goals. */
export const MEASURES: Readonly<Record<'latency' | 'busy' | 'busiest' | 'cpu', Measure>> = {
  latency: { inFlight: 1, key: 'p50', title: '1 in flight: p50' },
  busy: { inFlight: 64, key: 'perSecond', title: '64 in flight: ops/s' },
  busiest: { inFlight: 256, key: 'perSecond', title: '256 in flight: ops/s' },
  cpu: { inFlight: 64, key: 'clientCpu', title: '64 in flight: client CPU per operation' },
};

const LOADS = [...new Set(Object.values(MEASURES).map(({ inFlight }) => inFlight))];

/** What was measured in one run, by load and contestant. */
type Run = Readonly<Record<string, Readonly<Record<string, Rounds<Sample>>>>>;

/**
 * quorlock with and without fencing as ratios to raw. The three take turns in one process, on the same servers, under the
 * same load, in another order in each round. Clients are opened anew for each run.
 */
export async function versusRaw(setting: Setting): Promise<Finding> {
  const raw: Run[] = [];
  for (let run = 0; run < setting.budget.versusRaw.runs; run++) {
    raw.push(await oneRun(setting));
    await setting.dismiss();
  }
  return { outcomes: outcomesOf(raw), raw };
}

export function stepsOfVersusRaw({ budget }: Pick<Setting, 'budget'>): number {
  const { runs, rounds } = budget.versusRaw;
  return runs * (1 + rounds * LOADS.length) * OWN_AND_RAW.length;
}

async function oneRun(setting: Setting): Promise<Run> {
  const { budget, random, progress } = setting;
  const { rounds, ms } = budget.versusRaw;
  const servers = await setting.servers(NODES);
  const groupOf = (inFlight: number): Group<Sample> => ({
    trials: record(OWN_AND_RAW, (name) => () => setting.measure(name, servers, { inFlight, ms })),
  });
  await inRounds(1, { 'warm-up': groupOf(WARM_UP_IN_FLIGHT) }, random, progress.step);
  return inRounds(rounds, record(LOADS, groupOf), random, progress.step);
}

function outcomesOf(runs: readonly Run[]): Record<string, Outcome> {
  const measures = Object.values(MEASURES);
  const inRun = (run: Run, { inFlight, key }: Measure, name: string): Spread =>
    ratioInRun(run[inFlight]?.[name], run[inFlight]?.[RAW], key);
  const each = runs.flatMap((run, i) =>
    measures.map((measure) => [`run ${i + 1}, ${measure.title}`, rowOf((name) => inRun(run, measure, name))]),
  );
  const notes = [
    'Raw: ioredis sends SET NX PX to all nodes at once and waits for a majority, then a script that deletes its own key, and waits for a majority. An operation is an acquire and its release.',
    'A ratio compares with raw in the same round. The figure of a run is the median of its rounds.',
    ...failuresOf(runs),
  ];
  return {
    ratios: {
      title: `Ratios to raw on ${NODES} nodes: median of ${runs.length === 1 ? 'one run' : `${runs.length} runs`}`,
      notes,
      columns: columns('run'),
      rows: Object.fromEntries(
        measures.map((measure) => [
          measure.title,
          rowOf((name) => overRuns(runs.map((run) => inRun(run, measure, name)))),
        ]),
      ),
    },
    runs: {
      title: 'Ratios to raw in each run: median of the rounds',
      notes,
      columns: columns('round'),
      rows: Object.fromEntries(each),
    },
  };
}

/** Column keys are the contestant's name alone, and with `least` and `most`. */
function columns(unit: string): Column[] {
  return Object.keys(OWN).flatMap((name) => [
    { key: name, title: name, digits: 2 },
    { key: `${name} least`, title: `least ${unit}`, digits: 2 },
    { key: `${name} most`, title: `most ${unit}`, digits: 2 },
  ]);
}

function rowOf(spreadOf: (name: string) => Spread): Figures {
  const figures = Object.keys(OWN).flatMap((name) => {
    const { median, least, most } = spreadOf(name);
    return [
      [name, median],
      [`${name} least`, least],
      [`${name} most`, most],
    ];
  });
  return Object.fromEntries(figures);
}

function failuresOf(runs: readonly Run[]): string[] {
  return runs.flatMap((run, i) =>
    Object.entries(run).flatMap(([inFlight, measured]) =>
      Object.entries(measured).flatMap(([name, rounds]) => {
        const where = `Run ${i + 1}, ${inFlight} in flight, ${name}:`;
        if (typeof rounds === 'string') return [`${where} ${rounds}.`];
        const failed = rounds.reduce((sum, sample) => sum + sample.failed, 0);
        return failed > 0 ? [`${where} ${failed} operations failed.`] : [];
      }),
    ),
  );
}
