import { FAULTS } from '../support/fault.ts';
import { figure, type Outcome } from '../support/outcome.ts';
import { above, atLeast, atMost, below, type Verdict } from '../support/verdict.ts';
import { PEERS, QUORLOCK, WITHOUT_FENCING } from './contestants/contestants.ts';
import type { Findings } from './scenarios/scenarios.ts';
import { MEASURES } from './scenarios/versus-raw.ts';

const VARIANTS = [
  { variant: 'fenced', name: QUORLOCK, called: 'with fencing' },
  { variant: 'plain', name: WITHOUT_FENCING, called: 'without' },
] as const;

const TO_RAW = [
  { ...MEASURES.latency, goal: atMost, fenced: 1.25, plain: 1.15 },
  { ...MEASURES.busy, goal: atLeast, fenced: 4, plain: 5.5 },
  { ...MEASURES.busiest, goal: atLeast, fenced: 3.5, plain: 5 },
  { ...MEASURES.cpu, goal: atMost, fenced: 0.25, plain: 0.2 },
];

const TO_PEERS = [
  { ...MEASURES.latency, goal: below, best: Math.min },
  { ...MEASURES.busy, goal: above, best: Math.max },
  { ...MEASURES.busiest, goal: above, best: Math.max },
];

/** The goals that a run can judge: those of the scenarios that were measured. */
export function judge({ versusRaw, throughput, faults, heap, extension }: Findings): Verdict[] {
  return [
    ...(versusRaw ? toRaw(versusRaw.outcomes['ratios']) : []),
    ...(throughput ? toPeers(throughput.outcomes) : []),
    ...(faults ? failing(faults.outcomes) : []),
    ...(heap ? held(heap.outcomes['heap']) : []),
    ...(extension ? extending(extension.outcomes['extension']) : []),
  ];
}

type Outcomes = Readonly<Record<string, Outcome>>;

function toRaw(outcome: Outcome | undefined): Verdict[] {
  return TO_RAW.flatMap(({ title, goal, ...limits }) =>
    VARIANTS.map(({ variant, name, called }) =>
      goal(`${title}, ${called}, to raw`, figure(outcome, title, name), limits[variant]),
    ),
  );
}

/** Better than each is better than the best. Without a peer there is nothing to judge. */
function toPeers(outcomes: Outcomes): Verdict[] {
  return TO_PEERS.flatMap(({ title, inFlight, key, goal, best }) => {
    const outcome = outcomes[inFlight];
    const peers = Object.keys(PEERS).filter((name) => !Number.isNaN(figure(outcome, name, key)));
    if (peers.length === 0) return [];
    const record = best(...peers.map((name) => figure(outcome, name, key)));
    const holder = peers.find((name) => figure(outcome, name, key) === record);
    return VARIANTS.map(({ name, called }) =>
      goal(`${title}, ${called}, to the best peer (${holder})`, figure(outcome, name, key) / record, 1),
    );
  });
}

function failing(outcomes: Outcomes): Verdict[] {
  return [
    ...FAULTS.map(({ name }) =>
      atMost(`${name}: p50 to the healthy case`, figure(outcomes[QUORLOCK], name, 'p50Ratio'), 1.1),
    ),
    ...Object.keys(outcomes['soak']?.rows ?? {}).map((name) =>
      atMost(`${name}: growth of the heap, MB`, figure(outcomes['soak'], name, 'growth'), 1),
    ),
  ];
}

function held(outcome: Outcome | undefined): Verdict[] {
  return VARIANTS.filter(({ name }) => outcome?.rows[name]).flatMap(({ name, called }) => [
    atMost(`heap per held lock, ${called}, bytes`, figure(outcome, name, 'plain'), 400),
    atMost(`heap per lock that extends itself, ${called}, bytes`, figure(outcome, name, 'extending'), 500),
  ]);
}

function extending(outcome: Outcome | undefined): Verdict[] {
  return VARIANTS.map(({ name, called }) =>
    atMost(`automatic extension, ${called}: event-loop delay p99, ms`, figure(outcome, name, 'delayP99'), 20),
  );
}
