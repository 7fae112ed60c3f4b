/** What a piece of text means, which its colour shows. */
export type Tone = 'good' | 'warning' | 'bad' | 'strong' | 'faint';

/** Text with a meaning, or without. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

/** Gives a text the colour of its tone, or leaves it as it is. */
export type Paint = (cell: Cell) => string;

const CODES: Readonly<Record<Tone, number>> = { good: 32, warning: 33, bad: 31, strong: 1, faint: 2 };

export const plain: Paint = (cell) => textOf(cell);

export const coloured: Paint = (cell) =>
  typeof cell === 'string' || cell.text === ''
    ? textOf(cell)
    : `\x1b[${CODES[cell.tone]}m${cell.text}\x1b[0m`;

/**
 * Colours on a terminal only, and none if `NO_COLOR` is set to anything.
 *
 * @see https://no-color.org
 */
export function paintFor(isTerminal: boolean, env: NodeJS.ProcessEnv): Paint {
  const unwanted = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  return isTerminal && !unwanted ? coloured : plain;
}

export function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}
