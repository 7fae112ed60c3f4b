/*
 * What waiting for a lock costs, in time and in commands: quorlock beside another checkout of it, beside a floor that
 * polls, beside other libraries, and beside a mutex in memory, all in one run. A measurement, not a test: misses are
 * flagged, and the exit code is 0.
 *
 *   npm run bench:contention [-- --quick] [-- --baseline=DIR] [-- --only=crowd,faults] [-- --rounds=N]
 *                            [-- --contestants=quorlock,baseline] [-- --faults=arbiter] [-- --seed=S]
 *
 * --baseline: the folder of another checkout, with its dependencies installed; rates and times are then shown as ratios
 * to it, too, and more goals are checked. --rounds: how often each contestant is measured. --quick: a short run without
 * other libraries. --contestants: which libraries are measured. --faults: in the scenario `faults`, only the faults whose names contain this.
 *
 * The tables go to stdout, the figures to bench/results/contention.json, progress to stderr. The seed is that of the
 * bench's own jitter; the libraries have theirs.
 */
import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { outcomeAsMarkdown, verdictsAsMarkdown } from '../support/markdown.ts';
import type { Outcome } from '../support/outcome.ts';
import { type Budget, FULL, QUICK, withRounds } from './budget.ts';
import { BASELINE, CONTESTANTS, isQuorlock } from './clients/contestants.ts';
import { POLLING } from './clients/polling.ts';
import { judge, type Outcomes } from './goals.ts';
import { cpuTime, usedByOthers } from './machine.ts';
import { death } from './scenarios/death.ts';
import { faults } from './scenarios/faults.ts';
import { handOver } from './scenarios/hand-over.ts';
import { herd } from './scenarios/herd.ts';
import { idle } from './scenarios/idle.ts';
import { load } from './scenarios/load.ts';
import { storm } from './scenarios/storm.ts';
import { tries } from './scenarios/tries.ts';
import { uncontended } from './scenarios/uncontended.ts';
import { openSetting, type Setting } from './setting.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    baseline: { type: 'string' },
    contestants: { type: 'string' },
    only: { type: 'string' },
    faults: { type: 'string', default: '' },
    rounds: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});

const SCENARIOS: Readonly<Record<keyof Outcomes, (setting: Setting, budget: Budget) => Promise<Outcome>>> = {
  uncontended,
  handOver,
  together: (setting, budget) => load(setting, { processes: 1, callers: 32 }, budget.together),
  apart: (setting, budget) => load(setting, { processes: 4, callers: 2 }, budget.apart),
  crowd: (setting, budget) => load(setting, { processes: 8, callers: 4 }, budget.crowd),
  far: (setting, budget) => load(setting, { processes: 4, callers: 2, away: 10 }, budget.far),
  many40: (setting, budget) => load(setting, { processes: 4, redlocks: 10, callers: 1 }, budget.many40),
  many160: (setting, budget) => load(setting, { processes: 4, redlocks: 40, callers: 1 }, budget.many160),
  herd,
  tries,
  storm,
  death,
  idle,
  faults,
};

const RESULTS = fileURLToPath(new URL('../results/contention.json', import.meta.url));

const seed = wholeNumber('seed', options.seed);
const only = chosen('only', options.only, Object.keys(SCENARIOS) as (keyof Outcomes)[]);
const all = withRounds(
  options.quick ? QUICK : FULL,
  options.rounds === undefined ? undefined : wholeNumber('rounds', options.rounds),
);
const budget: Budget = { ...all, faults: { ...all.faults, named: options.faults } };
const contestants = chosen('contestants', options.contestants, CONTESTANTS).filter(
  (name) =>
    (name !== BASELINE || options.baseline !== undefined) &&
    (!options.quick || name === 'raw polling' || isQuorlock(name)),
);

function wholeNumber(option: string, given: string): number {
  const value = Number(given);
  if (!Number.isInteger(value)) throw new RangeError(`--${option} must be a whole number, not ${given}`);
  return value;
}

function chosen<T extends string>(
  option: string,
  given: string | undefined,
  all: readonly T[],
): readonly T[] {
  const names = given?.split(',');
  const unknown = names?.find((name) => !all.includes(name as T));
  if (unknown !== undefined) throw new RangeError(`--${option}: ${unknown} is none of ${all.join(', ')}`);
  return names ? all.filter((name) => names.includes(name)) : all;
}

async function run(setting: Setting): Promise<Partial<Outcomes>> {
  const outcomes: Partial<Record<keyof Outcomes, Outcome>> = {};
  for (const name of only) {
    const began = performance.now();
    const before = await cpuTime();
    const outcome = await SCENARIOS[name](setting, budget);
    const others = usedByOthers(before, await cpuTime());
    const notes = [
      ...outcome.notes,
      `Other programs used ${(others * 100).toFixed(0)} % of the machine meanwhile.`,
    ];
    outcomes[name] = { ...outcome, notes };
    // At once: a long run may be interrupted.
    console.log(outcomeAsMarkdown(outcomes[name]));
    console.error(`${name}: ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  }
  return outcomes;
}

const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => reject(new Error(signal)));
  }
});

// Before this one: whatever else runs takes from everybody's figures.
const [busy = 0] = loadavg();
const setting = await openSetting(seed, contestants, options.baseline);
let outcomes: Partial<Outcomes>;
try {
  outcomes = await Promise.race([run(setting), interrupted]);
} finally {
  await setting.close();
}

const verdicts = judge(outcomes);
console.log(verdictsAsMarkdown(verdicts));
const intervals = Object.entries(POLLING).map(([name, { delay, jitter }]) => `${name} ${delay} ± ${jitter}`);
console.log(
  `Load of the machine before the run: ${busy.toFixed(1)} on ${availableParallelism()} processors. Seed ${seed}. quorlock: its defaults. Polling intervals of the others, in ms: ${intervals.join(', ')}.`,
);
await mkdir(new URL('.', `file://${RESULTS}`), { recursive: true });
await writeFile(
  RESULTS,
  `${JSON.stringify({ quick: options.quick, seed, busy, polling: POLLING, outcomes, verdicts }, null, 2)}\n`,
);
