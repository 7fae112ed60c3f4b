/** A part of the run, in ms since its start. */
export interface View {
  readonly from: number;
  readonly to: number;
}

/** No view is shorter than this, in ms: what a chaos run logs is not more exact. */
export const SHORTEST_VIEW = 2;

/** As much of a wish as lies within the run. A wish beyond an end is moved, not cut: a pan at the end stops there. */
export function within(wish: View, duration: number): View {
  const length = Math.min(duration, Math.max(SHORTEST_VIEW, wish.to - wish.from));
  const middle = (wish.from + wish.to) / 2;
  const from = Math.min(Math.max(0, middle - length / 2), duration - length);
  return { from, to: from + length };
}

/** By a factor, with its middle kept: below 1 shows less. */
export function zoomed({ from, to }: View, factor: number): View {
  const middle = (from + to) / 2;
  const half = ((to - from) / 2) * factor;
  return { from: middle - half, to: middle + half };
}

/** By a part of its length: negative ones are earlier. */
export function panned({ from, to }: View, part: number): View {
  const shift = (to - from) * part;
  return { from: from + shift, to: to + shift };
}
