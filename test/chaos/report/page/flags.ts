import type { ViolationMark } from '../report.ts';
import { type Drawing, group, rectangles, text, widthOf } from './drawing.ts';
import type { Palette } from './palette.ts';
import { type Scale, xOf } from './scale.ts';
import type { Track } from './tracks.ts';

/** Where a violation's line is, in px of the chart; none is ever merged with another. */
export interface Flag {
  readonly violation: ViolationMark;
  readonly x: number;
}

export function flagsOf(violations: readonly ViolationMark[], scale: Scale): Flag[] {
  return violations
    .filter(({ at }) => at >= scale.view.from && at <= scale.view.to)
    .map((violation) => ({ violation, x: Math.round(xOf(scale, violation.at)) }));
}

/** A line through all lanes for each, a flag with what was broken where there is room, and a dot in the lanes concerned. */
export function drawFlags(
  flags: readonly Flag[],
  tracks: readonly Track[],
  {
    scale,
    top,
    height,
    palette,
  }: { readonly scale: Scale; readonly top: number; readonly height: number; readonly palette: Palette },
): Drawing {
  const fill = palette.violation;
  const lines = flags.map(({ x }) => ({ x: x - 1, y: top, width: 2, height }));
  return group([
    rectangles(lines, { fill }, 5),
    rectangles(
      flags.map(({ x }, index) => {
        const room = (flags[index + 1]?.x ?? Number.POSITIVE_INFINITY) - x - 2;
        return { x: x - 1, y: top + 3, width: Math.max(2, Math.min(9, room)), height: 14 };
      }),
      { fill },
      5,
    ),
    ...flags.flatMap((flag, index) => labelOf(flag, flags[index + 1], scale, top, palette)),
    ...flags.flatMap((flag) => dotsOf(flag, tracks, top, palette)),
  ]);
}

function labelOf(
  { violation, x }: Flag,
  next: Flag | undefined,
  scale: Scale,
  top: number,
  palette: Palette,
): Drawing[] {
  const width = Math.ceil(widthOf(violation.rule, 11, true)) + 10;
  const end = next ? next.x - 4 : scale.left + scale.width;
  if (x + width > end) return [];
  return [
    rectangles([{ x: x - 1, y: top + 2, width, height: 16 }], { fill: palette.violation }, 6),
    text(violation.rule, { x: x + 4, y: top + 10.5 }, { fill: palette.violationInk, bold: true }, 7),
  ];
}

function dotsOf({ violation, x }: Flag, tracks: readonly Track[], top: number, palette: Palette): Drawing[] {
  return tracks
    .filter(({ kind, name }) => (kind === 'node' || kind === 'client') && violation.lanes.includes(name))
    .map((track) => ({
      type: 'circle' as const,
      shape: { cx: x, cy: top + track.top + track.height / 2, r: 4.5 },
      style: { fill: palette.violation, stroke: palette.page, lineWidth: 1.5 },
      z2: 4,
      silent: true,
    }));
}
