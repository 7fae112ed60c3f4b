import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import * as fc from 'fast-check';
import { violations } from '../test/support/checker/checker.ts';
import { trace } from '../test/support/checker/trace.ts';
import { bundle } from '../test/support/mutants/bundle.ts';
import { HUNT, sendHunter } from '../test/support/mutants/hunter.ts';
import type { Schedule } from '../test/support/simulation/schedule.ts';
import { MODELS, type Model, schedules } from '../test/support/simulation/schedules.ts';
import { simulate } from '../test/support/simulation/world.ts';

const USAGE = `npm run sim -- [--schedules N | --minutes M] [--seed S] [--model ${MODELS.join('|')}] [--workers W]
npm run sim -- --seed S --path P --model ${MODELS.join('|')}    replays one schedule, and prints what happens`;

/** How many schedules a worker runs before it gets another seed. */
const BATCH = 20_000;

interface Soak {
  readonly schedules: number;
  readonly deadline: number;
  readonly seed: number;
  readonly models: readonly Model[];
  readonly workers: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      schedules: { type: 'string', default: '' },
      minutes: { type: 'string', default: '' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      path: { type: 'string' },
      model: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const seed = wholeNumber('seed', values.seed, -(2 ** 31));
  const models = values.model === undefined ? MODELS : [modelOf(values.model)];
  if (values.path !== undefined) {
    await replay(seed, values.path, models[0]);
    return;
  }
  const minutes =
    values.minutes === '' ? Number.POSITIVE_INFINITY : wholeNumber('minutes', values.minutes, 1);
  const usual = minutes === Number.POSITIVE_INFINITY ? 20_000 : Number.MAX_SAFE_INTEGER;
  await soak({
    schedules: values.schedules === '' ? usual : wholeNumber('schedules', values.schedules, 1),
    deadline: performance.now() + minutes * 60_000,
    seed,
    models,
    workers: wholeNumber('workers', values.workers, 1),
  });
}

/** Runs schedules on all cores, a batch for each seed from the first on. */
async function soak({ schedules: most, deadline, seed, models, workers }: Soak): Promise<void> {
  const program = await bundle('sim', HUNT);
  const started = performance.now();
  let batches = 0;
  let planned = 0;
  let run = 0;
  let broken = 0;
  const report = (): void => {
    const seconds = (performance.now() - started) / 1_000;
    progress(`${run} schedules, ${broken} violations, ${Math.round(run / seconds)} per second`);
  };
  const work = async (): Promise<void> => {
    while (planned < most && performance.now() < deadline) {
      const model = models[batches % models.length] as Model;
      const batchSeed = seed + Math.floor(batches / models.length);
      const size = Math.min(BATCH, most - planned);
      batches++;
      planned += size;
      let told = 0;
      const onProgress = (now: number): void => {
        run += now - told;
        told = now;
        report();
      };
      const timeLimit = deadline - performance.now();
      const hunt = { model, seed: batchSeed, schedules: size, shrink: true, timeLimit };
      const quarry = await sendHunter(program, hunt, onProgress);
      run += quarry.schedules - told;
      if (quarry.rules.length === 0) continue;
      broken++;
      console.log(
        `\n${quarry.message}\nnpm run sim -- --seed ${batchSeed} --path ${quarry.path} --model ${model}`,
      );
    }
  };
  console.log(`seed ${seed}`);
  await Promise.all(Array.from({ length: workers }, work));
  report();
  console.log(`\n${run} schedules, ${broken} violations`);
  if (broken > 0) process.exitCode = 1;
}

/** On a terminal one line that changes; elsewhere a line now and then. */
const progress: (line: string) => void = process.stdout.isTTY
  ? (line) => process.stdout.write(`\r${line}`)
  : every(10_000, (line) => console.log(line));

function every(ms: number, print: (line: string) => void): (line: string) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (line) => {
    if (performance.now() < last + ms) return;
    last = performance.now();
    print(line);
  };
}

async function replay(seed: number, path: string, model: Model): Promise<void> {
  const [schedule] = fc.sample(schedules(model), { seed, path, numRuns: 1 }) as [Schedule];
  const history = await simulate(schedule);
  const found = violations(history);
  console.log(JSON.stringify(schedule, undefined, 2));
  console.log(trace(history, found));
  console.log(`1 schedules, ${found.length > 0 ? 1 : 0} violations`);
  if (found.length > 0) process.exitCode = 1;
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= least) return number;
  throw new RangeError(`--${name} must be a whole number from ${least}, not ${JSON.stringify(text)}`);
}

function modelOf(text: string): Model {
  const model = MODELS.find((each) => each === text);
  if (model) return model;
  throw new RangeError(`--model must be one of ${MODELS.join(', ')}, not ${JSON.stringify(text)}`);
}

await main().catch((error: unknown) => {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
});
