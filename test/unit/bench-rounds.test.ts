import { describe, expect, it } from 'vitest';
import { inRounds, joined, summarize } from '../../bench/contention/rounds.ts';

describe('rounds of measurements', () => {
  it('measures all in each round, in reverse order every other time', async () => {
    const order: string[] = [];
    const measure = (name: string) => async () => ({ nth: order.push(name) });
    const measured = await inRounds(3, { a: measure('a'), b: measure('b') });
    expect(order.join('')).toBe('abbaab');
    expect(measured).toEqual({
      a: [{ nth: 1 }, { nth: 4 }, { nth: 5 }],
      b: [{ nth: 2 }, { nth: 3 }, { nth: 6 }],
    });
  });

  it('measures some less often, and goes on without those that fail', async () => {
    const measured = await inRounds(
      2,
      { a: async () => ({ x: 1 }), b: async () => ({ x: 2 }), once: () => Promise.reject(new Error('hung')) },
      (name) => (name === 'a' ? 2 : 1),
    );
    expect(measured).toEqual({ a: [{ x: 1 }, { x: 1 }], b: [{ x: 2 }], once: 'hung' });
  });

  const columns = [
    { key: 'x', title: '', digits: 0 },
    { key: 'most', of: 'x', how: 'most', title: '', digits: 0 },
    { key: 'sum', of: 'x', how: 'sum', title: '', digits: 0 },
    { key: 'ratio', of: 'x', how: 'ratio', title: '', digits: 0 },
    { key: 'ratioMost', of: 'x', how: 'ratioMost', title: '', digits: 0 },
  ] as const;
  const rounds = [1, 2, 6].map((x) => ({ x }));

  it('makes medians, and ratios to the baseline of the same round', () => {
    const { rows } = summarize({ quorlock: rounds, baseline: [{ x: 2 }, { x: 1 }, { x: 6 }] }, columns);
    expect(rows['quorlock']).toEqual({ x: 2, most: 6, sum: 9, ratio: 1, ratioMost: 2 });
  });

  it('has no columns of ratios without a baseline, and none that is known if the baseline failed', () => {
    expect(summarize({ quorlock: rounds }, columns)).toEqual({
      columns: columns.slice(0, 3),
      rows: { quorlock: { x: 2, most: 6, sum: 9 } },
    });
    const { rows } = summarize({ quorlock: rounds, baseline: 'hung' }, columns);
    expect(rows).toEqual({
      quorlock: { x: 2, most: 6, sum: 9, ratio: Number.NaN, ratioMost: Number.NaN },
      baseline: 'hung',
    });
  });

  it('joins tables into one', () => {
    const table = { columns: [columns[0]], rows: { a: { x: 1 } } };
    expect(joined({ first: table, second: { ...table, rows: { a: 'hung' } } })).toEqual({
      columns: [columns[0]],
      rows: { 'first: a': { x: 1 }, 'second: a': 'hung' },
    });
  });
});
