import { outcomeAsMarkdown, verdictsAsMarkdown } from '../../support/markdown.ts';
import type { Outcome } from '../../support/outcome.ts';
import type { Verdict } from '../../support/verdict.ts';
import type { Finding } from '../finding.ts';
import { isNoisy, type Machine } from '../machine.ts';
import { type Findings, SCENARIOS, type ScenarioName } from '../scenarios/scenarios.ts';

export interface Run {
  readonly quick: boolean;
  readonly seed: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly findings: Findings;
  /** Scenarios that failed as a whole, and why. */
  readonly failures: Readonly<Record<string, string>>;
  readonly verdicts: readonly Verdict[];
  /** Of bench:contention, if it was asked for. */
  readonly handOver?: Outcome;
}

/** Tables for people, those with goals first. */
export function asMarkdown(run: Run): string {
  const { machine, seed, failures, verdicts, handOver } = run;
  const { versusRaw, ...others } = run.findings;
  const reservations = [
    ...(run.quick ? ['**A quick run: it shows that everything works, its figures mean little.**'] : []),
    ...(isNoisy(machine)
      ? [
          `**Other programs ran on this machine: a load of ${machine.load.toFixed(1)} before the run. Its figures are off.**`,
        ]
      : []),
  ];
  return [
    '# Speed',
    ...reservations,
    'Written by `npm run bench`. docs/performance.md says what to conclude, and docs/internals/benchmarks.md how it was measured.',
    `${machine.processor}, ${machine.cores} processors, ${machine.memoryGiB} GiB, Linux ${machine.kernel}; Node.js ${machine.node}, ${machine.server}; seed ${seed}.`,
    Object.entries(run.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    ...(others.throughput ? ['![quorlock beside other libraries](speed.svg)'] : []),
    ...(versusRaw ? [section('versusRaw', versusRaw)] : []),
    verdictsAsMarkdown(verdicts),
    ...Object.entries(others).map(([name, finding]) => section(name as ScenarioName, finding)),
    '# Waiting',
    handOver
      ? outcomeAsMarkdown(handOver)
      : 'Not a part of this run: `npm run bench:contention`, or the flag `--contention`.',
    ...Object.entries(failures).map(([name, why]) => `# ${name}\n\nFailed: ${why}`),
  ]
    .join('\n\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .concat('\n');
}

function section(name: ScenarioName, { outcomes }: Finding): string {
  const tables = Object.values(outcomes).map(outcomeAsMarkdown);
  return [`# ${SCENARIOS[name].title}`, ...tables].join('\n\n');
}
