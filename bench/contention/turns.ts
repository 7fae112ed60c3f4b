import type { Turn } from './worker/verbs.ts';

/** The turns of one process. */
export type Turns = readonly Turn[];

/** A span of time, in ms. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

export interface Waits {
  /** Of the turns that began and were won inside of the window. */
  readonly sorted: readonly number[];
  readonly mean: number;
  /** Of all that waited inside of the window, whenever they began and whether they won: only what lies inside counts. */
  readonly longest: number;
}

export function waitsIn(turns: Turns, { from, until }: Window): Waits {
  const sorted = turns
    .filter(({ calledAt, heldAt }) => calledAt >= from && heldAt < until)
    .map(({ calledAt, heldAt }) => heldAt - calledAt)
    .sort((a, b) => a - b);
  const inside = turns.map(({ calledAt, heldAt }) => Math.min(heldAt, until) - Math.max(calledAt, from));
  return {
    sorted,
    mean: sorted.reduce((sum, wait) => sum + wait, 0) / sorted.length,
    longest: Math.max(...inside),
  };
}

/** The smallest value that a fraction of all does not exceed; NaN when there is none. */
export function percentile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN;
}

/** The turns that were won in the window. */
export function wonIn(turns: Turns, { from, until }: Window): Turns {
  return turns.filter(({ heldAt }) => heldAt >= from && heldAt < until);
}

/** How often somebody held the lock before its last holder had left it. */
export function overlapsOf(turns: Turns): number {
  let overlaps = 0;
  let left = Number.NEGATIVE_INFINITY;
  for (const { heldAt, leftAt } of byHeldAt(turns)) {
    if (heldAt < left && heldAt < Number.MAX_VALUE) overlaps++;
    left = Math.max(left, leftAt);
  }
  return overlaps;
}

/** The longest time without a holder inside of the window, in ms. */
export function longestGap(turns: Turns, { from, until }: Window): number {
  let longest = 0;
  let left = from;
  for (const { heldAt, leftAt } of byHeldAt(turns)) {
    longest = Math.max(longest, Math.min(heldAt, until) - left);
    left = Math.max(left, leftAt);
  }
  return Math.max(longest, until - left);
}

function byHeldAt(turns: Turns): Turns {
  return [...turns].sort((a, b) => a.heldAt - b.heldAt);
}
