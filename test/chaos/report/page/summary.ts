import type { Report, Summary } from '../report.ts';
import { element } from './elements.ts';
import { count, counted, lasting } from './wording.ts';

/** The verdict, the run's setting, and its figures. */
export function summaryOf({ summary, nodes, clients }: Report): HTMLElement[] {
  const { violations, driver, seed, seconds, limits, duration, startedAt } = summary;
  const verdict = violations === 0 ? 'No violations' : counted(violations, 'violation');
  document.title = `${verdict} · chaos, seed ${seed}`;
  return [
    element(
      'header',
      {},
      element('div', { class: `verdict ${violations === 0 ? 'good' : 'bad'}` }, violations === 0 ? '✓' : '✕'),
      element(
        'div',
        {},
        element('p', { class: 'what' }, 'quorlock · chaos run'),
        element('h1', {}, verdict),
        element(
          'p',
          { class: 'setting' },
          ...facts([
            ['driver', driver],
            ['seed', String(seed)],
            ['limits', limits],
            ['faults for', `${count(seconds)} s`],
            ['took', lasting(duration)],
            ['with', `${counted(nodes.length, 'node')}, ${counted(clients.length, 'client')}`],
            ['started', startedAt.replace('T', ' ').replace(/\.\d+Z$/, 'Z')],
          ]),
        ),
      ),
    ),
    element('dl', { class: 'figures' }, ...figuresOf(summary)),
  ];
}

function facts(pairs: readonly (readonly [string, string])[]): HTMLElement[] {
  return pairs.map(([name, value]) => element('span', {}, `${name} `, element('b', {}, value)));
}

function figuresOf(summary: Summary): HTMLElement[] {
  const { operations, faults, violations, wait, firstAfterHealing, writes } = summary;
  return [
    figure('operations', count(operations)),
    figure('faults', count(faults)),
    figure('violations', count(violations), undefined, violations > 0 ? 'bad' : 'good'),
    figure(
      'wait for a lock, p50',
      wait ? lasting(wait.p50) : '–',
      wait && `p99 ${lasting(wait.p99)} · longest ${lasting(wait.longest)}`,
    ),
    figure('first lock after healing', firstAfterHealing === undefined ? '–' : lasting(firstAfterHealing)),
    figure(
      'writes accepted',
      count(writes.accepted),
      `${count(writes.refused)} refused · ${count(writes.lostUnguarded)} lost unguarded`,
    ),
  ];
}

function figure(name: string, value: string, note?: string, mood = ''): HTMLElement {
  return element(
    'div',
    { class: mood },
    element('dt', {}, name),
    element('dd', {}, value),
    note === undefined ? undefined : element('dd', { class: 'note' }, note),
  );
}

/** How calls ended, by verb, the frequent outcomes first. */
export function outcomesOf({ outcomes }: Summary): HTMLElement {
  const rows = Object.entries(outcomes).map(([verb, byOutcome]) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, verb),
      element(
        'td',
        {},
        ...Object.entries(byOutcome)
          .sort(([, a], [, b]) => b - a)
          .map(([outcome, number]) => element('span', {}, `${outcome} `, element('b', {}, count(number)))),
      ),
    ),
  );
  return element('table', {}, element('tbody', {}, ...rows));
}
