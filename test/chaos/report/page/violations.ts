import type { Report } from '../report.ts';
import type { Chart } from './chart.ts';
import { element } from './elements.ts';
import { counted, instant } from './wording.ts';

/** The page stays quick with more; the chart draws them all. */
const MOST_LISTED = 500;
/** What is shown around a violation, in ms, before and after it. */
const AROUND = 250;

/** By time; each zooms to where it happened. */
export function violationsOf({ violations }: Report, chart: Chart, container: HTMLElement): HTMLElement[] {
  if (violations.length === 0) return [];
  const items = [...violations]
    .sort((a, b) => a.at - b.at)
    .slice(0, MOST_LISTED)
    .map(({ rule, at, what, lanes }) => {
      const button = element(
        'button',
        { type: 'button' },
        element('span', { class: 'at' }, instant(at)),
        element('b', {}, rule),
        element('span', { class: 'says' }, what),
        element('span', { class: 'lanes' }, lanes.join(', ')),
      );
      button.addEventListener('click', () => {
        chart.zoom({ from: at - AROUND, to: at + AROUND });
        container.scrollIntoView({ block: 'nearest' });
      });
      return element('li', {}, button);
    });
  const more = violations.length - items.length;
  return [
    element('h2', {}, counted(violations.length, 'violation')),
    element('ol', {}, ...items),
    ...(more > 0
      ? [element('p', { class: 'quiet' }, `${counted(more, 'more')}: see report.json and the chart`)]
      : []),
  ];
}
