import type { FaultMark, Span, ViolationMark } from '../report.ts';
import type { Chart } from './chart.ts';
import type { Placed } from './lane.ts';
import type { State } from './palette.ts';
import { rowTop, type Track } from './tracks.ts';

/** What is under the pointer. */
export interface Found {
  readonly violations: readonly ViolationMark[];
  readonly lane: FoundInLane | undefined;
}

interface FoundInLane {
  readonly track: Track;
  /** The one that is nearest. */
  readonly box: Placed;
  /** Of all boxes of the column, if spans were merged there. */
  readonly spans: readonly Span<State>[];
  /** That concern the lane while these spans last. */
  readonly faults: readonly FaultMark[];
}

/** How far beside a mark the pointer still is on it, in px. */
const REACH = { flag: 4, box: 2 };

/** In px of the chart. */
interface Point {
  readonly x: number;
  readonly y: number;
}

export function foundAt(chart: Chart, point: Point): Found | undefined {
  const violations = chart.flags
    .filter(({ x }) => Math.abs(x - point.x) <= REACH.flag)
    .map(({ violation }) => violation);
  const lane = inLaneAt(chart, point);
  return lane || violations.length > 0 ? { violations, lane } : undefined;
}

function inLaneAt(chart: Chart, { x, y }: Point): FoundInLane | undefined {
  const inPlot = y - chart.plot.y;
  const index = chart.tracks.findIndex(({ top, height }) => inPlot >= top && inPlot < top + height);
  const track = chart.tracks[index];
  if (!track) return undefined;
  const row = Math.floor((inPlot - rowTop(track, 0)) / track.pitch);
  const near = chart
    .boxes(index)
    .filter((box) => box.row === row && distance(box, x) <= REACH.box)
    .sort((a, b) => distance(a, x) - distance(b, x));
  const box = near[0];
  if (!box) return undefined;
  const spans = near
    .filter((other) => other.x === box.x && other.width === box.width)
    .flatMap(({ spans }) => spans);
  const faults = chart
    .faultsOf(track.name)
    .filter(({ from, to }) => spans.some((span) => from < span.to && to > span.from));
  return { track, box, spans, faults };
}

function distance({ x, width }: Placed, at: number): number {
  return at < x ? x - at : Math.max(0, at - x - width);
}
