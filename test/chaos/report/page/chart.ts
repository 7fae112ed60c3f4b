import { CustomChart } from 'echarts/charts';
import { DataZoomInsideComponent, DataZoomSliderComponent, GridComponent } from 'echarts/components';
import { type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import type { FaultMark, Report } from '../report.ts';
import { type Drawing, type Rectangle, registerDrawings } from './drawing.ts';
import { drawFlags, type Flag, flagsOf } from './flags.ts';
import { gutterOf, MARGIN, PLOT_TOP } from './frame.ts';
import { drawHeading } from './heading.ts';
import { boxesOfTrack, drawLane, type Placed } from './lane.ts';
import { type Canvas, type Coordinates, layerOf } from './layer.ts';
import { optionOf } from './option.ts';
import { Overview } from './overview.ts';
import { type Palette, paletteOf } from './palette.ts';
import type { Scale } from './scale.ts';
import { type Track, type Tracks, tracksOf } from './tracks.ts';
import { type View, within } from './view.ts';

use([CustomChart, GridComponent, DataZoomInsideComponent, DataZoomSliderComponent, CanvasRenderer]);
registerDrawings();

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
    const width = this.#container.clientWidth - this.#gutter - MARGIN.right;
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
    this.#container.style.height = `${PLOT_TOP + tracks.height + MARGIN.bottom}px`;
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
    const items = this.tracks.length;
    const layers = [
      layerOf({ items, clip: false, z: 1 }, (canvas, coordinates) => {
        this.#follow(canvas, coordinates);
        return drawHeading(this.tracks[canvas.dataIndex] as Track, canvas, this.#palette);
      }),
      layerOf({ items, z: 3 }, (canvas) => this.#drawTrack(canvas)),
      layerOf({ clip: false, z: 5 }, (canvas) => this.#drawViolations(canvas)),
      layerOf({ grid: 1, z: 3 }, (canvas) => this.#drawOverview(canvas)),
    ];
    const setting = {
      duration: this.duration,
      view: this.#view,
      gutter: this.#gutter,
      height: this.#tracks.height,
      palette: this.#palette,
    };
    this.#library.setOption(optionOf(setting, layers), { notMerge: true });
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

  #drawOverview({ coordSys: { x, y, width, height } }: Canvas): Drawing {
    const scale = { view: { from: 0, to: this.duration }, left: x, width };
    return this.#overview.draw(scale, y, height, this.#palette);
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
