import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { madeUpReport } from './made-up.ts';
import type { Report } from './report.ts';
import { screenshotOf } from './screenshot.ts';
import { writeTimeline } from './timeline.ts';

/** Most of the page is in it, so that the pointer gets there without scrolling. */
const WINDOW = { width: 1200, height: 2000 };
/** Of the first drawing, in ms: about 1 s if the machine has nothing else to do. */
const LONGEST_DRAWING = 8000;

const small = madeUpReport({ seed: 7, spans: 1000, duration: 64_000 });
const large = madeUpReport({ seed: 11, spans: 100_000, duration: 1_800_000, clients: 32, violations: 40 });

let browser: Browser;
let reader: Page;
const directories: string[] = [];
/** What the page should not have done: errors, requests. */
let complaints: string[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  reader = await browser.newPage();
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

afterEach(() => {
  const seen = complaints;
  complaints = [];
  expect(seen).toEqual([]);
});

async function opened(report: Report, scheme: 'light' | 'dark' = 'light'): Promise<Page> {
  const directory = await mkdtemp(join(tmpdir(), 'quorlock-timeline-'));
  directories.push(directory);
  await writeTimeline(report, directory);
  const page = await browser.newPage({ viewport: WINDOW, colorScheme: scheme });
  const address = pathToFileURL(join(directory, 'timeline.html')).href;
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (request.url() !== address) complaints.push(`request: ${request.url().slice(0, 100)}`);
  });
  await page.goto(address);
  await page.waitForFunction(() => 'timeline' in window);
  return page;
}

/** How many spans a report has in a part of the run, by lane and state. */
function countsIn({ nodes, clients }: Report, from: number, to: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name, spans } of [...nodes, ...clients]) {
    for (const span of spans) {
      if (span.to < from || span.from > to) continue;
      const key = `${name} ${span.state}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
  }
  return counts;
}

interface Drawn {
  readonly counts: Record<string, number>;
  /** Spans that were drawn in more than one shape. */
  readonly repeated: number;
  /** How far a shape is from where it has to be, at most, in px. */
  readonly offset: number;
  /** Shapes of a lane that cover each other by more than a merged column. */
  readonly hidden: number;
}

/** What is drawn of nodes and clients, checked in the page: it is much to move. */
async function drawnIn(page: Page): Promise<Drawn> {
  return await page.evaluate(() => {
    const { shapes, plot, view } = window.timeline;
    const xOf = (instant: number): number =>
      plot.x + ((instant - view.from) / (view.to - view.from)) * plot.width;
    const counts: Record<string, number> = {};
    const seen = new Set<object>();
    let repeated = 0;
    let offset = 0;
    let hidden = 0;
    const ends = new Map<string, number>();
    const lanes = shapes.filter(({ kind }) => kind === 'node' || kind === 'client');
    for (const { lane, state, spans, x, width, row } of lanes.toSorted((a, b) => a.x - b.x)) {
      const key = `${lane} ${state}`;
      counts[key] = (counts[key] ?? 0) + spans.length;
      for (const span of spans) {
        if (seen.has(span)) repeated++;
        seen.add(span);
        const from = Math.max(plot.x - 3, xOf(span.from));
        const to = Math.min(plot.x + plot.width + 3, xOf(span.to));
        offset = Math.max(offset, x - (from + to) / 2 - 0.5, (from + to) / 2 - 0.5 - (x + width));
        if (spans.length === 1 && to - from > 4)
          offset = Math.max(offset, Math.abs(x - from), Math.abs(x + width - to));
      }
      const place = `${lane} ${row}`;
      if (spans.length === 1 && width > 2) {
        if ((ends.get(place) ?? 0) > x + 0.5) hidden++;
        ends.set(place, x + width);
      }
    }
    return { counts, repeated, offset, hidden };
  });
}

async function centreOf(
  page: Page,
  kind: string,
  state: string,
): Promise<{ x: number; y: number; spans: number }> {
  return await page.evaluate(
    ([kind, state]) => {
      const [shape] = window.timeline.shapes
        .filter((shape) => shape.kind === kind && shape.state === state && shape.y < window.innerHeight - 20)
        .sort((a, b) => b.width - a.width);
      if (!shape) throw new Error(`no ${state} ${kind} is drawn`);
      return { x: shape.x + shape.width / 2, y: shape.y + shape.height / 2, spans: shape.spans.length };
    },
    [kind, state] as const,
  );
}

async function viewOf(page: Page): Promise<{ from: number; to: number }> {
  return await page.evaluate(() => window.timeline.view);
}

describe.each([
  ['1,000', small],
  ['100,000', large],
])('the timeline of %s spans', (name, report) => {
  const { duration } = report.summary;
  let page: Page;

  beforeAll(async () => {
    page = await opened(report);
  });

  afterAll(async () => {
    await page?.close();
  });

  test('is drawn before anybody gets impatient', async () => {
    const drawnAfter = await page.evaluate(() => window.timeline.drawnAfter);
    console.log(`the first drawing of ${name} spans took ${Math.round(drawnAfter)} ms`);
    expect(drawnAfter).toBeLessThan(LONGEST_DRAWING);
  });

  test('has a lane for each node and below them for each client', async () => {
    const lanes = await page.evaluate(() => window.timeline.lanes);
    const names = lanes.map(({ kind, name }) => `${kind} ${name}`);
    expect(names).toEqual([
      'violations violations',
      'faults faults',
      ...report.nodes.map(({ name }) => `node ${name}`),
      ...report.clients.map(({ name }) => `client ${name}`),
    ]);
    const tops = lanes.map(({ y }) => y);
    expect(tops).toEqual([...tops].sort((a, b) => a - b));
  });

  test('draws every span of the history once, where it belongs', async () => {
    const { counts, repeated, offset, hidden } = await drawnIn(page);
    expect(counts).toEqual(countsIn(report, 0, duration));
    expect({ repeated, hidden }).toEqual({ repeated: 0, hidden: 0 });
    expect(offset).toBeLessThan(2.5);
  });

  test('draws every fault, and every violation on its own', async () => {
    const { faults, violations, plot } = await page.evaluate(() => ({
      faults: window.timeline.shapes
        .filter(({ kind }) => kind === 'faults')
        .flatMap(({ spans }) => spans.map(({ details, from }) => `${details.join(' ')} ${from}`)),
      violations: window.timeline.violations,
      plot: window.timeline.plot,
    }));
    expect(faults.sort()).toEqual(
      report.faults.map(({ kind, lanes, from }) => `${kind} ${lanes.join(', ')} ${from}`).sort(),
    );
    expect(violations.map(({ violation }) => violation)).toEqual(report.violations);
    for (const { violation, x } of violations)
      expect(Math.abs(plot.x + (violation.at / duration) * plot.width - x)).toBeLessThanOrEqual(0.5);
  });

  test('is red where a violation is, through all lanes', async () => {
    const { violations, plot, red } = await page.evaluate(() => ({
      violations: window.timeline.violations,
      plot: window.timeline.plot,
      red: window.timeline.palette.violation,
    }));
    const screenshot = await screenshotOf(page, reader);
    for (const { x } of violations) {
      for (const part of [0.01, 0.25, 0.5, 0.75, 0.99])
        expect(await screenshot.colourAt(x, plot.y + part * plot.height)).toBe(red);
    }
  });

  test('draws exactly what is in view after zooming in', async () => {
    const from = duration * 0.4;
    const to = from + 1500;
    await page.evaluate(([from, to]) => window.timeline.zoom(from, to), [from, to] as const);
    const view = await viewOf(page);
    expect(view.from).toBeCloseTo(from, 3);
    expect(view.to).toBeCloseTo(to, 3);
    const { counts, offset, hidden } = await drawnIn(page);
    expect(counts).toEqual(countsIn(report, from, to));
    expect(offset).toBeLessThan(2.5);
    expect(hidden).toBe(0);
  });

  test('shows states in their colours', async () => {
    await page.evaluate((to) => window.timeline.zoom(0, to), duration);
    const states = await page.evaluate(() => {
      const { shapes, palette, plot } = window.timeline;
      return ['node', 'client'].flatMap((kind) =>
        [...new Set(shapes.filter((shape) => shape.kind === kind).map(({ state }) => state))].flatMap(
          (state) => {
            const ofState = shapes.filter((shape) => shape.kind === kind && shape.state === state);
            const widest = ofState.toSorted((a, b) => b.width - a.width)[0];
            const span = widest?.spans[0];
            return span
              ? [{ lane: widest.lane, kind, state, span, colour: palette.states[state], plot }]
              : [];
          },
        ),
      );
    });
    expect(states.length).toBeGreaterThan(8);
    for (const { lane, kind, state, span, colour } of states) {
      const around = (span.to - span.from) / 2;
      await page.evaluate(([from, to]) => window.timeline.zoom(from, to), [
        span.from - around,
        span.to + around,
      ] as const);
      const shape = await page.evaluate(
        ([lane, kind, from]) =>
          window.timeline.shapes.find(
            (shape) => shape.lane === lane && shape.kind === kind && shape.spans[0]?.from === from,
          ),
        [lane, kind, span.from] as const,
      );
      if (!shape) throw new Error(`${lane} ${state} is not drawn`);
      const screenshot = await screenshotOf(page, reader);
      const colours = await Promise.all(
        [0.31, 0.52, 0.77].map(
          async (part) => await screenshot.colourAt(shape.x + part * shape.width, shape.y + 1),
        ),
      );
      expect(colours, `${lane} ${state}`).toContain(colour);
    }
  });

  test('says what is under the pointer', async () => {
    await page.evaluate((at) => window.timeline.zoom(at, at + 3000), duration * 0.4);
    const { x, y } = await centreOf(page, 'client', 'holding');
    await page.mouse.move(x, y);
    const words = await page.locator('.tooltip').innerText();
    const span = await page.evaluate(
      ([x, y]) =>
        window.timeline.shapes.find(
          (shape) =>
            x >= shape.x && x <= shape.x + shape.width && y >= shape.y && y <= shape.y + shape.height,
        ),
      [x, y] as const,
    );
    expect(words).toContain('holding');
    expect(words).toContain(span?.lane);
    for (const detail of span?.spans[0]?.details ?? []) expect(words).toContain(detail);
    expect(words).toContain(`${((span?.spans[0]?.from ?? 0) / 1000).toFixed(3)} s`);
    await page.mouse.move(2, 2);
    expect(await page.locator('.tooltip').isVisible()).toBe(false);
  });

  test('zooms to a violation of the list, and says what it is', async () => {
    const violation = report.violations.at(-1);
    if (!violation) throw new Error('there is none');
    await page.locator('#violations button').last().click();
    const view = await viewOf(page);
    expect(view.to - view.from).toBeLessThan(1000);
    expect((view.from + view.to) / 2).toBeCloseTo(violation.at, 0);
    const { violations, plot } = await page.evaluate(() => ({
      violations: window.timeline.violations,
      plot: window.timeline.plot,
    }));
    const flag = violations.find(({ violation: { at } }) => at === violation.at);
    await page.mouse.move(flag?.x ?? 0, plot.y + plot.height * 0.6);
    const words = await page.locator('.tooltip').innerText();
    expect(words).toContain(violation.rule);
    expect(words).toContain(violation.what);
    for (const lane of violation.lanes) expect(words).toContain(lane);
  });
});

test('a node that is down is said to be so by which fault', async () => {
  const page = await opened(small);
  const { x, y } = await centreOf(page, 'node', 'dead');
  await page.mouse.move(x, y);
  expect(await page.locator('.tooltip').innerText()).toMatch(/dead\s+node-\d[^]*fault: (kill|restart empty)/);
  await page.close();
});

describe('spans that are too narrow for a shape each', () => {
  test('are counted by state under the pointer', async () => {
    const page = await opened(madeUpReport({ seed: 5, spans: 10_000, duration: 64_000, clients: 1 }));
    const column = await page.evaluate(() => {
      const { shapes } = window.timeline;
      const shape = shapes.find(
        ({ kind, spans, y }) => kind === 'client' && spans.length > 4 && y < window.innerHeight,
      );
      if (!shape) throw new Error('nothing is merged');
      const { x, y, width, height, lane, row } = shape;
      const all = shapes.filter((other) => other.lane === lane && other.row === row && other.x === x);
      return {
        x: x + width / 2,
        y: y + height / 2,
        counts: all.map(({ state, spans }) => [state, spans.length]),
      };
    });
    await page.mouse.move(column.x, column.y);
    const words = await page.locator('.tooltip').innerText();
    expect(words).toContain(`${column.counts.reduce((sum, [, number]) => sum + Number(number), 0)} spans`);
    for (const [state, number] of column.counts)
      expect(words).toMatch(new RegExp(`${state}\\s+${number}\\b`));
    await page.close();
  });
});

describe('the view', () => {
  let page: Page;
  const whole = { from: 0, to: small.summary.duration };

  beforeAll(async () => {
    page = await opened(small);
  });

  afterAll(async () => {
    await page?.close();
  });

  test('is zoomed by the wheel, to where the pointer is', async () => {
    const { plot } = await page.evaluate(() => window.timeline);
    await page.mouse.move(plot.x + plot.width * 0.25, plot.y + plot.height / 2);
    await page.mouse.wheel(0, -300);
    await expect.poll(async () => (await viewOf(page)).to).toBeLessThan(whole.to);
    const { from, to } = await viewOf(page);
    expect((whole.to * 0.25 - from) / (to - from)).toBeCloseTo(0.25, 1);
  });

  test('is panned by dragging', async () => {
    await page.evaluate(() => window.timeline.zoom(20_000, 30_000));
    const { plot } = await page.evaluate(() => window.timeline);
    await page.mouse.move(plot.x + plot.width * 0.6, plot.y + plot.height / 2);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width * 0.35, plot.y + plot.height / 2, { steps: 5 });
    await page.mouse.up();
    await expect.poll(async () => Math.round((await viewOf(page)).from / 100)).toBe(225);
    const { from, to } = await viewOf(page);
    expect(to - from).toBeCloseTo(10_000, 0);
  });

  test('is zoomed to a selection by dragging with the shift key', async () => {
    await page.evaluate(() => window.timeline.zoom(20_000, 30_000));
    const { plot } = await page.evaluate(() => window.timeline);
    await page.keyboard.down('Shift');
    await page.mouse.move(plot.x + plot.width * 0.2, plot.y + 100);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width * 0.4, plot.y + 100, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    const { from, to } = await viewOf(page);
    expect(from / 1000).toBeCloseTo(22, 1);
    expect(to / 1000).toBeCloseTo(24, 1);
  });

  test('is changed by buttons and keys, without a mouse', async () => {
    await page.locator('#whole').press('Enter');
    expect(await viewOf(page)).toEqual(whole);
    await page.locator('#zoom-in').press('Enter');
    expect(await viewOf(page)).toEqual({ from: 16_000, to: 48_000 });
    await page.locator('#later').press('Space');
    expect((await viewOf(page)).from).toBeCloseTo(24_000, 3);
    await page.locator('#chart').focus();
    await page.keyboard.press('+');
    expect((await viewOf(page)).to).toBeCloseTo(48_000, 3);
    await page.keyboard.press('ArrowLeft');
    expect((await viewOf(page)).from).toBeCloseTo(28_000, 3);
    await page.keyboard.press('0');
    expect(await viewOf(page)).toEqual(whole);
  });

  test('is changed by the overview', async () => {
    const { plot } = await page.evaluate(() => window.timeline);
    const y = plot.y - 50;
    await page.mouse.move(plot.x + plot.width, y);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width / 2, y, { steps: 5 });
    await page.mouse.up();
    await expect.poll(async () => Math.round((await viewOf(page)).to / 1000)).toBe(32);
  });
});

describe('the page', () => {
  test('says the verdict and the figures of the run', async () => {
    const page = await opened(small);
    const summary = await page.locator('main').innerText();
    expect(await page.title()).toBe('3 violations · chaos, seed 7');
    const { command, operations } = small.summary;
    for (const words of ['3 violations', 'compose', 'broken', String(operations), '1.89 s', command])
      expect(summary).toContain(words);
    await page.locator('summary').click();
    expect(await page.locator('#outcomes').innerText()).toContain('LOCK_TIMEOUT 21');
    await page.close();
  });

  test('has no list of violations without any', async () => {
    const page = await opened(madeUpReport({ seed: 3, spans: 300, duration: 20_000, violations: 0 }));
    expect(await page.locator('h1').innerText()).toBe('No violations');
    expect(await page.locator('#violations').isVisible()).toBe(false);
    await page.close();
  });

  test('copies the command, or else selects it', async () => {
    const page = await opened(small);
    await page.locator('#replay button').click();
    await expect
      .poll(async () => await page.locator('#replay button').innerText())
      .toMatch(/Copied|Selected/);
    await page.close();
  });

  test('is dark where people like it dark, also from one moment to the next', async () => {
    const page = await opened(small, 'dark');
    const dark = await page.evaluate(() => window.timeline.palette);
    const { x, y } = await centreOf(page, 'node', 'up');
    expect(await (await screenshotOf(page, reader)).colourAt(x, y - 8)).toBe(dark.states.up);
    await page.emulateMedia({ colorScheme: 'light' });
    await expect
      .poll(async () => await page.evaluate(() => window.timeline.palette.states.up))
      .not.toBe(dark.states.up);
    const light = await page.evaluate(() => window.timeline.palette);
    expect(await (await screenshotOf(page, reader)).colourAt(x, y - 8)).toBe(light.states.up);
    await page.close();
  });

  test.each([800, 1200])('fits into a window of %i px', async (width) => {
    const page = await opened(small);
    await page.setViewportSize({ width, height: 800 });
    await expect
      .poll(async () => await page.evaluate(() => document.documentElement.scrollWidth))
      .toBeLessThanOrEqual(width);
    const { plot } = await page.evaluate(() => window.timeline);
    expect(plot.x + plot.width).toBeLessThan(width);
    expect(
      await page.evaluate(() => document.querySelector('#chart canvas')?.clientWidth),
    ).toBeLessThanOrEqual(width);
    await page.close();
  });

  test('shows texts as texts, whatever is in them', async () => {
    const nasty = `</script><script>document.title = 'taken'</script><b>$& $1 & "'`;
    const page = await opened({
      ...small,
      summary: { ...small.summary, command: nasty },
      violations: [{ rule: nasty, at: 1000, what: nasty, lanes: [nasty] }],
    });
    expect(await page.title()).toContain('3 violations');
    expect(await page.locator('#replay code').innerText()).toBe(nasty);
    expect(await page.locator('#violations .says').innerText()).toBe(nasty);
    await page.close();
  });

  test('draws a run in which nothing happened', async () => {
    const page = await opened({ ...small, nodes: [], clients: [], faults: [], violations: [] });
    expect(await page.evaluate(() => window.timeline.lanes)).toEqual([]);
    await page.close();
  });
});
