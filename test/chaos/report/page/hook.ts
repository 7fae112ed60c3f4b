import type { Report, Span, ViolationMark } from '../report.ts';
import type { Chart } from './chart.ts';
import type { Rectangle } from './drawing.ts';
import type { Palette, State } from './palette.ts';
import { rowTop, type Track } from './tracks.ts';
import type { View } from './view.ts';

/** A box as it is drawn, in px of the window. */
interface DrawnShape extends Rectangle {
  readonly kind: Track['kind'];
  readonly lane: string;
  readonly row: number;
  readonly state: State;
  /** More than one if they are too narrow for a shape each. */
  readonly spans: readonly Span<State>[];
}

/** What is drawn now, for tests: nothing of it can be changed but the view. */
export interface Hook {
  readonly report: Report;
  /** In ms since the page was opened. */
  readonly drawnAfter: number;
  readonly view: View;
  readonly palette: Palette;
  /** Where the lanes are, in px of the window. */
  readonly plot: Rectangle;
  readonly lanes: readonly {
    readonly kind: Track['kind'];
    readonly name: string;
    readonly rows: number;
    readonly y: number;
    readonly height: number;
  }[];
  /** In view. */
  readonly shapes: readonly DrawnShape[];
  /** In view: where their lines are, in px of the window. */
  readonly violations: readonly { readonly violation: ViolationMark; readonly x: number }[];
  /** In ms. */
  zoom(from: number, to: number): void;
}

declare global {
  interface Window {
    timeline: Hook;
  }
}

export function hookInto(report: Report, chart: Chart, container: HTMLElement, drawnAfter: number): Hook {
  const origin = (): { x: number; y: number } => container.getBoundingClientRect();
  return {
    report,
    drawnAfter,
    get view() {
      return chart.view;
    },
    get palette() {
      return chart.palette;
    },
    get plot() {
      const { x, y, width, height } = chart.plot;
      return { x: x + origin().x, y: y + origin().y, width, height };
    },
    get lanes() {
      const top = origin().y + chart.plot.y;
      return chart.tracks.map((track) => ({
        kind: track.kind,
        name: track.name,
        rows: track.rows.length,
        y: top + rowTop(track, 0),
        height: track.height,
      }));
    },
    get shapes() {
      const { x: left, y: top } = origin();
      return chart.tracks.flatMap(({ kind, name }, index) =>
        chart.boxes(index).map(({ row, state, x, y, width, height, spans }) => ({
          kind,
          lane: name,
          row,
          state,
          x: left + x,
          y: top + chart.plot.y + y,
          width,
          height,
          spans,
        })),
      );
    },
    get violations() {
      const { x: left } = origin();
      return chart.flags.map(({ violation, x }) => ({ violation, x: left + x }));
    },
    zoom: (from, to) => chart.zoom({ from, to }),
  };
}
