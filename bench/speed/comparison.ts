import type { Column, Figures, Outcome } from '../support/outcome.ts';
import { median, ratios, spread } from '../support/statistics.ts';
import type { Sample } from './measure.ts';
import type { Rounds } from './rounds.ts';

/** `base`: with whom all are compared. */
function columns(base: string): Column[] {
  const title = `to ${base}`;
  return [
    { key: 'perSecond', title: 'ops/s', digits: 0 },
    { key: 'perSecondLeast', title: 'least', digits: 0 },
    { key: 'perSecondMost', title: 'most', digits: 0 },
    { key: 'ratio', title, digits: 2 },
    { key: 'ratioLeast', title: 'least', digits: 2 },
    { key: 'ratioMost', title: 'most', digits: 2 },
    { key: 'p50', title: 'p50, ms', digits: 2 },
    { key: 'p50Ratio', title, digits: 2 },
    { key: 'p99', title: 'p99, ms', digits: 2 },
    { key: 'clientCpu', title: 'client CPU, µs/op', digits: 0 },
    { key: 'clientCpuRatio', title, digits: 2 },
    { key: 'serverCpu', title: 'servers’ CPU, µs/op', digits: 0 },
    { key: 'serverCpuRatio', title, digits: 2 },
    { key: 'failed', title: 'failed', digits: 0 },
  ];
}

/** What is true of every table of samples. */
const NOTES: readonly string[] = [
  'An operation is an acquire and its release. Medians of the rounds; ratios are medians of the ratios to the base of the same round; least and most: of all rounds.',
];

/** The figures of every contestant, beside those of one of them. */
export function compare(
  title: string,
  measured: Readonly<Record<string, Rounds<Sample>>>,
  base: string,
  called: string = base,
): Outcome {
  const samples = measured[base];
  const bases = typeof samples === 'object' ? samples : [];
  const rows = Object.entries(measured).map(([name, rounds]) => [
    name,
    typeof rounds === 'string' ? rounds : figuresOf(rounds, bases),
  ]);
  return { title, notes: NOTES, columns: columns(called), rows: Object.fromEntries(rows) };
}

function figuresOf(samples: readonly Sample[], bases: readonly Sample[]): Figures {
  const all = (key: keyof Sample): number[] => samples.map((sample) => sample[key]);
  const toBase = (key: keyof Sample): number[] =>
    ratios(
      all(key),
      bases.map((sample) => sample[key]),
    );
  const perSecond = spread(all('perSecond'));
  const ratio = spread(toBase('perSecond'));
  return {
    perSecond: perSecond.median,
    perSecondLeast: perSecond.least,
    perSecondMost: perSecond.most,
    ratio: ratio.median,
    ratioLeast: ratio.least,
    ratioMost: ratio.most,
    p50: median(all('p50')),
    p50Ratio: median(toBase('p50')),
    p99: median(all('p99')),
    clientCpu: median(all('clientCpu')),
    clientCpuRatio: median(toBase('clientCpu')),
    serverCpu: median(all('serverCpu')),
    serverCpuRatio: median(toBase('serverCpu')),
    failed: all('failed').reduce((sum, count) => sum + count, 0),
  };
}
