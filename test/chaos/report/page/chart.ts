import { CustomChart } from 'echarts/charts';
import { DataZoomInsideComponent, DataZoomSliderComponent, GridComponent } from 'echarts/components';
import { type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import type { FaultMark, Report } from '../report.ts';
import {
  type Drawing,
  group,
  type Rectangle,
  rectangles,
  registerDrawings,
  text,
  widthOf,
} from './drawing.ts';
import { drawFlags, type Flag, flagsOf } from './flags.ts';
import { boxesOfTrack, drawLane, type Placed } from './lane.ts';
import { Overview } from './overview.ts';
import { type Palette, paletteOf } from './palette.ts';
import type { Scale } from './scale.ts';
import { type Track, type Tracks, tracksOf } from './tracks.ts';
import { type View, within } from './view.ts';
import { tick } from './wording.ts';

use([CustomChart, GridComponent, DataZoomInsideComponent, DataZoomSliderComponent, CanvasRenderer]);
registerDrawings();

/** In px. */
const OVERVIEW = { top: 6, height: 42 };
/** Of the strip above the overview by which the view is moved, in px. */
const HANDLE = 7;
/** The library puts the slider beside its place by half the width of what one drags it by, in px. */
const SLIDER_SHIFT = 3;
/** Of the plot: above it are the overview and the axis. */
const PLOT_TOP = OVERVIEW.top + HANDLE + OVERVIEW.height + 30;
const RIGHT = 14;
const BOTTOM = 6;
const LABELS = { least: 76, most: 170 };

/** The part of the library's drawing context that is needed here. */
interface Canvas {
  readonly dataIndex: number;
  readonly coordSys: Rectangle;
}

/** Drawings one upon the other: a higher z hides a lower one. */
interface Layer {
  readonly grid?: 0 | 1;
  readonly items?: number;
  readonly clip?: boolean;
  readonly z: number;
}

interface Coordinates {
  /** In px of the chart. */
  coord(point: readonly [instant: number, y: number]): readonly number[];
}

/** All lanes on one canvas, with the overview above. Its state is the view; the rest follows from the report. */
export class Chart {
  readonly duration: number;
  readonly #report: Report;
  readonly #violations: Report['violations'];
  readonly #container: HTMLElement;
  readonly #library: EChartsType;
  readonly #overview: Overview;
  readonly #faults: ReadonlyMap<string, readonly FaultMark[]>;
  readonly #gutter: number;
  #palette: Palette;
  #tracks: Tracks;
  #view: View;
  #boxes: Placed[][] = [];
  #flags: Flag[] = [];

  constructor(container: HTMLElement, report: Report, scheme: 'light' | 'dark') {
    this.#container = container;
    this.#report = report;
    this.#violations = [...report.violations].sort((a, b) => a.at - b.at);
    this.#overview = new Overview(report);
    this.#faults = faultsByLane(report.faults);
    this.#palette = paletteOf(scheme);
    this.duration = durationOf(report);
    this.#view = { from: 0, to: this.duration };
    this.#gutter = gutterOf(report);
    this.#tracks = this.#layOut();
    this.#library = init(container, null, { renderer: 'canvas' });
    this.#draw();
  }

  get tracks(): readonly Track[] {
    return this.#tracks.tracks;
  }

  get palette(): Palette {
    return this.#palette;
  }

  get view(): View {
    return this.#view;
  }

  /** Of the lanes, in px of the chart. */
  get plot(): Rectangle {
    const width = this.#container.clientWidth - this.#gutter - RIGHT;
    return { x: this.#gutter, y: PLOT_TOP, width, height: this.#tracks.height };
  }

  get scale(): Scale {
    const { x, width } = this.plot;
    return { view: this.#view, left: x, width };
  }

  /** Of a track, as last drawn; y from the top of the plot. */
  boxes(track: number): readonly Placed[] {
    return this.#boxes[track] ?? [];
  }

  /** That concern a lane. */
  faultsOf(lane: string): readonly FaultMark[] {
    return this.#faults.get(lane) ?? [];
  }

  get flags(): readonly Flag[] {
    return this.#flags;
  }

  zoom(wish: View): void {
    const { from, to } = within(wish, this.duration);
    this.#library.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, startValue: from, endValue: to });
  }

  paint(scheme: 'light' | 'dark'): void {
    this.#palette = paletteOf(scheme);
    this.#draw();
  }

  resize(): void {
    this.#tracks = this.#layOut();
    this.#library.resize();
    this.#draw();
  }

  /** After each change of the view, and now. */
  onView(listener: (view: View) => void): void {
    this.#library.on('datazoom', () => listener(this.#view));
    listener(this.#view);
  }

  /** In time with the window: as much as possible is seen without scrolling. */
  #layOut(): Tracks {
    const tracks = tracksOf(this.#report, Math.max(700, window.innerHeight - 90 - PLOT_TOP));
    this.#container.style.height = `${PLOT_TOP + tracks.height + BOTTOM}px`;
    return tracks;
  }

  /** The library alone knows what it shows after a wheel or a drag. */
  #follow({ coordSys }: Canvas, coordinates: Coordinates): void {
    const [start = 0] = coordinates.coord([0, 0]);
    const [end = 1] = coordinates.coord([this.duration, 0]);
    const msPerPx = this.duration / (end - start);
    const from = (coordSys.x - start) * msPerPx;
    this.#view = { from, to: from + coordSys.width * msPerPx };
    this.#flags = flagsOf(this.#violations, this.scale);
  }

  #draw(): void {
    const { from, to } = this.#view;
    const items = this.tracks.length;
    this.#library.setOption(
      {
        animation: false,
        backgroundColor: 'transparent',
        grid: this.#grids(),
        xAxis: this.#axes(),
        yAxis: [0, 1].map((gridIndex) => ({ gridIndex, type: 'value', min: 0, max: 1, show: false })),
        dataZoom: this.#zooms(from, to),
        series: [
          this.#series({ items, clip: false, z: 1 }, (canvas, coordinates) => {
            this.#follow(canvas, coordinates);
            return this.#drawBackdrop(canvas);
          }),
          this.#series({ items, z: 3 }, (canvas) => this.#drawTrack(canvas)),
          this.#series({ clip: false, z: 5 }, (canvas) => this.#drawViolations(canvas)),
          this.#series({ grid: 1, z: 3 }, ({ coordSys }) =>
            this.#overview.draw(
              { view: { from: 0, to: this.duration }, left: coordSys.x, width: coordSys.width },
              coordSys.y,
              coordSys.height,
              this.#palette,
            ),
          ),
        ],
      },
      { notMerge: true },
    );
  }

  #grids(): object[] {
    const sides = { left: this.#gutter, right: RIGHT };
    return [
      { ...sides, top: PLOT_TOP, height: this.#tracks.height },
      { ...sides, top: OVERVIEW.top + HANDLE, height: OVERVIEW.height },
    ];
  }

  #axes(): object[] {
    const range = { type: 'value', min: 0, max: this.duration };
    const { quiet, line } = this.#palette;
    return [
      {
        ...range,
        gridIndex: 0,
        position: 'top',
        axisLine: { show: true, onZero: false, lineStyle: { color: line } },
        axisTick: { show: true, lineStyle: { color: quiet }, length: 4 },
        axisLabel: {
          color: quiet,
          fontSize: 11,
          margin: 8,
          hideOverlap: true,
          showMinLabel: false,
          showMaxLabel: false,
          formatter: tick,
        },
        splitNumber: 8,
        splitLine: { show: true, lineStyle: { color: line } },
      },
      { ...range, gridIndex: 1, show: false },
    ];
  }

  #zooms(startValue: number, endValue: number): object[] {
    const { accent, line, page } = this.#palette;
    const common = { xAxisIndex: 0, filterMode: 'none', startValue, endValue, minValueSpan: 2, throttle: 16 };
    return [
      { ...common, type: 'inside', zoomOnMouseWheel: true, moveOnMouseWheel: false },
      {
        ...common,
        type: 'slider',
        left: this.#gutter - SLIDER_SHIFT,
        ...OVERVIEW,
        showDataShadow: false,
        showDetail: false,
        backgroundColor: 'transparent',
        borderColor: line,
        borderRadius: 3,
        fillerColor: `${accent}1c`,
        handleSize: '60%',
        handleStyle: { color: page, borderColor: accent },
        moveHandleSize: HANDLE,
        moveHandleStyle: { color: accent, opacity: 0.35 },
        emphasis: { handleStyle: { borderColor: accent }, moveHandleStyle: { color: accent, opacity: 0.7 } },
        brushStyle: { color: accent, opacity: 0.2 },
      },
    ];
  }

  #series(
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

  /** Stripes to tell lanes apart, and their names. */
  #drawBackdrop({ dataIndex, coordSys }: Canvas): Drawing {
    const track = this.tracks[dataIndex] as Track;
    const { kind, name, top, height } = track;
    const y = coordSys.y + top;
    const isLane = kind === 'node' || kind === 'client';
    const fill =
      kind === 'violations' ? this.#palette.violation : isLane ? this.#palette.text : this.#palette.quiet;
    return group([
      ...(isLane && dataIndex % 2 === 0
        ? [
            rectangles(
              [{ x: 0, y, width: coordSys.x + coordSys.width, height }],
              { fill: this.#palette.stripe },
              -1,
            ),
          ]
        : []),
      text(
        name,
        { x: coordSys.x - 10, y: y + Math.min(height, 64) / 2 },
        { fill, size: 12, bold: !isLane, align: 'right', width: this.#gutter - 16 },
      ),
    ]);
  }

  #drawTrack({ dataIndex, coordSys }: Canvas): Drawing {
    const track = this.tracks[dataIndex] as Track;
    const boxes = boxesOfTrack(track, this.scale);
    this.#boxes[dataIndex] = boxes;
    return drawLane(track, boxes, this.faultsOf(track.name), {
      scale: this.scale,
      top: coordSys.y,
      palette: this.#palette,
      lines: this.#flags.map(({ x }) => x),
    });
  }

  #drawViolations({ coordSys }: Canvas): Drawing {
    return drawFlags(this.#flags, this.tracks, {
      scale: this.scale,
      top: coordSys.y,
      height: coordSys.height,
      palette: this.#palette,
    });
  }
}

/** What was logged after the end of the run belongs to it, too. */
function durationOf({ summary, nodes, clients, faults, violations }: Report): number {
  let last = Math.max(1, summary.duration);
  for (const { spans } of [...nodes, ...clients]) for (const { to } of spans) last = Math.max(last, to);
  for (const { to } of faults) last = Math.max(last, to);
  for (const { at } of violations) last = Math.max(last, at);
  return last;
}

function faultsByLane(faults: readonly FaultMark[]): Map<string, FaultMark[]> {
  const byLane = new Map<string, FaultMark[]>();
  for (const fault of faults) {
    for (const lane of fault.lanes) byLane.set(lane, [...(byLane.get(lane) ?? []), fault]);
  }
  return byLane;
}

/** Room for the names of lanes, in px. */
function gutterOf({ nodes, clients }: Report): number {
  const names = [...nodes, ...clients].map(({ name }) => widthOf(name, 12));
  const widest = Math.max(widthOf('violations', 12, true), ...names);
  return Math.min(LABELS.most, Math.max(LABELS.least, Math.ceil(widest) + 26));
}
