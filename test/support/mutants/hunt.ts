import { parentPort, workerData } from 'node:worker_threads';
import * as fc from 'fast-check';
import { expectLawful, ViolationError } from '../simulation/property.ts';
import type { Schedule } from '../simulation/schedule.ts';
import { type Model, schedules } from '../simulation/schedules.ts';
import { DIRECTED, type Directed } from './directed.ts';

/** What a worker that runs schedules is to do. */
export interface Hunt {
  readonly model: Model;
  /** The only schedule that is run, if one is named. */
  readonly directed?: Directed | undefined;
  readonly seed: number;
  readonly schedules: number;
  /** Which rule has to be broken; undefined for any. */
  readonly rule?: string;
  /** Whether a schedule that breaks a rule is made as small as possible. */
  readonly shrink: boolean;
  /** After how many ms it ends, with what it has until then; Infinity for never. */
  readonly timeLimit?: number;
}

/** How it went. */
export interface Quarry {
  /** How many schedules were run, the last of them being the one that broke a rule, if any did. */
  readonly schedules: number;
  /** Empty if none was broken. */
  readonly rules: readonly string[];
  readonly message: string;
  /** Where fast-check finds it again. */
  readonly path: string;
  /** The schedule itself. */
  readonly schedule: Schedule | undefined;
}

/** After how many schedules a worker tells how many it has run. */
const STRIDE = 250;

async function hunt({
  model,
  directed,
  seed,
  schedules: most,
  rule,
  shrink,
  timeLimit = Number.POSITIVE_INFINITY,
}: Hunt): Promise<Quarry> {
  let run = 0;
  const lawful = fc.asyncProperty(
    directed ? fc.constant(DIRECTED[directed]) : schedules(model),
    async (schedule) => {
      if (++run % STRIDE === 0) parentPort?.postMessage(run);
      await expectLawful(schedule, rule);
    },
  );
  // Longer than this no timer can be.
  const limit = timeLimit < 2 ** 31 ? { interruptAfterTimeLimit: Math.ceil(timeLimit) } : {};
  const result = await fc.check(lawful, {
    seed,
    numRuns: directed ? 1 : most,
    endOnFailure: !shrink,
    ...limit,
  });
  const { errorInstance, counterexamplePath, numRuns } = result;
  const rules = errorInstance instanceof ViolationError ? errorInstance.rules : [];
  if (result.failed && rules.length === 0) throw errorInstance;
  return {
    schedules: numRuns,
    rules,
    message: errorInstance instanceof Error ? errorInstance.message : '',
    path: counterexamplePath ?? '',
    schedule: result.counterexample?.[0],
  };
}

parentPort?.postMessage(await hunt(workerData as Hunt));
