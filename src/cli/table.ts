import { type Cell, type Paint, textOf } from './paint.ts';

const GAP = '  ';

/** Rows of cells as lines, with aligned columns. Columns without any text are left out. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const columns = header.flatMap((_, index) =>
    rows.some((row) => textOf(row[index] ?? '') !== '') ? [index] : [],
  );
  const head = header.map((text): Cell => ({ text, tone: 'strong' }));
  const all = [head, ...rows];
  const widths = columns.map((column) => Math.max(...all.map((row) => lengthOf(row[column] ?? ''))));
  return all.map((row) => {
    const cells = columns.map((column) => row[column] ?? '');
    const last = cells.findLastIndex((cell) => textOf(cell) !== '');
    return cells
      .slice(0, last + 1)
      .map((cell, place) => {
        const padding = place === last ? 0 : (widths[place] ?? 0) - lengthOf(cell);
        return paint(cell) + ' '.repeat(padding);
      })
      .join(GAP);
  });
}

/** Names and values in two columns, indented. */
export function fields(pairs: readonly (readonly [string, Cell])[], paint: Paint): string[] {
  const shown = pairs.filter(([, value]) => textOf(value) !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${paint(value)}`);
}

function lengthOf(cell: Cell): number {
  return textOf(cell).length;
}
