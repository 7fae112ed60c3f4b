/** What one contestant has shown; by the keys of the columns. */
export type Figures = Readonly<Record<string, number>>;

export interface Column {
  readonly key: string;
  readonly title: string;
  /** After the point. */
  readonly digits: number;
}

/** A table of the report. */
export interface Outcome {
  readonly title: string;
  /** What one has to know to read it. */
  readonly notes: readonly string[];
  readonly columns: readonly Column[];
  /** A string says why there are no figures. */
  readonly rows: Readonly<Record<string, Figures | string>>;
}

/** NaN where there is none. */
export function figure(outcome: Outcome | undefined, row: string, key: string): number {
  const figures = outcome?.rows[row];
  return typeof figures === 'object' ? (figures[key] ?? Number.NaN) : Number.NaN;
}
