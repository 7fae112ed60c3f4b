import { describe, it } from 'vitest';
import { expectLawful } from '../support/simulation/property.ts';
import { REGRESSIONS } from '../support/simulation/regressions.ts';

describe('as a simulation has found it not to do once,', () => {
  it.each(Object.entries(REGRESSIONS))('%s', (_, schedule) => expectLawful(schedule));
});
