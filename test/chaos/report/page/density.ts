import type { Timed } from './stacking.ts';
import type { View } from './view.ts';

export interface Stated extends Timed {
  readonly state: string;
}

/** Spans of one state that are too narrow to be drawn one by one, and have their middle in the same column. */
export interface Crowd<S extends Stated> {
  /** It goes from `column * step` to `(column + 1) * step`, in ms. */
  readonly column: number;
  readonly state: S['state'];
  readonly spans: S[];
  /** How much of the column's time they take, from 0 to 1. */
  readonly share: number;
}

/** All spans of a row that a view shows: each is in one of the two, once. */
export interface Aggregate<S extends Stated> {
  /** At least as long as a column. */
  readonly wide: readonly S[];
  /** By column, and within one in order of appearance. */
  readonly crowds: readonly Crowd<S>[];
}

/**
 * What to draw of a row (in order, without overlaps) if a column of the picture stands for `step` ms. Columns are those
 * of the whole run, not of the view, so that shapes do not flicker when it is moved.
 */
export function aggregate<S extends Stated>(row: readonly S[], view: View, step: number): Aggregate<S> {
  const wide: S[] = [];
  const crowds: Growing<S>[] = [];
  let open: Growing<S>[] = [];
  for (let index = firstSeen(row, view.from); index < row.length; index++) {
    const span = row[index] as S;
    if (span.from > view.to) break;
    if (span.to - span.from >= step) {
      wide.push(span);
      continue;
    }
    const column = Math.floor((span.from + span.to) / 2 / step);
    if (open[0]?.column !== column) open = [];
    let crowd = open.find(({ state }) => state === span.state);
    if (!crowd) {
      crowd = { column, state: span.state, spans: [], share: 0 };
      open.push(crowd);
      crowds.push(crowd);
    }
    crowd.spans.push(span);
    crowd.share = Math.min(1, crowd.share + (span.to - span.from) / step);
  }
  return { wide, crowds };
}

type Growing<S extends Stated> = { -readonly [Key in keyof Crowd<S>]: Crowd<S>[Key] };

/** The index of the first span that does not end before an instant. */
function firstSeen(row: readonly Timed[], instant: number): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((row[middle] as Timed).to < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}
