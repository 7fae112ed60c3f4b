import { describe, it } from 'vitest';
import { DIRECTED } from '../support/mutants/directed.ts';
import { expectLawful } from '../support/simulation/property.ts';
import { REGRESSIONS } from '../support/simulation/regressions.ts';

describe('as a simulation has found it not to do once,', () => {
  it.each(Object.entries(REGRESSIONS))('%s', (_, schedule) => expectLawful(schedule));
});

describe('nothing is broken when', () => {
  it.each(Object.entries(DIRECTED))('%s', (_, schedule) => expectLawful(schedule));
});
