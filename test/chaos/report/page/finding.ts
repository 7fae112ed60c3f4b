import type { FaultMark, Span, ViolationMark } from '../report.ts';
import type { Chart } from './chart.ts';
import type { Placed } from './lane.ts';
import type { State } from './palette.ts';
import { rowTop, type Track } from './tracks.ts';

/** What is under the pointer. */
export type Found =
  | { readonly kind: 'violations'; readonly violations: readonly ViolationMark[] }
  | {
      readonly kind: 'spans';
      readonly track: Track;
      /** The one that is nearest. */
      readonly box: Placed;
      /** Of all boxes of the column, if spans were merged there. */
      readonly spans: readonly Span<State>[];
    };

/** How far beside a mark the pointer still is on it, in px. */
const REACH = { flag: 4, box: 2 };

/** In px of the chart. */
export function foundAt(
  chart: Chart,
  { x, y }: { readonly x: number; readonly y: number },
): Found | undefined {
  const violations = chart.flags
    .filter((flag) => Math.abs(flag.x - x) <= REACH.flag)
    .map(({ violation }) => violation);
  if (violations.length > 0) return { kind: 'violations', violations };
  const inPlot = y - chart.plot.y;
  const index = chart.tracks.findIndex(({ top, height }) => inPlot >= top && inPlot < top + height);
  const track = chart.tracks[index];
  if (!track) return undefined;
  const row = Math.min(
    track.rows.length - 1,
    Math.max(0, Math.floor((inPlot - rowTop(track, 0)) / track.pitch)),
  );
  const near = chart
    .boxes(index)
    .filter((box) => box.row === row && distance(box, x) <= REACH.box)
    .sort((a, b) => distance(a, x) - distance(b, x));
  const box = near[0];
  if (!box) return undefined;
  const sameColumn = near.filter((other) => other.x === box.x && other.width === box.width);
  return { kind: 'spans', track, box, spans: sameColumn.flatMap(({ spans }) => spans) };
}

function distance({ x, width }: Placed, at: number): number {
  return at < x ? x - at : Math.max(0, at - x - width);
}

/** Faults that went on at some instant of a span, in the lane. */
export function faultsDuring(faults: readonly FaultMark[], lane: string, span: Span<State>): FaultMark[] {
  return faults.filter(({ lanes, from, to }) => lanes.includes(lane) && from <= span.to && to >= span.from);
}
