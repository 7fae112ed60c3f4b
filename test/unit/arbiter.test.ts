import { describe, expect, it } from 'vitest';
import { Arbiters, arbitersOf } from '../../src/acquire/arbiter.ts';

const NAMES = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379', '10.0.0.4:6379', '10.0.0.5:6379'];

function namesFor(key: string, names: readonly string[]): string[] {
  return arbitersOf(key, names).map((index) => names[index] ?? '');
}

describe('the order in which processes choose an arbiter', () => {
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

const [FIRST = -1, SECOND = -1, THIRD = -1] = arbitersOf('k', ['a', 'b', 'c']);

/** With these nodes silent. */
function silent(...nodes: number[]): Arbiters {
  const arbiters = new Arbiters(['a', 'b', 'c']);
  for (const node of nodes) arbiters.silent(node);
  return arbiters;
}

describe('the arbiter of a key', () => {
  it('is the first node in the order', () => {
    expect(silent().of('k')).toBe(FIRST);
  });

  it('is the first one that is not silent', () => {
    expect(silent(FIRST).of('k')).toBe(SECOND);
    expect(silent(SECOND, FIRST).of('k')).toBe(THIRD);
    expect(silent(THIRD, SECOND).of('k')).toBe(FIRST);
  });

  it('is the first one if all are silent', () => {
    expect(silent(FIRST, SECOND, THIRD).of('k')).toBe(FIRST);
  });

  it('is a node again once that has voted', () => {
    const arbiters = silent(FIRST);
    expect(arbiters.isSilent(FIRST)).toBe(true);
    arbiters.votes(FIRST);
    expect(arbiters.isSilent(FIRST)).toBe(false);
    expect(arbiters.of('k')).toBe(FIRST);
  });
});

/** The first node was asked at 100 on the clock. */
function asked(): Arbiters {
  const arbiters = silent();
  arbiters.asked(FIRST, 100);
  return arbiters;
}

describe('a node that was asked for a grant', () => {
  it('is passed over once its answer is overdue', () => {
    const arbiters = asked();
    arbiters.passOverSilent(99);
    expect(arbiters.of('k')).toBe(FIRST);
    arbiters.passOverSilent(100);
    expect(arbiters.of('k')).toBe(SECOND);
  });

  it('again counts from when it was asked first', () => {
    const arbiters = asked();
    arbiters.asked(FIRST, 200);
    arbiters.passOverSilent(100);
    expect(arbiters.isSilent(FIRST)).toBe(true);
  });

  it.each([
    // how it has answered, whether it was silent before, whether it is passed over
    ['in time', false, false],
    ['in time', true, false],
    ['late', false, true],
    ['late', true, true],
    ['without a vote', false, true],
    ['unsent', false, false],
    ['unsent', true, true],
  ] as const)('and has answered %s, silent before: %s, is passed over: %s', (how, before, after) => {
    const arbiters = asked();
    if (before) arbiters.silent(FIRST);
    arbiters.answered(FIRST, how);
    arbiters.passOverSilent(1_000);
    expect(arbiters.isSilent(FIRST)).toBe(after);
  });

  it('and has begun to vote since is not passed over for what it will never answer', () => {
    const arbiters = asked();
    arbiters.passOverSilent(100);
    arbiters.votes(FIRST);
    arbiters.passOverSilent(1_000);
    expect(arbiters.of('k')).toBe(FIRST);
  });
});
