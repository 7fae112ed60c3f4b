import { figure, type Outcome } from '../../support/outcome.ts';
import { record } from '../../support/record.ts';
import { OWN_AND_RAW } from '../budget.ts';
import { compare } from '../comparison.ts';
import { RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import type { Sample } from '../measure.ts';
import { type Group, inRounds } from '../rounds.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
/** Operations per second of the estimate. */
const MANY = 100_000;

/** Everybody, on five nodes: how many operations a second, how long each takes, and what it costs. */
export async function throughput(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const { rounds, ms, contestants, inFlight } = budget.throughput;
  const servers = await setting.servers(NODES);
  const groupOf = (inFlight: number): Group<Sample> => ({
    trials: record(contestants, (name) => () => setting.measure(name, servers, { inFlight, ms })),
  });
  const groups = Object.fromEntries(inFlight.map((count) => [`${count} in flight`, groupOf(count)]));
  // The compiler knows everybody's code before anything counts.
  await inRounds(1, { 'warm-up': groupOf(64) }, random, progress.step);
  const raw = await inRounds(rounds, groups, random, progress.step);
  const outcomes = record(inFlight, (count) =>
    compare(`acquire + release on ${NODES} nodes, ${count} in flight`, raw[`${count} in flight`] ?? {}, RAW),
  );
  return {
    outcomes: { ...outcomes, estimate: estimate(outcomes[Math.max(...inFlight)]) },
    raw,
  };
}

export function stepsOfThroughput({ budget }: Pick<Setting, 'budget'>): number {
  const { rounds, contestants, inFlight } = budget.throughput;
  return (rounds * inFlight.length + 1) * contestants.length;
}

/** By what one operation costs, how many processors so many of them take. */
function estimate(busiest: Outcome | undefined): Outcome {
  const rows = record(OWN_AND_RAW, (name) => {
    const processors = (key: string): number => (figure(busiest, name, key) * MANY) / 1e6;
    const nodes = processors('serverCpu');
    return { clients: processors('clientCpu'), nodes, perNode: nodes / NODES };
  });
  return {
    title: `On paper: processors for ${MANY} locks per second on ${NODES} nodes`,
    notes: [
      'CPU per operation with the most in flight, times operations per second. A server runs commands on one processor: what is more than 1 per node needs as many sets of nodes.',
    ],
    columns: [
      { key: 'clients', title: 'of clients', digits: 1 },
      { key: 'nodes', title: 'of nodes, together', digits: 1 },
      { key: 'perNode', title: 'of each node', digits: 2 },
    ],
    rows,
  };
}
