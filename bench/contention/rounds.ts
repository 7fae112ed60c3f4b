import type { Column, Figures, Outcome } from '../support/outcome.ts';
import { median, ratios, spread } from '../support/statistics.ts';
import { BASELINE } from './clients/contestants.ts';

/** Measures one contestant once. */
export type Measure = () => Promise<Figures>;

/** The figures of each round, or why there are none. */
export type Rounds = Readonly<Record<string, readonly Figures[] | string>>;

/** A column whose cells come from the figures of several rounds. */
export interface Summary extends Column {
  /** Which figure of a round. @default `key` */
  readonly of?: string;
  /** What is made of the rounds; `ratio…`: of the ratios to the baseline of the same round. @default 'median' */
  readonly how?: 'median' | 'least' | 'most' | 'sum' | 'ratio' | 'ratioLeast' | 'ratioMost';
}

/**
 * Measures all contestants in each round, so that the machine's mood passes over all of them; in reverse order in every
 * other round, so that nobody always comes after the same one. A contestant that fails drops out, and the others go on.
 *
 * `fewer`: contestants that are measured in the first so many rounds only.
 */
export async function inRounds(
  rounds: number,
  measures: Readonly<Record<string, Measure>>,
  fewer: (name: string) => number = () => rounds,
): Promise<Rounds> {
  const measured = new Map<string, Figures[] | string>(Object.keys(measures).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = Object.entries(measures);
    if (round % 2 === 1) order.reverse();
    for (const [name, measure] of order) {
      const before = measured.get(name);
      if (typeof before !== 'object' || round >= fewer(name)) continue;
      try {
        before.push(await measure());
      } catch (error) {
        measured.set(name, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return Object.fromEntries(measured);
}

/** A table, and the columns of ratios are left out if nobody is measured as the baseline. */
export function summarize(rounds: Rounds, columns: readonly Summary[]): Pick<Outcome, 'columns' | 'rows'> {
  const based = rounds[BASELINE];
  const bases = typeof based === 'object' ? based : [];
  const shown = based === undefined ? columns.filter(({ how }) => !how?.startsWith('ratio')) : columns;
  const rows = Object.entries(rounds).map(([name, figures]) => [
    name,
    typeof figures === 'string'
      ? figures
      : Object.fromEntries(shown.map((column) => [column.key, cell(figures, bases, column)])),
  ]);
  return { columns: shown, rows: Object.fromEntries(rows) };
}

/** NaN if nothing is known. */
function cell(
  figures: readonly Figures[],
  bases: readonly Figures[],
  { key, of = key, how = 'median' }: Summary,
): number {
  const values = figures.map((each) => each[of] ?? Number.NaN);
  const toBase = ratios(
    values,
    bases.map((each) => each[of]),
  );
  switch (how) {
    case 'median':
      return median(values);
    case 'least':
      return spread(values).least;
    case 'most':
      return spread(values).most;
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0);
    case 'ratio':
      return spread(toBase).median;
    case 'ratioLeast':
      return spread(toBase).least;
    case 'ratioMost':
      return spread(toBase).most;
  }
}

/** The tables of several measurements as one: each row gets the name of its measurement too. */
export function joined(
  parts: Readonly<Record<string, Pick<Outcome, 'columns' | 'rows'>>>,
): Pick<Outcome, 'columns' | 'rows'> {
  const rows = Object.entries(parts).flatMap(([part, { rows }]) =>
    Object.entries(rows).map(([name, row]) => [rowOf(part, name), row] as const),
  );
  const widest = Object.values(parts).reduce<readonly Column[]>(
    (columns, part) => (part.columns.length > columns.length ? part.columns : columns),
    [],
  );
  return { columns: widest, rows: Object.fromEntries(rows) };
}

/** A row of a table that was {@link joined}. */
export function rowOf(part: string, contestant: string): string {
  return `${part}: ${contestant}`;
}
