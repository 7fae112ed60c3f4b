import type { Drawing, Rectangle } from './drawing.ts';

/** The part of the library's drawing context that is needed here. */
export interface Canvas {
  readonly dataIndex: number;
  readonly coordSys: Rectangle;
}

/** Drawings one upon the other: a higher z hides a lower one. */
export interface Layer {
  readonly grid?: 0 | 1;
  readonly items?: number;
  readonly clip?: boolean;
  readonly z: number;
}

export interface Coordinates {
  /** In px of the chart. */
  coord(point: readonly [instant: number, y: number]): readonly number[];
}

/** `draw` is called for each item whenever the view changes; the grids are the lanes' and the overview's. */
export function layerOf(
  { grid = 0, items = 1, clip = true, z }: Layer,
  draw: (canvas: Canvas, coordinates: Coordinates) => Drawing,
): object {
  return {
    type: 'custom',
    xAxisIndex: grid,
    yAxisIndex: grid,
    clip,
    silent: true,
    z,
    data: Array.from({ length: items }, () => [0, 0]),
    renderItem: (canvas: unknown, coordinates: Coordinates) => draw(canvas as Canvas, coordinates),
  };
}
