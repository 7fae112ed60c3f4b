/*
 * How fast quorlock is, and what it costs, beside the floor, other libraries, and itself under other conditions; all in one
 * run. A measurement, not a test: goals that are missed are marked, and the exit code is 0.
 *
 *   npm run bench [-- --quick] [-- --only=throughput,faults] [-- --rounds=N] [-- --seed=S] [-- --out=DIR] [-- --contention]
 *
 * Scenarios: versusRaw, throughput, clients, nodes, resources, held, processes, heap, extension, distance, batch, faults.
 * Results go to bench/results/, those of a run that is quick or not whole to bench/results/part/. --contention: runs
 * bench:contention too, and shows its hand-over.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { outcomeAsMarkdown, verdictsAsMarkdown } from '../support/markdown.ts';
import type { Outcome } from '../support/outcome.ts';
import { type Budget, FULL, QUICK } from './budget.ts';
import { judge } from './goals.ts';
import { describeMachine, loadBefore, versions } from './machine.ts';
import { showProgress } from './progress.ts';
import { asMarkdown, type Run } from './report/markdown.ts';
import { picture } from './report/picture.ts';
import { type Findings, SCENARIOS, type ScenarioName } from './scenarios/scenarios.ts';
import { openSetting, type Setting } from './setting.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    out: { type: 'string' },
    contention: { type: 'boolean', default: false },
  },
});
const seed = whole('seed', options.seed);
const budget = withRounds(options.quick ? QUICK : FULL);
const chosen = Object.keys(SCENARIOS).filter(
  (name) => options.only?.split(',').includes(name) ?? true,
) as ScenarioName[];
const whollyDone = !options.quick && options.only === undefined;
const out = options.out ?? (whollyDone ? 'bench/results' : 'bench/results/part');

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new RangeError(`--${flag} must be a whole number, not ${text}`);
  return value;
}

function withRounds(budget: Budget): Budget {
  if (options.rounds === undefined) return budget;
  const rounds = whole('rounds', options.rounds);
  return Object.fromEntries(
    Object.entries(budget).map(([name, part]) => [name, 'rounds' in part ? { ...part, rounds } : part]),
  ) as unknown as Budget;
}

async function measured(setting: Setting): Promise<Pick<Run, 'findings' | 'failures'>> {
  const findings: Findings = {};
  const failures: Record<string, string> = {};
  for (const name of chosen) {
    const { title, run } = SCENARIOS[name];
    setting.progress.begin(title);
    try {
      Object.assign(findings, { [name]: await run(setting) });
    } catch (error) {
      // What others have measured must not be lost for one.
      failures[title] = String(error);
    }
    await setting.dismiss();
    setting.progress.end(title);
  }
  return { findings, failures };
}

async function write(run: Run): Promise<void> {
  await mkdir(out, { recursive: true });
  const { findings, ...rest } = run;
  const results = Object.entries(findings).map(([name, { outcomes, raw }]) => [name, { outcomes, raw }]);
  await Promise.all([
    writeFile(
      join(out, 'speed.json'),
      `${JSON.stringify({ ...rest, results: Object.fromEntries(results) }, undefined, 1)}\n`,
    ),
    writeFile(join(out, 'speed.md'), asMarkdown(run)),
    ...(findings.throughput
      ? [writeFile(join(out, 'speed.svg'), picture(findings.throughput.outcomes))]
      : []),
  ]);
}

/** From bench:contention, which has all that is about waiting. */
async function handOver(): Promise<Outcome> {
  const flags = [`--seed=${seed}`, ...(options.quick ? ['--quick'] : [])];
  const child = spawn('npm', ['run', 'bench:contention', '--', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'exit');
  const { outcomes } = JSON.parse(await readFile('bench/results/contention.json', 'utf8')) as {
    outcomes: { handOver: Outcome };
  };
  return outcomes.handOver;
}

const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => reject(new Error(signal)));
  }
});

const load = loadBefore();
const steps = chosen.reduce((sum, name) => sum + SCENARIOS[name].steps({ budget }), 0);
const progress = showProgress(steps);
const setting = openSetting(seed, budget, progress);
try {
  const [server] = await setting.servers(1);
  if (!server) throw new Error('no server');
  const machine = await describeMachine(server, load);
  const { findings, failures } = await Promise.race([measured(setting), interrupted]);
  const verdicts = judge(findings);
  progress.stop();
  const run: Run = {
    quick: options.quick,
    seed,
    machine,
    versions: await versions('bench/package.json'),
    findings,
    failures,
    verdicts,
    ...(options.contention && { handOver: await handOver() }),
  };
  await write(run);
  const ratios = findings.versusRaw?.outcomes['ratios'];
  if (ratios) console.log(outcomeAsMarkdown(ratios));
  console.log(verdictsAsMarkdown(verdicts));
  for (const [name, why] of Object.entries(failures)) console.log(`${name} failed: ${why}`);
  console.log(`All tables: ${join(out, 'speed.md')}`);
} finally {
  progress.stop();
  await setting.close();
}

// Peers may leave timers behind.
process.exit();
