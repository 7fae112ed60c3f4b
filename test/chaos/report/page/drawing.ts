import { graphic } from 'echarts/core';

/** What the chart's library draws: a shape with its style, or a group of them. */
export interface Drawing {
  readonly type: 'group' | 'rect' | 'rectangles' | 'text' | 'polygon' | 'circle';
  readonly [property: string]: unknown;
}

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const FONT =
  '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, sans-serif';

/** One path of any number of rectangles: an element each would take a second to draw 100,000. */
const Rectangles = graphic.extendShape({
  type: 'rectangles',
  shape: { list: [] as Rectangle[] },
  buildPath(path: Pick<CanvasPath, 'rect'>, { list }: { list: readonly Rectangle[] }) {
    for (const { x, y, width, height } of list) path.rect(x, y, width, height);
  },
});

/** Before the first drawing. */
export function registerDrawings(): void {
  graphic.registerShape('rectangles', Rectangles);
}

export function group(children: readonly Drawing[]): Drawing {
  // Shapes come and go with every zoom, so there is nothing to carry over from one to the next.
  return { type: 'group', children, $mergeChildren: false, silent: true };
}

export function rectangles(list: readonly Rectangle[], style: object, z2 = 0): Drawing {
  return { type: 'rectangles', shape: { list }, style, z2, silent: true };
}

/** `width`: longer ones end in an ellipsis, in px. */
export function text(
  words: string,
  at: { readonly x: number; readonly y: number },
  style: {
    readonly fill: string;
    readonly size?: number;
    readonly bold?: boolean;
    readonly align?: string;
    readonly width?: number;
  },
  z2 = 0,
): Drawing {
  const { fill, size = 11, bold = false, align = 'left', width } = style;
  return {
    type: 'text',
    z2,
    silent: true,
    style: {
      text: words,
      ...at,
      fill,
      font: fontOf(size, bold),
      align,
      verticalAlign: 'middle',
      ...(width === undefined ? {} : { width, overflow: 'truncate', ellipsis: '…' }),
    },
  };
}

let ruler: CanvasRenderingContext2D | null | undefined;

/** In px. */
export function widthOf(words: string, size = 11, bold = false): number {
  ruler ??= document.createElement('canvas').getContext('2d');
  if (!ruler) return words.length * size * 0.6;
  ruler.font = fontOf(size, bold);
  return ruler.measureText(words).width;
}

function fontOf(size: number, bold: boolean): string {
  return `${bold ? '600 ' : ''}${size}px ${FONT}`;
}
