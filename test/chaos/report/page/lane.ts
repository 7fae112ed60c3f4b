import type { FaultMark, Span } from '../report.ts';
import { type Box, boxesOf } from './boxes.ts';
import { type Drawing, group, type Rectangle, rectangles, text, widthOf } from './drawing.ts';
import type { Palette, State } from './palette.ts';
import { type Scale, xOf } from './scale.ts';
import { isOfProcess, rowTop, type Track } from './tracks.ts';

/** A box, and in which row of its track it is. */
export interface Placed extends Box<Span<State>> {
  readonly row: number;
}

/** Rows that are lower have no room for words, in px. */
const LEAST_LABELLED = 10;

/** All boxes of a track that the scale's view shows; y from the top of the plot. */
export function boxesOfTrack(track: Track, scale: Scale): Placed[] {
  return track.rows.flatMap((row, index) =>
    boxesOf(row, scale, { top: rowTop(track, index), height: track.rowHeight }).map((box) => ({
      ...box,
      row: index,
    })),
  );
}

/** `faults`: those that concern the lane. `top`: of the plot, in px of the chart. */
export function drawLane(
  track: Track,
  boxes: readonly Placed[],
  faults: readonly FaultMark[],
  { scale, top, palette }: { readonly scale: Scale; readonly top: number; readonly palette: Palette },
): Drawing {
  return group([
    ...backgroundsOf(track, boxes, top, palette),
    ...boxesByState(boxes, top, palette),
    ...bandsOf(track, faults, scale, top, palette),
    ...labelsOf(track, boxes, scale, top, palette),
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

/** Where faults concern a lane: a rule above and below, and edges. */
function bandsOf(
  track: Track,
  faults: readonly FaultMark[],
  scale: Scale,
  top: number,
  palette: Palette,
): Drawing[] {
  const { from, to } = scale.view;
  const rules = faults
    .filter((fault) => fault.to >= from && fault.from <= to)
    .flatMap((fault) => {
      const x = Math.round(Math.max(scale.left - 2, xOf(scale, fault.from)));
      const end = Math.round(Math.min(scale.left + scale.width + 2, xOf(scale, fault.to)));
      const width = Math.max(2, end - x);
      const y = top + track.top;
      return [
        { x, y, width, height: 1 },
        { x, y: y + track.height - 1, width, height: 1 },
        { x, y, width: 1, height: track.height },
        { x: x + width - 1, y, width: 1, height: track.height },
      ];
    });
  return rules.length === 0 ? [] : [rectangles(rules, { fill: palette.quiet, opacity: 0.9 }, 2)];
}

function labelsOf(
  track: Track,
  boxes: readonly Placed[],
  scale: Scale,
  top: number,
  palette: Palette,
): Drawing[] {
  if (track.rowHeight < LEAST_LABELLED) return [];
  const size = Math.min(11, track.rowHeight - 2);
  const end = scale.left + scale.width;
  return boxes.flatMap(({ state, x, y, width, height, spans }) => {
    const span = spans[0];
    const from = Math.max(scale.left, x);
    const room = Math.min(end, x + width) - from - 8;
    if (!span || spans.length > 1 || room < 14 || state === 'up') return [];
    const words = wordsOf(span, room, size);
    if (!words) return [];
    return [
      text(
        words,
        { x: from + 4, y: top + y + height / 2 + 0.5 },
        { fill: palette.inks[state], size, width: room },
        3,
      ),
    ];
  });
}

/** As much as there is room for: more is in the tooltip. */
function wordsOf({ state, details }: Span<State>, room: number, size: number): string | undefined {
  const [first = '', second = ''] = details;
  const wishes =
    state === 'fault' ? [`${first} · ${second}`, first] : first ? [`${state} · ${first}`, state] : [state];
  return wishes.find((words) => widthOf(words, size) <= room);
}
