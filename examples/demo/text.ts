import type { NodeView } from './observer.ts';
import type { Contender } from './referee.ts';

const COLORS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Coloured, unless it goes to a file or a pipe, or NO_COLOR is set. */
export function paint(color: keyof typeof COLORS, text: string): string {
  const colored = process.stdout.isTTY && process.stdout.hasColors();
  return colored ? `\x1b[${COLORS[color]}m${text}\x1b[0m` : text;
}

export function seconds(duration: number): string {
  return `${(duration / 1000).toFixed(1)} s`;
}

export function ms(duration: number): string {
  return `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`;
}

/** The worker whose vote a node holds: undefined if it holds none, '?' if it is nobody's that is known. */
export function ownerOf(
  { ownerToken }: NodeView,
  contenders: readonly Contender[],
): number | '?' | undefined {
  if (ownerToken === undefined) return undefined;
  return contenders.find((contender) => contender.ownerToken === ownerToken)?.worker ?? '?';
}
