/*
 * What waiting for a lock costs, in time and in commands: quorlock beside a floor that polls, beside other libraries, and
 * beside a mutex in memory, all in one run. A measurement, not a test: misses are flagged, and the exit code is 0.
 *
 *   npm run bench:contention [-- --quick] [-- --only=handOver,storm] [-- --seed=S]
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
import { FULL, QUICK } from './budget.ts';
import { POLLING } from './clients/polling.ts';
import { judge, type Outcomes } from './goals.ts';
import { death } from './scenarios/death.ts';
import { handOver } from './scenarios/hand-over.ts';
import { idle } from './scenarios/idle.ts';
import { load } from './scenarios/load.ts';
import { storm } from './scenarios/storm.ts';
import { openSetting, type Setting } from './setting.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});
const seed = Number(options.seed);
if (!Number.isInteger(seed)) throw new RangeError(`--seed must be a whole number, not ${options.seed}`);
const budget = options.quick ? QUICK : FULL;

const SCENARIOS: Readonly<Record<keyof Outcomes, (setting: Setting) => Promise<Outcome>>> = {
  handOver: (setting) => handOver(setting, budget),
  together: (setting) => load(setting, { processes: 1, clients: 32 }, 'load', budget),
  apart: (setting) => load(setting, { processes: 4, clients: 2 }, 'load', budget),
  crowd: (setting) => load(setting, { processes: 8, clients: 4 }, 'crowd', budget),
  storm: (setting) => storm(setting, budget),
  death: (setting) => death(setting, budget),
  idle: (setting) => idle(setting, budget),
};

const RESULTS = fileURLToPath(new URL('../results/contention.json', import.meta.url));

async function run(setting: Setting): Promise<Partial<Outcomes>> {
  const outcomes: Partial<Record<keyof Outcomes, Outcome>> = {};
  const chosen = options.only?.split(',');
  for (const [key, scenario] of Object.entries(SCENARIOS) as [keyof Outcomes, (typeof SCENARIOS)['idle']][]) {
    if (chosen && !chosen.includes(key)) continue;
    const began = performance.now();
    const outcome = await scenario(setting);
    outcomes[key] = outcome;
    console.error(`${outcome.title}: ${((performance.now() - began) / 1_000).toFixed(0)} s`);
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
const setting = await openSetting(seed);
let outcomes: Partial<Outcomes>;
try {
  outcomes = await Promise.race([run(setting), interrupted]);
} finally {
  await setting.close();
}

const verdicts = judge(outcomes);
for (const outcome of Object.values(outcomes)) console.log(outcomeAsMarkdown(outcome));
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
