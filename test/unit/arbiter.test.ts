import { describe, expect, it } from 'vitest';
import { arbitersOf } from '../../src/acquire/arbiter.ts';

const NAMES = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379', '10.0.0.4:6379', '10.0.0.5:6379'];

function namesFor(key: string, names: readonly string[]): string[] {
  return arbitersOf(key, names).map((index) => names[index] ?? '');
}

describe('the order in which contenders ask nodes', () => {
  it('names each node once', () => {
    for (let i = 0; i < 100; i++)
      expect(new Set(arbitersOf(`key ${i}`, NAMES))).toEqual(new Set(NAMES.keys()));
  });

  it('is the same however often it is asked for', () => {
    expect(arbitersOf('k', NAMES)).toEqual(arbitersOf('k', NAMES));
  });

  it('is the same nodes in the same order, whatever order they were given in', () => {
    const others = [NAMES.toReversed(), [...NAMES.slice(2), ...NAMES.slice(0, 2)]];
    for (let i = 0; i < 50; i++)
      for (const names of others) expect(namesFor(`key ${i}`, names)).toEqual(namesFor(`key ${i}`, NAMES));
  });

  it('makes each node the arbiter of about as many keys', () => {
    const counts = new Map<number, number>();
    for (let i = 0; i < 5_000; i++) {
      const [arbiter = -1] = arbitersOf(`key ${i}`, NAMES);
      counts.set(arbiter, (counts.get(arbiter) ?? 0) + 1);
    }
    expect(counts.size).toBe(5);
    for (const count of counts.values()) expect(count).toSatisfy((n: number) => n > 850 && n < 1_150);
  });

  it('keeps the order of the others when a node is taken away', () => {
    for (let i = 0; i < 50; i++) {
      const all = namesFor(`key ${i}`, NAMES);
      const [gone = ''] = NAMES;
      const left = namesFor(`key ${i}`, NAMES.slice(1));
      expect(left).toEqual(all.filter((name) => name !== gone));
    }
  });

  it('is that of a single node', () => {
    expect(arbitersOf('k', ['a'])).toEqual([0]);
  });
});
