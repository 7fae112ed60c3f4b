import { describe, expect, it } from 'vitest';
import { pickTwo, planActs } from '../../examples/demo/plan.ts';

describe('the plan', () => {
  it.each([
    [10_000, 1_000],
    [2_500, 1_000],
    [3_000, 100],
  ])('for %d ms leaves a node down for longer than the ttl of %d ms', (duration, ttl) => {
    const acts = planActs(duration, ttl, [1, 3]);
    for (const node of [1, 3]) {
      const [death, return_] = acts.filter((act) => 'node' in act && act.node === node);
      expect([death?.kind, return_?.kind]).toEqual(['kill', 'restart']);
      expect((return_?.at ?? 0) - (death?.at ?? 0)).toBeGreaterThan(ttl);
      expect(return_?.at).toBeLessThan(duration);
    }
  });

  it('never picks a node twice', () => {
    for (let round = 0; round < 100; round++) {
      const [first, second] = pickTwo(2);
      expect(new Set([first, second])).toEqual(new Set([0, 1]));
    }
  });

  it('without victims kills nothing', () => {
    expect(planActs(10_000, 1_000, []).map(({ kind }) => kind)).toEqual(['linger']);
  });
});
