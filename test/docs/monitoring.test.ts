import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { nodeOver } from '../support/fake-connection.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { type Sample, startExporter } from '../support/scrape.ts';
import { recorded } from '../support/telemetry.ts';
import { read } from './repository.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

interface Dashboard {
  readonly templating: { readonly list: readonly { name: string; query: string | { query: string } }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly Target[];
  }[];
}

/** What one PromQL expression asks for. */
interface Question {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  readonly hasErrors: boolean;
}

function questionOf(expression: string): Question {
  const metrics = new Set<string>();
  const labels = new Set<string>();
  let hasErrors = false;
  parser.parse(expression).iterate({
    enter: ({ type, from, to, node }) => {
      const text = expression.slice(from, to);
      if (type.isError) hasErrors = true;
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') metrics.add(text);
      if (type.name === 'LabelName') labels.add(text);
    },
  });
  return { metrics: [...metrics], labels: [...labels], hasErrors };
}

/** Grafana replaces these before Prometheus sees the expression. */
const withoutVariables = (expression: string): string =>
  expression.replaceAll(/\$__(?:rate_interval|range)/g, '5m').replaceAll(/\$(?:job|resource)\b/g, '.*');

const rules: readonly Rule[] = (
  parse(read('docs/operations/alerts.yaml')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('docs/operations/dashboard.json')) as Dashboard;
const page = read('docs/operations/monitoring.md');

const expressions: readonly (readonly [string, string])[] = [
  ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [`panel ${title}`, withoutVariables(expr)] as const),
  ),
];

/** What Prometheus adds by itself. */
const OF_PROMETHEUS = ['job', 'instance', 'le'];

/** What is exported once everything has happened that is measured. */
async function everythingExported(): Promise<Sample[]> {
  const { exporter, scrape } = await startExporter();
  recorded({}, [exporter]);
  const { redlock, another, nodes, clock } = memoryRedlock(3, { ttl: 1_000 });
  const { connection } = nodeOver();
  await connection.up();
  const lock = await redlock.acquire('order:1');
  await another().tryAcquire('order:1');
  await redlock.using('order:2', () => {});
  for (const node of nodes) node.fail();
  lock.extend().catch(() => {});
  await clock.advanceAsync(5_000);
  return scrape();
}

const namesOf = (samples: readonly Sample[]): Set<string> => new Set(samples.map(({ name }) => name));

describe('each expression', () => {
  test.each(expressions)('of %s can be read, and asks for what is exported', async (_what, expression) => {
    const samples = await everythingExported();
    const { metrics, labels, hasErrors } = questionOf(expression);
    expect(hasErrors).toBe(false);
    expect(metrics.length).toBeGreaterThan(0);
    const names = namesOf(samples);
    expect(metrics.filter((name) => !names.has(name))).toEqual([]);
    // Each label is one of each metric that is asked for, except where two kinds of metrics meet.
    const known = new Set([
      ...OF_PROMETHEUS,
      ...samples.filter(({ name }) => metrics.includes(name)).flatMap((sample) => Object.keys(sample.labels)),
    ]);
    expect(labels.filter((label) => !known.has(label))).toEqual([]);
  });

  test('is one of many', () => {
    expect(rules.length).toBeGreaterThanOrEqual(8);
    expect(dashboard.panels.length).toBeGreaterThanOrEqual(10);
  });

  test('that is wrong would be found', () => {
    expect(questionOf('sum by (a) (rate(b{c="d"}[5m]))')).toEqual({
      metrics: ['b'],
      labels: ['a', 'c'],
      hasErrors: false,
    });
    expect(questionOf('sum(rate(b[5m])').hasErrors).toBe(true);
  });
});

/** The base name of a sample: a histogram has three of them. */
const baseOf = (name: string): string => name.replace(/_(?:bucket|count|sum|total)$/, '');

test('each metric that is exported is used in an alert or the dashboard, and has a line on the page', async () => {
  const exported = new Set(
    [...namesOf(await everythingExported())].filter((name) => name !== 'target_info').map(baseOf),
  );
  const used = new Set(expressions.flatMap(([, expression]) => questionOf(expression).metrics.map(baseOf)));
  expect([...exported].sort()).toEqual([...used].sort());
  const described = [
    ...page.matchAll(/^\| `(quorlock\.[\w.]+)` +\| (?:histogram|counter|up-down counter)/gm),
  ].map(([, name = '']) => name.replaceAll('.', '_'));
  expect(described.sort()).toEqual([...exported].sort());
});

test('each attribute that is exported is named on the page', async () => {
  const labels = new Set((await everythingExported()).flatMap((sample) => Object.keys(sample.labels)));
  const named = new Set(
    [...page.matchAll(/`(quorlock\.[\w.]+)`/g)].map(([, name = '']) => name.replaceAll('.', '_')),
  );
  const ours = [...labels].filter((label) => label.startsWith('quorlock_'));
  expect(ours.length).toBeGreaterThan(4);
  expect(ours.filter((label) => !named.has(label))).toEqual([]);
});

describe('alerts', () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s says how bad it is, and has a line on the page',
    (name, rule) => {
      expect(['critical', 'warning']).toContain(rule.labels.severity);
      expect(rule.annotations.summary).not.toBe('');
      expect(rule.annotations.description).toMatch(/\.$/);
      expect(page).toContain(`| \`${name}\``);
      const used = [...rule.annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      const { labels } = questionOf(rule.expr);
      expect(used.filter((label) => !labels.includes(label))).toEqual([]);
    },
  );

  test('have different names', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

describe('the dashboard', () => {
  test('has panels that do not overlap, with numbers of their own', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  test('names in its legends only labels that its expressions keep', () => {
    for (const { targets } of dashboard.panels)
      for (const { expr, legendFormat } of targets) {
        const kept = new Set(
          [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
        );
        const used = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        expect(used.filter((label) => !kept.has(label))).toEqual([]);
      }
  });

  test('finds the values of its variables in what is exported', async () => {
    const samples = await everythingExported();
    for (const { name, query } of dashboard.templating.list) {
      if (name === 'datasource') continue;
      const text = typeof query === 'string' ? query : query.query;
      const [, metric = '', label = ''] = /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(text) ?? [];
      const found = samples.filter((sample) => sample.name === metric);
      expect(found.length).toBeGreaterThan(0);
      expect([...OF_PROMETHEUS, ...found.flatMap((sample) => Object.keys(sample.labels))]).toContain(label);
    }
  });
});
