import { expect, it } from 'vitest';
import { SEVERITIES } from '../../src/diagnosis/finding.ts';
import { read } from './repository.ts';

it('the page about health lists every finding of a diagnosis, with its severity', () => {
  const page = read('docs/operations/health.md');
  const section = page.slice(page.indexOf('### Findings'), page.indexOf('## Clock jumps'));
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` +\| (\w+) +\|/gm)];
  expect(rows.map(([, code, severity]) => [code, severity])).toEqual(Object.entries(SEVERITIES));
});
