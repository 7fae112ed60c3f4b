import type { Report } from '../report.ts';
import { boxesOf } from './boxes.ts';
import { type Drawing, group, rectangles } from './drawing.ts';
import type { Palette } from './palette.ts';
import { type Scale, xOf } from './scale.ts';
import { stacked } from './stacking.ts';

/** The whole run in a strip: how busy the clients were, above it what ailed the nodes, and violations. */
export class Overview {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  draw(scale: Scale, top: number, height: number, palette: Palette): Drawing {
    const { nodes, violations } = this.#report;
    const nodesHeight = Math.round(height * 0.5);
    const pitch = Math.max(2, Math.floor(nodesHeight / Math.max(1, nodes.length)));
    return group([
      ...this.#ailments(scale, top + 3, pitch, palette),
      this.#activity(scale, top + height, height - nodesHeight - 6, palette),
      rectangles(
        violations.map(({ at }) => ({ x: Math.round(xOf(scale, at)) - 1, y: top, width: 2, height })),
        { fill: palette.violation },
        3,
      ),
    ]);
  }

  #ailments(scale: Scale, top: number, pitch: number, palette: Palette): Drawing[] {
    return this.#report.nodes.flatMap(({ spans }, index) =>
      stacked(spans)
        .flatMap((row) => boxesOf(row, scale, { index, top: top + index * pitch, height: pitch - 1 }))
        .map(({ state, x, width }) =>
          rectangles([{ x, y: top + index * pitch, width, height: pitch - 1 }], {
            fill: palette.states[state],
          }),
        ),
    );
  }

  /** How many spans of clients began, by columns of 3 px, as high as the root of it. */
  #activity(scale: Scale, bottom: number, height: number, palette: Palette): Drawing {
    const columns = new Array<number>(Math.ceil(scale.width / 3) + 1).fill(0);
    for (const { spans } of this.#report.clients) {
      for (const { from } of spans) {
        const column = Math.floor((xOf(scale, from) - scale.left) / 3);
        columns[column] = (columns[column] ?? 0) + 1;
      }
    }
    const highest = Math.max(1, ...columns);
    const bars = columns.map((begun, column) => {
      const size = Math.ceil(Math.sqrt(begun / highest) * height);
      return { x: scale.left + column * 3, y: bottom - size, width: 2, height: size };
    });
    return rectangles(bars, { fill: palette.quiet, opacity: 0.55 });
  }
}
