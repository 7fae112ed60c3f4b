import type { Chart } from './chart.ts';
import { element } from './elements.ts';
import { type Found, foundAt } from './finding.ts';
import { instantAt } from './scale.ts';
import { tooltipOf } from './tooltip.ts';
import { instant } from './wording.ts';

/** Selecting less than this is a click, in px. */
const LEAST_SELECTION = 4;

/** What follows the pointer: a hairline with the instant, a tooltip, and with the shift key a selection to zoom to. */
export function followPointer(chart: Chart, container: HTMLElement): void {
  const hairline = element('div', { class: 'hairline', hidden: '' }, element('span'));
  const tooltip = element('div', { class: 'tooltip', role: 'status', hidden: '' });
  const outline = element('div', { class: 'outline', hidden: '' });
  container.append(hairline, outline);
  document.body.append(tooltip);

  const hide = (): void => {
    for (const part of [hairline, tooltip, outline]) part.hidden = true;
  };
  const follow = (event: PointerEvent): void => {
    const at = positionIn(container, event);
    const { x, y, width, height } = chart.plot;
    if (at.x < x || at.x > x + width || at.y < y || at.y > y + height) return hide();
    showHairline(hairline, chart, at.x);
    const found = foundAt(chart, at);
    outlineOf(outline, chart, found);
    tooltip.hidden = !found;
    if (!found) return;
    tooltip.replaceChildren(...tooltipOf(found));
    place(tooltip, event);
  };
  container.addEventListener('pointermove', (event) => (event.buttons === 0 ? follow(event) : hide()));
  container.addEventListener('pointerleave', hide);
  container.addEventListener('wheel', hide, { passive: true });
  selectWithShift(chart, container);
}

function positionIn(container: HTMLElement, { clientX, clientY }: PointerEvent): { x: number; y: number } {
  const { left, top } = container.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

function showHairline(hairline: HTMLElement, chart: Chart, x: number): void {
  const { plot, scale } = chart;
  hairline.hidden = false;
  hairline.style.cssText = `left:${x}px;top:${plot.y}px;height:${plot.height}px`;
  const label = hairline.firstElementChild as HTMLElement;
  label.textContent = instant(instantAt(scale, x));
  label.className = x > plot.x + plot.width - 90 ? 'before' : '';
}

function outlineOf(outline: HTMLElement, chart: Chart, found: Found | undefined): void {
  const box = found?.lane?.box;
  outline.hidden = !box;
  if (!box) return;
  const { plot } = chart;
  const left = Math.max(plot.x, box.x);
  const width = Math.min(plot.x + plot.width, box.x + box.width) - left;
  outline.style.cssText = `left:${left}px;top:${plot.y + box.y}px;width:${width}px;height:${box.height}px`;
}

/** Beside the pointer, and within the window. */
function place(tooltip: HTMLElement, { clientX, clientY }: PointerEvent): void {
  const { width, height } = tooltip.getBoundingClientRect();
  const isRight = clientX + 16 + width > document.documentElement.clientWidth - 8;
  const left = isRight ? clientX - 14 - width : clientX + 16;
  const top = Math.min(clientY + 14, window.innerHeight - height - 8);
  tooltip.style.transform = `translate(${Math.max(8, Math.round(left))}px, ${Math.max(8, Math.round(top))}px)`;
}

/** Before the chart's library sees the drag, which pans by it. */
function selectWithShift(chart: Chart, container: HTMLElement): void {
  const band = element('div', { class: 'selection', hidden: '' });
  container.append(band);
  let start: number | undefined;
  const clamped = (event: PointerEvent): number => {
    const { x, width } = chart.plot;
    return Math.min(x + width, Math.max(x, positionIn(container, event).x));
  };
  const show = (x: number): void => {
    const { plot } = chart;
    const left = Math.min(start ?? x, x);
    band.style.cssText = `left:${left}px;top:${plot.y}px;width:${Math.abs(x - (start ?? x))}px;height:${plot.height}px`;
  };
  container.addEventListener(
    'mousedown',
    (event) => {
      const isInPlot = positionIn(container, event as PointerEvent).y >= chart.plot.y;
      if (!event.shiftKey || event.button !== 0 || !isInPlot) return;
      event.stopPropagation();
      event.preventDefault();
      start = clamped(event as PointerEvent);
      band.hidden = false;
      show(start);
    },
    { capture: true },
  );
  window.addEventListener('pointermove', (event) => {
    if (start !== undefined) show(clamped(event));
  });
  window.addEventListener('pointerup', (event) => {
    if (start === undefined) return;
    const [from, to] = [start, clamped(event)].sort((a, b) => a - b) as [number, number];
    start = undefined;
    band.hidden = true;
    if (to - from >= LEAST_SELECTION)
      chart.zoom({ from: instantAt(chart.scale, from), to: instantAt(chart.scale, to) });
  });
}
