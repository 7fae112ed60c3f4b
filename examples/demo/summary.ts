import type { Score } from './referee.ts';
import { ms, paint } from './text.ts';

/** What came of it all; the last line is the verdict, under these circumstances. */
export function summarize(score: Score, counter: number, circumstances: string): string {
  const { done, overlaps, lost, wait, failures, objections } = score;
  const rows: [name: string, value: string][] = [
    ['critical sections done', String(done)],
    ['overlaps seen', String(overlaps)],
    ['updates lost', `${lost} (the counter stands at ${counter})`],
    ['wait p50, p99, longest', [wait.p50, wait.p99, wait.max].map(ms).join(', ')],
  ];
  if (failures.length > 0)
    rows.push(['lock refused or lost', `${failures.length}, at last: ${failures.at(-1)}`]);
  const verdict =
    objections.length === 0
      ? paint('green', 'verdict: OK, one at a time, no update lost')
      : paint('red', `verdict: BROKEN, ${objections.join(', ')}`);
  const table = rows.map(([name, value]) => `${name.padEnd(24)}${value}`);
  return ['', ...table, '', [verdict, circumstances].filter((part) => part !== '').join(', ')].join('\n');
}
