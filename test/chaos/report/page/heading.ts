import { type Drawing, group, rectangles, text } from './drawing.ts';
import type { Canvas } from './layer.ts';
import type { Palette } from './palette.ts';
import type { Track } from './tracks.ts';

/** A track's name, and under every other lane a stripe to tell them apart. */
export function drawHeading(
  { kind, name, top, height }: Track,
  { dataIndex: index, coordSys }: Canvas,
  palette: Palette,
): Drawing {
  const y = coordSys.y + top;
  const isLane = kind === 'node' || kind === 'client';
  const fill = kind === 'violations' ? palette.violation : isLane ? palette.text : palette.quiet;
  return group([
    ...(isLane && index % 2 === 0
      ? [rectangles([{ x: 0, y, width: coordSys.x + coordSys.width, height }], { fill: palette.stripe }, -1)]
      : []),
    text(
      name,
      { x: coordSys.x - 10, y: y + Math.min(height, 64) / 2 },
      { fill, size: 12, bold: !isLane, align: 'right', width: coordSys.x - 16 },
    ),
  ]);
}
