import { expect, it } from 'vitest';
import { picture } from '../../bench/speed/report/picture.ts';
import type { Outcome } from '../../bench/support/outcome.ts';

function outcome(rows: Outcome['rows']): Outcome {
  return { title: '', notes: [], columns: [], rows };
}

/** The texts of a picture, from top to bottom. */
function texts(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
}

it('draws the best first in both panels, from zero to the longest bar, without those that failed', () => {
  const svg = picture({
    1: outcome({
      raw: { p50: 0.2 },
      quorlock: { p50: 0.3 },
      'redlock 5': { p50: 0.6 },
      'redlock 4': 'hangs',
    }),
    64: outcome({ quorlock: { perSecond: 12_000 }, 'redlock 5': { perSecond: 3_000.4 } }),
  });
  const [one = '', many = ''] = texts(svg).filter((text) => text.includes('better'));
  expect(texts(svg).join(' | ')).toBe(
    `${one} | raw commands, no library | 0.20 | quorlock | 0.30 | redlock 5 | 0.60 | ` +
      `${many} | quorlock | 12,000 | redlock 5 | 3,000`,
  );
  const bars = [...svg.matchAll(/<rect class="(?:own|peer|raw)" x="(\d+)"[^>]* width="([\d.]+)"/g)];
  expect(new Set(bars.map(([, x]) => x)).size).toBe(1);
  const widths = bars.map(([, , width]) => Number(width));
  const longest = Math.max(...widths);
  expect(widths.map((width) => width / longest)).toEqual([
    expect.closeTo(1 / 3, 3),
    expect.closeTo(1 / 2, 3),
    1,
    1,
    expect.closeTo(1 / 4, 3),
  ]);
});
