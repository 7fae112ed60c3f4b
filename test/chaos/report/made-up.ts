import type { Random } from '../../../src/random.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import type { ClientState, FaultMark, NodeLane, NodeState, Report, Span, ViolationMark } from './report.ts';

export interface Wish {
  readonly seed: number;
  /** Of nodes and clients together, exactly so many. */
  readonly spans: number;
  /** How long it took, in ms. */
  readonly duration: number;
  readonly nodes?: number;
  readonly clients?: number;
  readonly violations?: number;
}

/** A report as a run could have written it, to look at and to test the timeline by. */
export function madeUpReport(wish: Wish): Report {
  const { seed, spans, duration, nodes = 5, clients = 8, violations = 3 } = wish;
  const random = seededRandom(seed);
  const nodeNames = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`);
  const faults = faultsOn(nodeNames, duration, Math.min(400, Math.ceil(duration / 3500)), random);
  const nodeLanes = nodeNames.map((name) => nodeLane(name, faults, duration));
  let left = spans - nodeLanes.reduce((sum, lane) => sum + lane.spans.length, 0);
  const clientLanes = Array.from({ length: clients }, (_, index) => {
    const share = Math.floor(left / (clients - index));
    left -= share;
    const spans = clientSpans(index === 2 ? share - 1 : share, duration, random);
    if (index === 2)
      spans.push({
        state: 'dead',
        from: duration * 0.55,
        to: duration * 0.55 + 3000,
        details: ['SIGKILL while holding'],
      });
    return { name: `client-${index + 1}`, spans };
  });
  const marks = violationsAt(violations, duration, clientLanes, random);
  return {
    summary: {
      driver: 'compose',
      seed,
      seconds: Math.round(duration / 1000) - 4,
      limits: violations > 0 ? 'broken' : 'kept',
      command: `npm run chaos -- --driver compose --seconds ${Math.round(duration / 1000) - 4} --seed ${seed} --clients ${clients}`,
      startedAt: '2026-11-23T14:20:00.000Z',
      duration,
      operations: Math.round(spans * 0.47),
      faults: faults.length,
      violations: marks.length,
      outcomes: {
        using: { ok: Math.round(spans * 0.2), LOCK_TIMEOUT: 21, LOCK_LOST: 4 },
        acquire: { ok: Math.round(spans * 0.15), LOCK_TIMEOUT: 12, QUORUM_UNREACHABLE: 7 },
        tryAcquire: { ok: Math.round(spans * 0.08), taken: Math.round(spans * 0.04) },
        extend: { ok: 118, LOCK_LOST: 3 },
      },
      wait: { p50: 3.4, p99: 412, longest: 1893 },
      firstAfterHealing: 38.2,
      writes: { accepted: Math.round(spans * 0.31), refused: 9, lostUnguarded: 4 },
    },
    nodes: nodeLanes,
    clients: clientLanes,
    faults,
    violations: marks,
  };
}

const KINDS: readonly (readonly [kind: string, state: NodeState])[] = [
  ['kill', 'dead'],
  ['pause', 'paused'],
  ['cut off', 'cut off'],
  ['slow down', 'slow'],
  ['restart empty', 'dead'],
];

function faultsOn(nodes: readonly string[], duration: number, number: number, random: Random): FaultMark[] {
  const slot = (duration - 4000) / number;
  return Array.from({ length: number }, (_, index) => {
    const from = 1000 + index * slot + random.fraction() * slot * 0.4;
    const [kind] = KINDS[Math.floor(random.fraction() * KINDS.length)] as (typeof KINDS)[number];
    const first = Math.floor(random.fraction() * nodes.length);
    const number = random.fraction() < 0.3 ? 2 : 1;
    const lanes = nodes.filter((_, node) => (node - first + nodes.length) % nodes.length < number);
    return { kind, lanes, from, to: from + 400 + random.fraction() * 2600 };
  });
}

/** Up, whatever the faults made of it, and quarantined after a restart. */
function nodeLane(name: string, faults: readonly FaultMark[], duration: number): NodeLane {
  const spans: Span<NodeState>[] = [];
  let at = 0;
  const until = (state: NodeState, to: number, details: readonly string[]): void => {
    if (to > at) spans.push({ state, from: at, to, details });
    at = Math.max(at, to);
  };
  for (const { kind, lanes, from, to } of faults) {
    if (!lanes.includes(name) || from < at) continue;
    until('up', from, []);
    const state = KINDS.find(([name]) => name === kind)?.[1] ?? 'dead';
    until(state, to, []);
    if (kind === 'restart empty')
      until('quarantined', Math.min(duration, to + 2000), ['restarted with no keys']);
  }
  until('up', duration, []);
  return { name, spans };
}

/** About three things at a time; the process is stopped once. */
function clientSpans(number: number, duration: number, random: Random): Span<ClientState>[] {
  const stoppedFrom = duration * (0.2 + random.fraction() * 0.5);
  const spans: Span<ClientState>[] = [
    { state: 'stopped', from: stoppedFrom, to: stoppedFrom + 2600, details: ['SIGSTOP past its validity'] },
  ];
  const pair = (8.9 * duration) / number;
  const clocks = [0, 0, 0].map(() => random.fraction() * pair);
  while (spans.length < number) {
    const line = clocks.indexOf(Math.min(...clocks));
    let at = (clocks[line] as number) + random.fraction() * pair * 0.3;
    const resource = `resource: ${['printer', 'ledger', 'cart', 'index'][Math.floor(random.fraction() * 4)]}`;
    const waited = pair * 0.02 + random.fraction() ** 3 * pair * 0.6;
    spans.push({ state: 'waiting', from: at, to: at + waited, details: [resource, 'using'] });
    at += waited;
    if (spans.length < number) {
      const held = pair * 0.05 + random.fraction() ** 2 * pair * 0.9;
      const details = [resource, `token: ${spans.length}`];
      spans.push({ state: 'holding', from: at, to: at + held, details });
      at += held;
      const isLost = spans.length < number && random.fraction() < 0.03;
      if (isLost) spans.push({ state: 'lost', from: at, to: at, details: [...details, 'lost: expired'] });
    }
    clocks[line] = at;
  }
  const last = spans.reduce((latest, { to }) => Math.max(latest, to), 0);
  const fit = Math.min(1, duration / last);
  return spans.map(({ state, from, to, details }) => ({ state, from: from * fit, to: to * fit, details }));
}

const RULES = [
  ['overlap', 'two clients held `ledger` at the same time for 38 ms'],
  ['stale write', 'a write with token 411 was accepted after one with 412'],
  ['late loss', 'the loss was signalled 84 ms after the validity had ended'],
] as const;

function violationsAt(
  number: number,
  duration: number,
  clients: readonly { readonly name: string }[],
  random: Random,
): ViolationMark[] {
  return Array.from({ length: number }, (_, index) => {
    const [rule, what] = RULES[index % RULES.length] as (typeof RULES)[number];
    const first = Math.floor(random.fraction() * clients.length);
    const lanes = [first, (first + 3) % clients.length].map((client) => clients[client]?.name ?? '');
    return { rule, what, lanes, at: duration * (0.15 + (0.7 * (index + random.fraction() * 0.5)) / number) };
  });
}
