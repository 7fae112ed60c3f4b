import { createRequire } from 'node:module';
import { EVERYBODY } from '../contestants/contestants.ts';

/** What a plot shows. */
export interface Chart {
  /** Without extension. */
  readonly file: string;
  readonly title: string;
  readonly kind: 'lines' | 'bars';
  readonly x: { readonly name: string; readonly values: readonly (string | number)[] };
  /** `log`: of both axes there is only this one whose steps may be powers. */
  readonly y: { readonly name: string; readonly log?: boolean };
  readonly series: readonly Series[];
}

interface Series {
  readonly name: string;
  /** By the values of x; NaN where there is none. */
  readonly values: readonly number[];
  /** From the least to the most, where it is known. */
  readonly spread?: readonly (readonly [least: number, most: number])[];
}

/** A dependency of the bench alone: without it this still has to compile. */
interface Echarts {
  setPlatformAPI(api: { measureText(text: string, font?: string): { width: number } }): void;
  init(
    element: null,
    theme: null,
    options: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}

/** What a custom series of the library is given to draw one of its items. */
interface Drawing {
  value(dimension: number): number;
  coord(point: readonly [number, number]): [number, number];
  barLayout(bars: { count: number; barGap: string; barCategoryGap: string }): { offsetCenter: number }[];
}

const WIDTH = 900;
const LINE_HEIGHT = 22;
/** Of everybody, in all plots the same. Readable for who cannot tell red from green: after Okabe and Ito, and two greys. */
const COLOURS = [
  '#000000',
  '#7f7f7f',
  '#b9b9b9',
  '#d55e00',
  '#e69f00',
  '#0072b2',
  '#56b4e9',
  '#009e73',
  '#cc79a7',
  '#8a6d00',
];
/** Of what is no contestant. */
const OTHER_COLOURS = ['#44aa99', '#882255', '#999933'];
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond'];
const BARS = { barGap: '10%', barCategoryGap: '20%' };
const TEXT = '#222222';

/** As SVG, on white. */
export function drawn(chart: Chart): string {
  const echarts = createRequire(import.meta.url)('echarts') as Echarts;
  // Without a screen, nobody knows how wide letters are; those of whoever looks may be wide ones.
  echarts.setPlatformAPI({
    measureText: (text, font = '') => ({
      width: text.length * 0.64 * Number.parseInt(/\d+(?=px)/.exec(font)?.[0] ?? '12', 10),
    }),
  });
  const height = 400 + LINE_HEIGHT * Math.ceil(chart.series.length / 4);
  const canvas = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  canvas.setOption(optionsOf(chart));
  const svg = canvas.renderToSVGString();
  canvas.dispose();
  return svg;
}

function optionsOf({ title, kind, x, y, series }: Chart): object {
  const nameStyle = { color: TEXT, fontSize: 13 };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, left: 'center', top: 10, textStyle: { color: TEXT, fontSize: 16 } },
    legend: {
      bottom: 8,
      left: 'center',
      width: WIDTH - 60,
      itemGap: 20,
      data: series.map(({ name }) => name),
      textStyle: { color: TEXT, fontSize: 12 },
    },
    grid: { left: 80, right: 30, top: 60, bottom: 70 + LINE_HEIGHT * Math.ceil(series.length / 4) },
    xAxis: {
      type: 'category',
      data: x.values.map(String),
      boundaryGap: true,
      name: x.name,
      nameLocation: 'middle',
      nameGap: 32,
      nameTextStyle: nameStyle,
      axisLabel: { color: TEXT, interval: 0 },
    },
    yAxis: {
      type: y.log ? 'log' : 'value',
      min: y.log ? undefined : 0,
      name: y.name,
      nameLocation: 'middle',
      nameGap: 58,
      nameTextStyle: nameStyle,
      axisLabel: { color: TEXT },
    },
    series: series.flatMap((each, index) => [
      shape(each, index, kind),
      ...(each.spread ? [whiskers(each, index, kind, series.length)] : []),
    ]),
  };
}

function colourOf({ name }: Series, index: number): string {
  const known = COLOURS[EVERYBODY.indexOf(name)];
  return known ?? OTHER_COLOURS[index % OTHER_COLOURS.length] ?? TEXT;
}

/** The library takes '-' for a figure that is missing. */
const shown = (value: number): number | '-' => (Number.isFinite(value) ? value : '-');

function shape(series: Series, index: number, kind: Chart['kind']): object {
  const { name, values } = series;
  const data = values.map(shown);
  const color = colourOf(series, index);
  if (kind === 'bars') return { type: 'bar', name, data, itemStyle: { color }, ...BARS };
  return {
    type: 'line',
    name,
    data,
    symbol: SYMBOLS[index % SYMBOLS.length],
    symbolSize: 8,
    itemStyle: { color },
    lineStyle: { width: 2, color },
  };
}

/** From the least to the most of all rounds. */
function whiskers(series: Series, index: number, kind: Chart['kind'], count: number): object {
  const { spread = [] } = series;
  const stroke = kind === 'bars' ? '#555555' : colourOf(series, index);
  return {
    type: 'custom',
    silent: true,
    z: 5,
    data: spread.flatMap(([least, most], at) => (Number.isFinite(least) ? [[at, least, most]] : [])),
    encode: { x: 0, y: [1, 2] },
    renderItem: (_: unknown, api: Drawing): object => {
      const [x, low] = api.coord([api.value(0), api.value(1)]);
      const [, high] = api.coord([api.value(0), api.value(2)]);
      const offset = kind === 'bars' ? (api.barLayout({ count, ...BARS })[index]?.offsetCenter ?? 0) : 0;
      return {
        type: 'line',
        shape: { x1: x + offset, y1: low, x2: x + offset, y2: high },
        style: { stroke, lineWidth: 1.5 },
      };
    },
  };
}
