import type { Latencies } from './latencies.ts';
import type { Samples } from './load.ts';

/** What is promised. */
const GOALS = { ratio: 1.5, slack: 50, service: 1_000, heap: 5 };

export interface Measured {
  /** One at a time. */
  readonly one: Samples;
  /** Many in flight. */
  readonly many: Samples;
}

export interface Report {
  readonly nodeTimeout: number;
  /** How many were in flight. */
  readonly many: number;
  readonly raw: Measured;
  /** The first is the healthy one. */
  readonly cases: ReadonlyMap<string, Measured>;
  /** From the end of the first turn to that of the last, in MB. */
  readonly heapGrowth: number;
  readonly rejections: Readonly<Record<string, Latencies>>;
  /** How long it took; or why it was not tried. */
  readonly service: Readonly<Record<string, Latencies | string>>;
}

interface Row {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly perSecond: number;
  readonly failed: number;
  /** p50 by that of the healthy case. */
  readonly ratio: number;
  readonly misses: string[];
}

interface Data {
  readonly nodeTimeout: number;
  readonly inFlight: Record<string, Record<string, Row>>;
  readonly heapGrowthMb: number;
  readonly rejections: Record<string, { p50: number; max: number; count: number }>;
  readonly service: Record<string, { max: number } | string>;
  readonly misses: string[];
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** The figures, and which of them miss what is promised. */
export function evaluate(report: Report): Data {
  const { nodeTimeout, cases, raw, many } = report;
  const longest = nodeTimeout + GOALS.slack;
  const misses: string[] = [];
  const rows = (mode: 'one' | 'many'): Record<string, Row> => {
    const healthy = [...cases.values()][0]?.[mode].pairs.percentile(0.5) ?? Number.NaN;
    const row = (name: string, { pairs, calls, perSecond, failed }: Samples): Row => {
      const ratio = pairs.percentile(0.5) / healthy;
      const own = [
        ...(mode === 'one' && ratio > GOALS.ratio ? [`p50 beyond ${GOALS.ratio}x of healthy`] : []),
        ...(calls.max > longest ? [`a call longer than ${longest} ms`] : []),
        ...(failed > 0 ? [`${failed} failed`] : []),
      ];
      misses.push(...own.map((miss) => `${name}, ${mode === 'one' ? 1 : many} in flight: ${miss}`));
      return {
        p50: rounded(pairs.percentile(0.5)),
        p99: rounded(pairs.percentile(0.99)),
        max: rounded(calls.max),
        perSecond: Math.round(perSecond),
        failed,
        ratio: rounded(ratio),
        misses: own,
      };
    };
    const all = [['raw, healthy', raw] as const, ...cases];
    return Object.fromEntries(all.map(([name, measured]) => [name, row(name, measured[mode])]));
  };
  const inFlight = { 1: rows('one'), [many]: rows('many') };

  const rejections = Object.entries(report.rejections).map(([name, times]) => {
    if (times.max > longest) misses.push(`${name}: rejected after more than ${longest} ms`);
    return [name, { p50: rounded(times.percentile(0.5)), max: rounded(times.max), count: times.count }];
  });
  const service = Object.entries(report.service).map(([name, times]) => {
    if (typeof times === 'string') return [name, times];
    if (times.max > GOALS.service) misses.push(`${name}: back after more than ${GOALS.service} ms`);
    return [name, { max: rounded(times.max) }];
  });
  if (report.heapGrowth > GOALS.heap) misses.push(`the heap grew by more than ${GOALS.heap} MB`);
  return {
    nodeTimeout,
    inFlight,
    heapGrowthMb: rounded(report.heapGrowth),
    rejections: Object.fromEntries(rejections),
    service: Object.fromEntries(service),
    misses,
  };
}

/** For people. */
export function print(data: Data): void {
  for (const [inFlight, rows] of Object.entries(data.inFlight)) {
    console.log(`\nacquire + release, ${inFlight} in flight (ms; max: the longest single call)`);
    line('', ['p50', 'to healthy', 'p99', 'max', 'per second', '']);
    for (const [name, { p50, ratio, p99, max, perSecond, misses }] of Object.entries(rows)) {
      const figures = [
        p50.toFixed(2),
        `${ratio.toFixed(2)}x`,
        p99.toFixed(2),
        max.toFixed(1),
        `${perSecond}`,
      ];
      line(name, [...figures, misses.length > 0 ? `  MISS: ${misses.join('; ')}` : '']);
    }
  }
  console.log('\ntryAcquire rejects with three of five gone (ms)');
  for (const [name, { p50, max, count }] of Object.entries(data.rejections)) {
    line(name, [`p50 ${p50.toFixed(1)}`, `max ${max.toFixed(1)}`, `of ${count}`]);
  }
  console.log('\nservice is back after (ms, longest of all turns)');
  for (const [name, took] of Object.entries(data.service)) {
    console.log(
      `  ${name.padEnd(45)}${typeof took === 'string' ? `not tried: ${took}` : took.max.toFixed(0)}`,
    );
  }
  console.log(`\nheap growth over all cases, after their first turn: ${data.heapGrowthMb.toFixed(1)} MB`);
  console.log(
    `\nGoals: p50 within ${GOALS.ratio}x of healthy, one at a time; no call longer than nodeTimeout (${data.nodeTimeout} ms) + ` +
      `${GOALS.slack} ms; service back within ${GOALS.service} ms.` +
      '\nServers, proxies and client share the processors of this machine: nodes that are dead, or that are not asked any more,' +
      '\nleave more of it to the others, so these cases can look faster than the healthy one.',
  );
  console.log(data.misses.length === 0 ? '\nAll goals are met.' : `\nMissed:\n  ${data.misses.join('\n  ')}`);
}

function line(name: string, cells: readonly string[]): void {
  console.log(`  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(12)).join('')}`);
}
