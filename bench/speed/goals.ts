import { FAULTS } from '../support/fault.ts';
import { figure, type Outcome } from '../support/outcome.ts';
import { atLeast, atMost, type Verdict } from '../support/verdict.ts';
import { PEERS, QUORLOCK, WITHOUT_FENCING } from './contestants/contestants.ts';
import type { Findings } from './scenarios/scenarios.ts';

const VARIANTS = [
  { name: QUORLOCK, called: 'with fencing', ratio: 4, p50Ratio: 1.2 },
  { name: WITHOUT_FENCING, called: 'without', ratio: 5.5, p50Ratio: 1.1 },
];
const BUSY = ['64', '256'];
const ALONE = '1';

/** What is promised of quorlock, and what has come of it; only what was measured. */
export function judge({ throughput, faults, heap, extension }: Findings): Verdict[] {
  return [
    ...(throughput ? [...busy(throughput.outcomes), ...alone(throughput.outcomes)] : []),
    ...(faults ? failing(faults.outcomes) : []),
    ...(heap ? held(heap.outcomes['heap']) : []),
    ...(extension ? extending(extension.outcomes['extension']) : []),
  ];
}

type Outcomes = Readonly<Record<string, Outcome>>;

function busy(outcomes: Outcomes): Verdict[] {
  return BUSY.flatMap((inFlight) => {
    const outcome = outcomes[inFlight];
    if (!outcome) return [];
    const best = Math.max(...peers(outcome, 'perSecond'));
    return VARIANTS.flatMap(({ name, called, ratio }) => [
      atLeast(`${inFlight} in flight, ${called}: ops/s by raw`, figure(outcome, name, 'ratio'), ratio),
      atLeast(
        `${inFlight} in flight, ${called}: ops/s by the best peer`,
        figure(outcome, name, 'perSecond') / best,
        1.5,
      ),
      atMost(
        `${inFlight} in flight, ${called}: client CPU per operation by raw`,
        figure(outcome, name, 'clientCpuRatio'),
        0.3,
      ),
    ]);
  });
}

function alone(outcomes: Outcomes): Verdict[] {
  const outcome = outcomes[ALONE];
  if (!outcome) return [];
  const best = Math.min(...peers(outcome, 'p50'));
  return VARIANTS.flatMap(({ name, called, p50Ratio }) => [
    atMost(`1 in flight, ${called}: p50 by raw`, figure(outcome, name, 'p50Ratio'), p50Ratio),
    atMost(`1 in flight, ${called}: p50 by the best peer`, figure(outcome, name, 'p50') / best, 1),
  ]);
}

function peers(outcome: Outcome, key: string): number[] {
  return Object.keys(PEERS)
    .map((name) => figure(outcome, name, key))
    .filter((value) => !Number.isNaN(value));
}

function failing(outcomes: Outcomes): Verdict[] {
  return [
    ...FAULTS.map(({ name }) =>
      atMost(`${name}: p50 by the healthy case`, figure(outcomes[QUORLOCK], name, 'p50Ratio'), 1.1),
    ),
    ...Object.keys(outcomes['soak']?.rows ?? {}).map((name) =>
      atMost(`${name}: growth of the heap, MB`, figure(outcomes['soak'], name, 'growth'), 1),
    ),
  ];
}

function held(outcome: Outcome | undefined): Verdict[] {
  return VARIANTS.filter(({ name }) => outcome?.rows[name]).flatMap(({ name, called }) => [
    atMost(`heap per held lock, ${called}, bytes`, figure(outcome, name, 'plain'), 400),
    atMost(`heap per lock that extends itself, ${called}, bytes`, figure(outcome, name, 'extending'), 900),
  ]);
}

function extending(outcome: Outcome | undefined): Verdict[] {
  return VARIANTS.map(({ name, called }) =>
    atMost(`automatic extension, ${called}: event-loop delay p99, ms`, figure(outcome, name, 'delayP99'), 20),
  );
}
