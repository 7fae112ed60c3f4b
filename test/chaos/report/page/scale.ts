import type { View } from './view.ts';

/** Where instants are, in px from the left of the chart. */
export interface Scale {
  readonly view: View;
  readonly left: number;
  readonly width: number;
}

export function xOf({ view, left, width }: Scale, instant: number): number {
  return left + ((instant - view.from) / (view.to - view.from)) * width;
}

export function instantAt({ view, left, width }: Scale, x: number): number {
  return view.from + ((x - left) / width) * (view.to - view.from);
}

/** What a number of px stands for, in ms. */
export function stepOf({ view, width }: Scale, px: number): number {
  return ((view.to - view.from) / width) * px;
}
