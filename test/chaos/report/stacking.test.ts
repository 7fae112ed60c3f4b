import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { stacked } from './page/stacking.ts';

const span = (from: number, to: number): { from: number; to: number } => ({ from, to });

const spans = fc.array(
  fc.tuple(fc.nat(50), fc.nat(9)).map(([from, length]) => span(from, from + length)),
  { maxLength: 40 },
);

describe('stacked', () => {
  test('puts what does not overlap in one row, in order', () => {
    expect(stacked([span(5, 9), span(0, 5), span(20, 30)])).toEqual([[span(0, 5), span(5, 9), span(20, 30)]]);
  });

  test('puts what overlaps in rows below each other', () => {
    expect(stacked([span(0, 10), span(5, 15), span(12, 20)])).toEqual([
      [span(0, 10), span(12, 20)],
      [span(5, 15)],
    ]);
  });

  test('keeps what follows from another beside it', () => {
    expect(stacked([span(0, 3), span(0, 5), span(5, 9)])).toEqual([[span(0, 3)], [span(0, 5), span(5, 9)]]);
  });

  test('does not hide a span of no length behind one that begins with it', () => {
    expect(stacked([span(5, 9), span(5, 5)])).toEqual([[span(5, 5)], [span(5, 9)]]);
  });

  test.prop([spans])('keeps every span once, and rows are free of overlaps', (spans) => {
    const rows = stacked(spans);
    expect(new Set(rows.flat())).toEqual(new Set(spans));
    expect(rows.flat()).toHaveLength(spans.length);
    for (const row of rows) {
      for (const [index, { from }] of row.slice(1).entries()) {
        const before = row[index];
        expect(before?.to).toBeLessThanOrEqual(from);
        expect(before?.from).toBeLessThan(from);
      }
    }
  });

  test.prop([spans.map((spans) => spans.filter(({ from, to }) => from < to))])(
    'takes as many rows as spans go on at a time, or begin at once',
    (spans) => {
      const most = Math.max(
        0,
        ...spans.map(({ from }) => spans.filter((other) => other.from <= from && other.to > from).length),
      );
      expect(stacked(spans)).toHaveLength(most);
    },
  );
});
