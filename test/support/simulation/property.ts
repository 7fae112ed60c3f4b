import { violations } from '../checker/checker.ts';
import type { Schedule } from './schedule.ts';
import { simulate } from './world.ts';

/** Throws unless the run of a schedule breaks no rule, or not the one that is asked for. */
export async function expectLawful(schedule: Schedule, only?: string): Promise<void> {
  const found = violations(await simulate(schedule));
  if (only === undefined ? found.length > 0 : found.some(({ rule }) => rule === only))
    throw new ViolationError(found);
}

/** What a run did that it must not. */
export class ViolationError extends Error {
  readonly rules: readonly string[];

  constructor(found: ReturnType<typeof violations>) {
    super(found.map(({ rule, at, what }) => `${rule}: ${what} (at ${at.toFixed(3)})`).join('\n'));
    this.rules = [...new Set(found.map(({ rule }) => rule))];
  }
}
