import type { Outcome } from './outcome.ts';
import type { Verdict } from './verdict.ts';

export function outcomeAsMarkdown({ title, notes, columns, rows }: Outcome): string {
  const figures = Object.entries(rows).map(([name, row]) =>
    typeof row === 'string'
      ? [name, row].concat(columns.slice(1).map(() => ''))
      : [name].concat(columns.map(({ key, digits }) => shown(row[key], digits))),
  );
  const table = tableOf(['', ...columns.map((column) => column.title)], figures);
  return `## ${title}\n\n${table}\n\n${notes.join('\n')}\n`;
}

export function verdictsAsMarkdown(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ goal, value, met }) => [goal, shown(value, 2), met ? 'met' : '**missed**']);
  return `## Goals\n\n${tableOf(['quorlock', 'measured', ''], rows)}\n`;
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits);
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'));
  return [head, rule, ...rows].map(line).join('\n');
}
