import * as fc from 'fast-check';
import type { Effect, Enabled } from './exploration.ts';

/** An event of a process, without any meaning but what it touches; see `Effect`. */
type Step = Pick<Effect, 'objects' | 'shared' | 'kind'>;

interface Thread {
  readonly steps: readonly Step[];
  /** Which step of an earlier thread starts it; undefined if it runs from the start. */
  readonly startedBy: { readonly thread: number; readonly step: number } | undefined;
}

/** A concurrent system that is nothing but threads that touch objects, and a timer that is cancelled. */
export interface Program {
  readonly threads: readonly Thread[];
  /** Runs once, unless its object has been touched so many times before. */
  readonly timer: { readonly object: number; readonly patience: number };
}

interface Possible extends Enabled {
  readonly after: number;
  readonly step: Step;
}

/** One execution of a program. */
export class Execution {
  readonly #program: Program;
  /** For each thread, at which place in the execution its steps were. */
  readonly #done: number[][];
  readonly #touched: Step[] = [];
  #timerHasRun = false;

  constructor(program: Program) {
    this.#program = program;
    this.#done = program.threads.map(() => []);
  }

  choices(): Possible[] {
    const { threads, timer } = this.#program;
    const choices = threads.flatMap(({ steps, startedBy }, thread): Possible[] => {
      const step = steps[this.#done[thread]?.length ?? 0];
      const after = startedBy ? this.#done[startedBy.thread]?.[startedBy.step] : -1;
      if (!step || after === undefined) return [];
      return [{ process: `t${thread}`, reach: step.objects | step.shared, after, step }];
    });
    const touches = this.#touched.filter(({ objects, shared }) => ((objects | shared) & timer.object) !== 0);
    if (!this.#timerHasRun && touches.length < timer.patience) {
      const step = { objects: timer.object, shared: 0, kind: '' };
      choices.push({ process: 'timer', reach: timer.object, after: -1, step });
    }
    return choices;
  }

  perform({ process, step, after }: Possible): Effect {
    if (process === 'timer') this.#timerHasRun = true;
    else this.#done[Number(process.slice(1))]?.push(this.#touched.length);
    this.#touched.push(step);
    return { ...step, after };
  }
}

const object = fc.constantFrom(1, 2, 4);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ objects: fc.nat(7), shared: fc.constant(0), kind: fc.constant('') }),
  fc.record({ objects: fc.constant(0), shared: object, kind: fc.constantFrom('yes', 'no') }),
);

/** Small programs, of no more than eight events. */
export const programs: fc.Arbitrary<Program> = fc.record({
  threads: fc
    .array(
      fc.record({
        steps: fc.array(step, { minLength: 1, maxLength: 2 }),
        startedBy: fc.option(fc.record({ thread: fc.nat(2), step: fc.nat(1) }), { nil: undefined }),
      }),
      { minLength: 2, maxLength: 4 },
    )
    .map((threads) =>
      threads.map(({ steps, startedBy }, thread) => ({
        steps: thread === 3 ? steps.slice(0, 1) : steps,
        startedBy: startedBy && startedBy.thread < thread ? startedBy : undefined,
      })),
    ),
  timer: fc.record({ object, patience: fc.integer({ min: 0, max: 3 }) }),
});
