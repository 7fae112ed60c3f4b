import { aggregate, type Crowd, type Stated } from './density.ts';
import { type Scale, stepOf, xOf } from './scale.ts';

/** Where a span is drawn, or several of one state that are too narrow for a box each. In px of the chart, whole ones. */
export interface Box<S extends Stated> {
  readonly state: S['state'];
  /** Index of the row. */
  readonly row: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly spans: readonly S[];
}

/** Spans narrower than this are merged, in px. */
const COLUMN = 2;
const LEAST_HEIGHT = 0.4;

/** Where a row is; top and height in px of the chart. */
interface Place {
  readonly index: number;
  readonly top: number;
  readonly height: number;
  /** A part of the height: what took hardly any of a column's time is at least as high, as it has to be seen. */
  readonly least?: number;
}

/** The boxes of a row, whose spans are in order and do not overlap. */
export function boxesOf<S extends Stated>(row: readonly S[], scale: Scale, place: Place): Box<S>[] {
  const step = stepOf(scale, COLUMN);
  const { wide, crowds } = aggregate(row, scale.view, step);
  const boxes = wide.map((span) => boxOf(span, scale, place));
  for (let first = 0; first < crowds.length; ) {
    let next = first + 1;
    while (crowds[next]?.column === crowds[first]?.column) next++;
    boxes.push(...columnOf(crowds.slice(first, next), scale, step, place));
    first = next;
  }
  return boxes;
}

function boxOf<S extends Stated>(span: S, scale: Scale, { index, top, height }: Place): Box<S> {
  const from = Math.max(scale.left - 2, xOf(scale, span.from));
  const to = Math.min(scale.left + scale.width + 2, xOf(scale, span.to));
  const x = Math.round(from);
  const length = Math.round(to) - x;
  // A gap tells neighbours of the same state apart.
  const width = Math.max(1, length > 3 ? length - 1 : length);
  return { state: span.state, row: index, x, y: top, width, height, spans: [span] };
}

/** One upon the other, from the bottom; as high as the root of their share, so that rare ones are seen. */
function columnOf<S extends Stated>(
  crowds: readonly Crowd<S>[],
  scale: Scale,
  step: number,
  { index: row, top, height, least = LEAST_HEIGHT }: Place,
): Box<S>[] {
  const wishes = crowds.map(({ share, spans }) =>
    // What has no length at all is a mark: the loss of a lock.
    spans.some(({ from, to }) => from === to) ? 1 : Math.max(least, Math.sqrt(share)),
  );
  const total = wishes.reduce((sum, wish) => sum + wish, 0);
  const unit = height / Math.max(1, total);
  const x = Math.round(xOf(scale, (crowds[0] as Crowd<S>).column * step));
  let bottom = top + height;
  return crowds.map(({ state, spans }, index) => {
    const size = Math.max(1, Math.round((wishes[index] as number) * unit));
    bottom -= size;
    return { state, row, x, y: bottom, width: COLUMN, height: size, spans };
  });
}
