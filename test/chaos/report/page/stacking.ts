/** What takes time, in ms. */
export interface Timed {
  readonly from: number;
  readonly to: number;
}

/**
 * Overlapping spans in rows below each other, as few as it takes; spans of a row are in order and do not overlap.
 * Each goes where it fits most tightly, so that what follows from another (holding from waiting) stays beside it.
 * Two that begin at the same instant never share a row: one of no length would be hidden.
 */
export function stacked<S extends Timed>(spans: readonly S[]): S[][] {
  const rows: S[][] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from || a.to - b.to)) {
    const row = tightest(rows, span);
    if (row) row.push(span);
    else rows.push([span]);
  }
  return rows;
}

function tightest<S extends Timed>(rows: readonly S[][], span: S): S[] | undefined {
  let best: S[] | undefined;
  let bestEnd = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    const last = row.at(-1);
    if (last && last.to <= span.from && last.from < span.from && last.to > bestEnd) {
      best = row;
      bestEnd = last.to;
    }
  }
  return best;
}
