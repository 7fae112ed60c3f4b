import type { Chart } from './chart.ts';
import { byId } from './elements.ts';
import { panned, type View, zoomed } from './view.ts';
import { instant } from './wording.ts';

const STEPS: Readonly<Record<string, (view: View, whole: View) => View>> = {
  'zoom-in': (view) => zoomed(view, 0.5),
  'zoom-out': (view) => zoomed(view, 2),
  earlier: (view) => panned(view, -0.25),
  later: (view) => panned(view, 0.25),
  whole: (_, whole) => whole,
};

const KEYS: Readonly<Record<string, string>> = {
  '+': 'zoom-in',
  '=': 'zoom-in',
  '-': 'zoom-out',
  ArrowLeft: 'earlier',
  ArrowRight: 'later',
  '0': 'whole',
};

/** Buttons everywhere; keys while the chart has the focus; a double click shows all. */
export function connectControls(chart: Chart, container: HTMLElement): void {
  const step = (name: string): void => {
    const next = STEPS[name];
    if (next) chart.zoom(next(chart.view, { from: 0, to: chart.duration }));
  };
  for (const name of Object.keys(STEPS)) byId(name).addEventListener('click', () => step(name));
  container.addEventListener('keydown', (event) => {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    step(name);
  });
  const range = byId('range');
  chart.onView(({ from, to }) => {
    range.textContent = `${instant(from)} – ${instant(to)}`;
  });
  container.addEventListener('dblclick', () => step('whole'));
}
