import { figure, type Outcome } from '../support/outcome.ts';
import type { Verdict } from '../support/verdict.ts';
import * as verdict from '../support/verdict.ts';
import { BASELINE } from './clients/contestants.ts';
import { FAULTS } from './faults/fault.ts';
import { rowOf } from './rounds.ts';
import { WAITERS } from './scenarios/idle.ts';
import { DOWN } from './scenarios/tries.ts';

/** The scenarios, in the order in which they run. */
export interface Outcomes {
  readonly uncontended: Outcome;
  readonly handOver: Outcome;
  readonly together: Outcome;
  readonly apart: Outcome;
  readonly crowd: Outcome;
  readonly far: Outcome;
  readonly many40: Outcome;
  readonly many160: Outcome;
  readonly herd: Outcome;
  readonly tries: Outcome;
  readonly storm: Outcome;
  readonly death: Outcome;
  readonly idle: Outcome;
  readonly faults: Outcome;
}

/** Scripts and commands are counted from outside, while background checks go on. */
const COUNTED = 0.01;
/** How much a longest gap may exceed that of another run by chance: a factor, and ms. */
const BY_CHANCE = { factor: 1.5, ms: 10 };
const SILENT_ARBITER = 250;

/** What is promised of quorlock, and what has come of it; only what was measured. Rates and times to the baseline need one. */
export function judge(outcomes: Partial<Outcomes>): Verdict[] {
  const {
    uncontended,
    handOver,
    together,
    apart,
    crowd,
    far,
    many40,
    many160,
    herd,
    tries,
    storm,
    death,
    idle,
    faults,
  } = outcomes;
  return [
    ...of(crowd, [
      ['toMean', '8 × 4: longest wait / mean', '≤', 1.8],
      ['uneven', '8 × 4: turns of processes, most / least', '≤', 1.15],
      ['toBaseline', '8 × 4: acquisitions/s to the baseline', '≥', 1.1],
      ['scripts', '8 × 4: EVALSHA per acquisition', '≤', 10],
      ['overlaps', '8 × 4: overlaps', '≤', 0],
    ]),
    ...of(apart, [
      ['toBaseline', '4 × 2: acquisitions/s to the baseline', '≥', 1],
      ['toMean', '4 × 2: longest wait / mean', '≤', 4],
      ['scripts', '4 × 2: EVALSHA per acquisition', '≤', 10],
      ['overlaps', '4 × 2: overlaps', '≤', 0],
    ]),
    ...of(together, [
      ['toBaseline', '1 × 32: acquisitions/s to the baseline', '≥', 1],
      ['overlaps', '1 × 32: overlaps', '≤', 0],
    ]),
    ...of(far, [
      ['toBaseline', '4 × 2, nodes far away: acquisitions/s to the baseline', '≥', 1.15],
      ['toMean', '4 × 2, nodes far away: longest wait / mean', '≤', 1.5],
    ]),
    ...of(many40, [['scripts', '40 × 1: EVALSHA per acquisition', '≤', 15]]),
    ...of(many160, [
      ['scripts', '160 × 1: EVALSHA per acquisition', '≤', 20],
      ['perSecond', '160 × 1: acquisitions/s', '≥', 100],
      ['toMeanMost', '160 × 1: longest wait / mean, in every round', '≤', 3],
    ]),
    ...of(herd, [
      ['served', 'all at once: served', '≥', own(herd, 'clients')],
      ['gap', 'all at once: longest without an acquisition, ms', '≤', 1_000],
      ['scripts', 'all at once: EVALSHA each', '≤', 30],
    ]),
    ...Object.keys(DOWN).flatMap((part) =>
      of(
        tries,
        [
          ['one', `tryAcquire at once, ${part}: rounds in which one gets it`, '≥', own(tries, 'tries', part)],
          ['several', `tryAcquire at once, ${part}: rounds in which several get it`, '≤', 0],
        ],
        part,
      ),
    ),
    ...of(uncontended, [
      ['acquireToBaseline', 'alone: acquire p50 to the baseline', '≤', 1.05],
      ['releaseToBaseline', 'alone: release p50 to the baseline', '≤', 1.05],
      ['sent', 'alone: commands sent', '≤', based(uncontended, 'sent') + COUNTED],
      ['scripts', 'alone: EVALSHA', '≤', based(uncontended, 'scripts') + COUNTED],
      [
        'executed',
        'alone: commands, those of scripts included',
        '≤',
        based(uncontended, 'executed') + COUNTED,
      ],
      ['acquireTrips', 'alone: round trips of acquire', '≤', 1.5],
      ['releaseTrips', 'alone: round trips of release', '≤', 1.5],
    ]),
    ...of(handOver, [
      ['p50', 'hand-over p50, ms', '≤', 2],
      ['ratio', 'hand-over p50 to an acquire alone', '≤', 4],
      ['p99', 'hand-over p99, ms', '≤', 10],
    ]),
    ...of(storm, [['most', 'storm: attempts per waiter and release, most', '≤', 1]]),
    ...of(death, [['max', 'death: held after expiry, longest, ms', '≤', 20]]),
    ...Object.keys(WAITERS).flatMap((part) =>
      of(idle, [['each', `idle, ${part}: commands/s of a waiter`, '≤', 0.5]], part),
    ),
    ...FAULTS.filter(({ name }) => faults?.rows[rowOf(name, 'quorlock')] !== undefined).flatMap(
      ({ name, kind }) => of(faults, goalsOf(name, kind, faults), name),
    ),
  ];
}

type Goal = readonly [key: string, what: string, limit: '≤' | '≥', value: number];

function goalsOf(name: string, kind: (typeof FAULTS)[number]['kind'], faults: Outcome | undefined): Goal[] {
  const [{ name: none }] = FAULTS as [(typeof FAULTS)[number]];
  const usual = BY_CHANCE.factor * own(faults, 'gapMost', none) + BY_CHANCE.ms;
  const gap = (limit: number): Goal => [
    'gapMost',
    `${name}: longest gap of all tries, ms`,
    '≤',
    Math.round(limit),
  ];
  switch (kind) {
    case 'none':
      return [];
    case 'dead':
      return [gap(usual)];
    case 'hung':
      return [gap(60)];
    case 'hung arbiter':
      return [gap(SILENT_ARBITER), ['toBaseline', `${name}: acquisitions/s to the baseline`, '≥', 0.9]];
  }
}

/** Goals that need a baseline are left out without one. */
function of(outcome: Outcome | undefined, goals: readonly Goal[], part?: string): Verdict[] {
  return goals
    .filter(([key, , , limit]) => has(outcome, key) && !Number.isNaN(limit))
    .map(([key, what, kind, limit]) =>
      (kind === '≤' ? verdict.atMost : verdict.atLeast)(what, own(outcome, key, part), limit),
    );
}

function has(outcome: Outcome | undefined, key: string): boolean {
  return outcome?.columns.some((column) => column.key === key) ?? false;
}

function own(outcome: Outcome | undefined, key: string, part?: string): number {
  return figure(outcome, part === undefined ? 'quorlock' : rowOf(part, 'quorlock'), key);
}

function based(outcome: Outcome | undefined, key: string): number {
  return figure(outcome, BASELINE, key);
}
