import { describe, expect, test } from 'vitest';
import { panned, SHORTEST_VIEW, within, zoomed } from './page/view.ts';

describe('a view', () => {
  test('stays within the run, and keeps its length there', () => {
    expect(within({ from: -100, to: 100 }, 1000)).toEqual({ from: 0, to: 200 });
    expect(within({ from: 900, to: 1100 }, 1000)).toEqual({ from: 800, to: 1000 });
    expect(within({ from: -5, to: 5000 }, 1000)).toEqual({ from: 0, to: 1000 });
  });

  test('is never shorter than what can be told apart', () => {
    const { from, to } = within({ from: 500, to: 500 }, 1000);
    expect(to - from).toBe(SHORTEST_VIEW);
    expect((from + to) / 2).toBe(500);
  });

  test('is zoomed around its middle, and panned by parts of its length', () => {
    expect(zoomed({ from: 100, to: 300 }, 0.5)).toEqual({ from: 150, to: 250 });
    expect(panned({ from: 100, to: 300 }, -0.25)).toEqual({ from: 50, to: 250 });
  });
});
