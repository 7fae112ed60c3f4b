import { aggregate, type Crowd, type Stated } from './density.ts';
import { type Scale, stepOf, xOf } from './scale.ts';

/** Where a span is drawn, or several of one state that are too narrow for a box each. In px of the chart, whole ones. */
export interface Box<S extends Stated> {
  readonly state: S['state'];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly spans: readonly S[];
}

/** Spans narrower than this are merged, in px. */
export const COLUMN = 2;
/** Of the row's height, for a state that took hardly any of a column's time: it has to be seen all the same. */
const LEAST_HEIGHT = 0.4;

/** The boxes of a row (in order, without overlaps) of this top and height. */
export function boxesOf<S extends Stated>(
  row: readonly S[],
  scale: Scale,
  { top, height }: { readonly top: number; readonly height: number },
): Box<S>[] {
  const step = stepOf(scale, COLUMN);
  const { wide, crowds } = aggregate(row, scale.view, step);
  const boxes: Box<S>[] = wide.map((span) => ({
    state: span.state,
    ...extentOf(span, scale),
    y: top,
    height,
    spans: [span],
  }));
  for (let first = 0; first < crowds.length; ) {
    let next = first + 1;
    while (crowds[next]?.column === crowds[first]?.column) next++;
    boxes.push(...columnOf(crowds.slice(first, next), scale, step, { top, height }));
    first = next;
  }
  return boxes;
}

function extentOf(span: Stated, scale: Scale): { x: number; width: number } {
  const from = Math.max(scale.left - 2, xOf(scale, span.from));
  const to = Math.min(scale.left + scale.width + 2, xOf(scale, span.to));
  const x = Math.round(from);
  const width = Math.round(to) - x;
  // A gap tells neighbours of the same state apart.
  return { x, width: Math.max(1, width > 3 ? width - 1 : width) };
}

/** One upon the other, from the bottom; as high as the root of their share, so that rare ones are seen. */
function columnOf<S extends Stated>(
  crowds: readonly Crowd<S>[],
  scale: Scale,
  step: number,
  { top, height }: { readonly top: number; readonly height: number },
): Box<S>[] {
  const wishes = crowds.map(({ share }) => Math.max(LEAST_HEIGHT, Math.sqrt(share)));
  const total = wishes.reduce((sum, wish) => sum + wish, 0);
  const unit = height / Math.max(1, total);
  const x = Math.round(xOf(scale, (crowds[0] as Crowd<S>).column * step));
  let bottom = top + height;
  return crowds.map(({ state, spans }, index) => {
    const size = Math.max(1, Math.round((wishes[index] as number) * unit));
    bottom -= size;
    return { state, x, y: bottom, width: COLUMN, height: size, spans };
  });
}
