import { describe, expect, it } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';

function draw(seed: number): unknown[] {
  const random = seededRandom(seed);
  return [random.fraction(), random.token(), random.fraction(), random.token()];
}

describe('seeded randomness', () => {
  it('repeats itself for the same seed, and only for that', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('makes tokens of 40 hex digits that no other seed makes', () => {
    const tokens = [0, 1, -1].flatMap((seed) => {
      const random = seededRandom(seed);
      return Array.from({ length: 1000 }, () => random.token());
    });
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(tokens.every((token) => /^[0-9a-f]{40}$/.test(token))).toBe(true);
  });

  it('spreads fractions over [0, 1)', () => {
    const random = seededRandom(42);
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const tenth = Math.floor(random.fraction() * 10);
      tenths[tenth] = (tenths[tenth] ?? Number.NaN) + 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(900);
    expect(Math.max(...tenths)).toBeLessThan(1100);
  });
});
