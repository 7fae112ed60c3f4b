import type { FaultMark, Span } from '../report.ts';
import { type Box, boxesOf } from './boxes.ts';
import { type Drawing, group, type Rectangle, rectangles, text, widthOf } from './drawing.ts';
import type { Palette, State } from './palette.ts';
import { type Scale, xOf } from './scale.ts';
import { isOfProcess, rowTop, type Track } from './tracks.ts';

export type Placed = Box<Span<State>>;

/** Rows that are lower have no room for words, in px. */
const LEAST_LABELLED = 10;
/** In px. */
const LEAST_FRAMED = 7;

/** All boxes of a track that the scale's view shows; y from the top of the plot. */
export function boxesOfTrack(track: Track, scale: Scale): Placed[] {
  const { rows, rowHeight: height, kind } = track;
  return rows.flatMap((row, index) => {
    const place = { index, top: rowTop(track, index), height };
    return boxesOf(row, scale, kind === 'faults' ? { ...place, least: 1 } : place);
  });
}

export interface Setting {
  readonly scale: Scale;
  /** Of the plot, in px of the chart. */
  readonly top: number;
  readonly palette: Palette;
  /** Where the lines of violations are, in px of the chart: words keep clear of them. */
  readonly lines: readonly number[];
}

/** `faults`: those that concern the lane. */
export function drawLane(
  track: Track,
  boxes: readonly Placed[],
  faults: readonly FaultMark[],
  setting: Setting,
): Drawing {
  const { scale, top, palette } = setting;
  return group([
    ...backgroundsOf(track, boxes, top, palette),
    ...boxesByState(boxes, top, palette),
    ...framesOf(track, faults, scale, top, palette),
    ...labelsOf(track, boxes, setting),
  ]);
}

/** While a client's process is stopped or dead, its whole lane is tinted. */
function backgroundsOf(track: Track, boxes: readonly Placed[], top: number, palette: Palette): Drawing[] {
  if (track.kind !== 'client') return [];
  return (['stopped', 'dead'] as const).map((state) =>
    rectangles(
      boxes
        .filter((box) => box.state === state && isOfProcess(box.state))
        .map(({ x, width }) => ({ x, y: top + track.top, width, height: track.height })),
      { fill: palette.states[state], opacity: 0.18 },
    ),
  );
}

function boxesByState(boxes: readonly Placed[], top: number, palette: Palette): Drawing[] {
  const byState = new Map<State, Rectangle[]>();
  for (const { state, x, y, width, height } of boxes) {
    const list = byState.get(state) ?? [];
    if (list.length === 0) byState.set(state, list);
    list.push({ x, y: top + y, width, height });
  }
  return [...byState].map(([state, list]) => rectangles(list, styleOf(state, palette), 1));
}

function styleOf(state: State, palette: Palette): object {
  return { fill: palette.states[state] };
}

/** A frame where a fault concerns a lane, if there is room for one: narrower ones are among the faults above. */
function framesOf(
  track: Track,
  faults: readonly FaultMark[],
  scale: Scale,
  top: number,
  palette: Palette,
): Drawing[] {
  const { from, to } = scale.view;
  const y = top + track.top;
  const { height } = track;
  const sides = faults
    .filter((fault) => fault.to >= from && fault.from <= to)
    .flatMap((fault) => {
      const x = Math.round(Math.max(scale.left - 2, xOf(scale, fault.from)));
      const end = Math.round(Math.min(scale.left + scale.width + 2, xOf(scale, fault.to)));
      const width = end - x;
      if (width < LEAST_FRAMED) return [];
      return [
        { x, y, width, height: 1 },
        { x, y: y + height - 1, width, height: 1 },
        { x, y, width: 1, height },
        { x: end - 1, y, width: 1, height },
      ];
    });
  return sides.length === 0 ? [] : [rectangles(sides, { fill: palette.quiet, opacity: 0.9 }, 2)];
}

function labelsOf(
  track: Track,
  boxes: readonly Placed[],
  { scale, top, palette, lines }: Setting,
): Drawing[] {
  if (track.rowHeight < LEAST_LABELLED) return [];
  const size = Math.min(11, track.rowHeight - 1);
  const right = scale.left + scale.width;
  const inOrder = [...boxes].sort((a, b) => a.row - b.row || a.x - b.x);
  return inOrder.flatMap((box, index) => {
    const { state, spans, row } = box;
    const span = spans[0];
    if (!span || spans.length > 1 || state === 'up') return [];
    const next = inOrder[index + 1];
    const x = Math.max(scale.left, box.x);
    const end = Math.min(right, box.x + box.width);
    const beside = state === 'fault' ? Math.min(right, next?.row === row ? next.x : right) : end;
    const label = fitting(wordsOf(span), size, end - x - 8, beside - end - 8);
    if (!label) return [];
    const at = { x: label.isInside ? x + 4 : end + 4, y: top + box.y + box.height / 2 + 0.5 };
    if (lines.some((line) => line > at.x - 3 && line < at.x + label.width + 3)) return [];
    return [text(label.words, at, { fill: label.isInside ? palette.inks[state] : palette.quiet, size }, 3)];
  });
}

/** What to say of it, from the longest. */
function wordsOf({ state, details: [first = '', second = ''] }: Span<State>): string[] {
  if (state === 'fault') return [`${first} · ${second}`, first];
  if (!first) return [state];
  // What is as usual is told by its colour.
  return state === 'waiting' || state === 'holding'
    ? [`${state} · ${first}`]
    : [`${state} · ${first}`, state];
}

/** The longest that has room in its box, or else beside it; in px. */
function fitting(
  wishes: readonly string[],
  size: number,
  inside: number,
  beside: number,
): { readonly words: string; readonly width: number; readonly isInside: boolean } | undefined {
  if (Math.max(inside, beside) < 14) return undefined;
  for (const words of wishes) {
    const width = widthOf(words, size);
    if (width <= inside) return { words, width, isInside: true };
    if (width <= beside) return { words, width, isInside: false };
  }
  return undefined;
}
