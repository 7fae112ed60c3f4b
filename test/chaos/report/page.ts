/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { Chart } from './page/chart.ts';
import { connectControls } from './page/controls.ts';
import { byId } from './page/elements.ts';
import { hookInto } from './page/hook.ts';
import { legend, setColours } from './page/legend.ts';
import { followPointer } from './page/pointer.ts';
import { replayOf } from './page/replay.ts';
import { outcomesOf, summaryOf } from './page/summary.ts';
import { violationsOf } from './page/violations.ts';
import type { Report } from './report.ts';

/** The script of timeline.html: what the report says comes from the document's JSON. */
const report = JSON.parse(byId('report').textContent ?? '') as Report;
const container = byId('chart');
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const scheme = (): 'light' | 'dark' => (dark.matches ? 'dark' : 'light');

byId('summary').append(...summaryOf(report));
byId('replay').append(...replayOf(report.summary));
byId('legend').append(...legend());
byId('outcomes').append(outcomesOf(report.summary));

const chart = new Chart(container, report, scheme());
setColours(chart.palette);
byId('violations').append(...violationsOf(report, chart, container));
connectControls(chart, container);
followPointer(chart, container);

dark.addEventListener('change', () => {
  chart.paint(scheme());
  setColours(chart.palette);
});
window.addEventListener('resize', () => chart.resize());
requestAnimationFrame(() => {
  requestAnimationFrame(() => {
    window.timeline = hookInto(report, chart, container, performance.now());
  });
});
