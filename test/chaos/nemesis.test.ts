import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_FAULTS, type Fault, isNodeFault, minorityOf, NODE_FAULTS } from './fault.ts';
import { mostFaulty, type NemesisOptions, planFaults } from './nemesis.ts';
import { recoveryOn } from './times.ts';

const PROCESSES = recoveryOn({ lag: 300 });
const CONTAINERS = recoveryOn({ lag: 1_500 });
const MINUTE = 60_000;

function optionsOf(seed: number, more: Partial<NemesisOptions> = {}): NemesisOptions {
  return {
    seed,
    duration: MINUTE,
    nodes: 5,
    clients: 6,
    limits: 'kept',
    recovery: PROCESSES,
    maxTtl: 2_000,
    ...more,
  };
}

function kindsOf(plan: readonly Fault[]): string[] {
  return [...new Set(plan.map(({ kind }) => kind))].sort();
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const recoveries = fc.constantFrom(PROCESSES, CONTAINERS);

describe('the nemesis', () => {
  test.prop([seeds, recoveries, fc.constantFrom(3, 5, 7)])(
    'leaves a quorum alone, until the nodes that it has restarted vote again',
    (seed, recovery, nodes) => {
      const plan = planFaults(optionsOf(seed, { recovery, nodes }));
      expect(mostFaulty(plan, recovery)).toBeLessThanOrEqual(minorityOf(nodes));
    },
  );

  test.prop([seeds])('breaks these limits when it is told to', (seed) => {
    const plan = planFaults(optionsOf(seed, { limits: 'broken' }));
    const majorities = plan.filter((fault) => isNodeFault(fault) && fault.nodes.length > minorityOf(5));
    expect(majorities.length).toBeGreaterThan(3);
    expect(new Set(majorities.map(({ kind }) => kind)).size).toBeGreaterThan(2);
  });

  test.prop([seeds, fc.constantFrom('kept' as const, 'broken' as const)])(
    'does the same for the same seed, and something else for another',
    (seed, limits) => {
      const plan = planFaults(optionsOf(seed, { limits }));
      expect(planFaults(optionsOf(seed, { limits }))).toEqual(plan);
      expect(planFaults(optionsOf(seed + 1, { limits }))).not.toEqual(plan);
    },
  );

  test.prop([seeds, recoveries])(
    'does everything within a minute, and something every three seconds',
    (seed, recovery) => {
      const plan = planFaults(optionsOf(seed, { recovery }));
      expect(kindsOf(plan)).toEqual([...NODE_FAULTS, ...CLIENT_FAULTS].sort());
      expect(plan.length).toBeGreaterThanOrEqual(20);
    },
  );

  test.prop([seeds, fc.integer({ min: 1_000, max: MINUTE })])(
    'has undone it all in time',
    (seed, duration) => {
      for (const fault of planFaults(optionsOf(seed, { duration }))) {
        expect(fault.at + fault.for).toBeLessThanOrEqual(duration);
        if (fault.kind === 'stop client') expect(fault.for).toBeGreaterThan(2_000);
      }
    },
  );

  it('combines faults, of nodes and of clients', () => {
    const plan = planFaults(optionsOf(1));
    const together = plan.filter((one) =>
      plan.some((other) => other !== one && other.at <= one.at && one.at < other.at + other.for),
    );
    expect(together.length).toBeGreaterThan(5);
  });
});
