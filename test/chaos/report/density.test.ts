import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { aggregate } from './page/density.ts';

interface Piece {
  readonly state: string;
  readonly from: number;
  readonly to: number;
}

const piece = (state: string, from: number, to: number): Piece => ({ state, from, to });

/** In order, without overlaps, as in a row. */
const rows = fc
  .array(fc.tuple(fc.constantFrom('waiting', 'holding', 'lost'), fc.nat(20), fc.nat(20)), { maxLength: 60 })
  .map((steps) => {
    let at = 0;
    return steps.map(([state, gap, length]) => {
      const from = at + gap;
      at = from + length;
      return piece(state, from, at);
    });
  });
const views = fc
  .tuple(fc.nat(500), fc.integer({ min: 1, max: 800 }))
  .map(([from, length]) => ({ from, to: from + length }));
const steps = fc.double({ min: 0.1, max: 60, noNaN: true });

describe('aggregate', () => {
  const whole = { from: 0, to: 100 };

  test('leaves what is at least a column long as it is', () => {
    const row = [piece('holding', 0, 10), piece('waiting', 12, 40)];
    expect(aggregate(row, whole, 10)).toEqual({ wide: row, crowds: [] });
  });

  test('merges what is shorter by state, where its middle is', () => {
    const row = [
      piece('waiting', 1, 3),
      piece('holding', 3, 6),
      piece('waiting', 6, 7),
      piece('waiting', 7, 11),
    ];
    expect(aggregate(row, whole, 8).crowds).toEqual([
      { column: 0, state: 'waiting', spans: [row[0], row[2]], share: 3 / 8 },
      { column: 0, state: 'holding', spans: [row[1]], share: 3 / 8 },
      { column: 1, state: 'waiting', spans: [row[3]], share: 4 / 8 },
    ]);
  });

  test('leaves out what is not in view, and keeps what reaches into it', () => {
    const row = [
      piece('holding', 0, 9),
      piece('holding', 10, 50),
      piece('holding', 50, 90),
      piece('holding', 91, 99),
    ];
    expect(aggregate(row, { from: 20, to: 60 }, 1).wide).toEqual([row[1], row[2]]);
  });

  test('keeps a span of no length', () => {
    expect(aggregate([piece('lost', 5, 5)], whole, 1).crowds).toEqual([
      { column: 5, state: 'lost', spans: [piece('lost', 5, 5)], share: 0 },
    ]);
  });

  test.prop([rows, views, steps])('conserves every span in view, once', (row, view, step) => {
    const { wide, crowds } = aggregate(row, view, step);
    const drawn = [...wide, ...crowds.flatMap(({ spans }) => spans)];
    const inView = row.filter(({ from, to }) => to >= view.from && from <= view.to);
    expect(drawn).toHaveLength(inView.length);
    expect(new Set(drawn)).toEqual(new Set(inView));
  });

  test.prop([rows, views, steps])('has one crowd a column and state, of that state', (row, view, step) => {
    const { crowds } = aggregate(row, view, step);
    expect(new Set(crowds.map(({ column, state }) => `${column} ${state}`)).size).toBe(crowds.length);
    for (const { state, spans, share } of crowds) {
      expect(spans.every((span) => span.state === state && span.to - span.from < step)).toBe(true);
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });
});
