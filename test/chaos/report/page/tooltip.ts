import type { Span, ViolationMark } from '../report.ts';
import { element } from './elements.ts';
import type { Found } from './finding.ts';
import type { State } from './palette.ts';
import { count, counted, instant, lasting } from './wording.ts';

/** More than this are counted, not listed. */
const MOST_LISTED = 4;

export function tooltipOf({ violations, lane }: Found): HTMLElement[] {
  return [...listed(violations, violationIn, 'violation'), ...(lane ? laneIn(lane) : [])];
}

function laneIn({ track, spans, faults }: NonNullable<Found['lane']>): HTMLElement[] {
  if (spans.length > MOST_LISTED) return crowdIn(track.name, spans);
  return [
    ...spans.flatMap((span) => (span.state === 'fault' ? faultIn(span) : spanIn(track.name, span))),
    ...(isAiling(spans) ? listed(faults, ({ kind }) => [line(`fault: ${kind}`, 'quiet')], 'fault') : []),
  ];
}

/** What is up may have been so during many faults of others' making: they say nothing of it. */
function isAiling(spans: readonly Span<State>[]): boolean {
  return spans.every(({ state }) => state !== 'up' && state !== 'waiting' && state !== 'fault');
}

function listed<Item>(
  items: readonly Item[],
  draw: (item: Item) => HTMLElement[],
  noun: string,
): HTMLElement[] {
  const more = items.length - MOST_LISTED;
  return [
    ...items.slice(0, MOST_LISTED).flatMap(draw),
    ...(more > 0 ? [line(`and ${counted(more, noun)} more here: zoom in`, 'quiet')] : []),
  ];
}

function violationIn({ rule, at, what, lanes }: ViolationMark): HTMLElement[] {
  return [
    element('div', { class: 'head violation' }, element('b', {}, rule), element('span', {}, instant(at))),
    line(what),
    ...(lanes.length > 0 ? [line(lanes.join(', '), 'quiet')] : []),
  ];
}

function faultIn({ from, to, details: [kind = '', lanes = ''] }: Span<State>): HTMLElement[] {
  return [heading('fault', 'fault', kind), line(lanes), timesOf(from, to)];
}

function spanIn(lane: string, { state, from, to, details }: Span<State>): HTMLElement[] {
  return [heading(state, lane, state), ...details.map((detail) => line(detail)), timesOf(from, to)];
}

function crowdIn(lane: string, spans: readonly Span<State>[]): HTMLElement[] {
  const counts = new Map<State, number>();
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const span of spans) {
    counts.set(span.state, (counts.get(span.state) ?? 0) + 1);
    from = Math.min(from, span.from);
    to = Math.max(to, span.to);
  }
  return [
    element(
      'div',
      { class: 'head' },
      element('b', {}, `${count(spans.length)} spans`),
      element('span', {}, lane),
    ),
    ...[...counts].map(([state, number]) =>
      element(
        'div',
        { class: 'count' },
        swatch(state),
        element('span', {}, state),
        element('b', {}, count(number)),
      ),
    ),
    timesOf(from, to),
    line('Zoom in to tell them apart', 'quiet'),
  ];
}

function heading(state: State, lane: string, words: string): HTMLElement {
  return element('div', { class: 'head' }, swatch(state), element('b', {}, words), element('span', {}, lane));
}

function timesOf(from: number, to: number): HTMLElement {
  return line(`${instant(from)} – ${instant(to)} · ${lasting(to - from)}`, 'quiet');
}

function line(words: string, kind = 'line'): HTMLElement {
  return element('div', { class: kind }, words);
}

/** A sample of a state's colour. */
export function swatch(state: State | 'violation'): HTMLElement {
  return element('i', {
    class: 'swatch',
    style: `background:var(--${variable(state)})`,
    'aria-hidden': 'true',
  });
}

/** The CSS variable of a state's colour, without its dashes. */
export function variable(state: State | 'violation'): string {
  return `state-${state.replaceAll(' ', '-')}`;
}
