import { FAULTS, type Fault, HEALTHY, HEALTHY_PROXIED } from '../../support/fault.ts';
import { type Column, figure, type Outcome } from '../../support/outcome.ts';
import { record } from '../../support/record.ts';
import { healthy, type Setting as Nodes, openSetting } from '../../support/setting.ts';
import { compare } from '../comparison.ts';
import type { Contestant, Open } from '../contestants/contestant.ts';
import { openerOf, QUORLOCK, RAW } from '../contestants/contestants.ts';
import { quorlock } from '../contestants/quorlock.ts';
import type { Finding } from '../finding.ts';
import { measure, type Sample } from '../measure.ts';
import { inRounds, type Rounds } from '../rounds.ts';
import { type Setting, TERMS } from '../setting.ts';
import { type Worker, withWorkers } from '../worker/fleet.ts';
import type { SoakReply } from '../worker/verbs.ts';

const NODE_TIMEOUT = 500;
/** A node that comes back votes at once, so that one case does not reach into the next. */
const CONTESTANTS: Readonly<Record<string, Open>> = {
  [RAW]: openerOf(RAW),
  [QUORLOCK]: quorlock({ nodeTimeout: NODE_TIMEOUT, restartGuard: 'off' }),
};
const CASES: readonly Fault[] = [HEALTHY, HEALTHY_PROXIED, ...FAULTS];
/** Clients have noticed, and code that runs only then has run; in ms. */
const NOTICED = 200;
/** The worst of each kind. */
const SOAKED = FAULTS.filter(({ name }) => name.startsWith('two'));
/** Of the time that nodes stay broken; caches are full by then. */
const SETTLED = 1 / 4;

const SOAK_COLUMNS: readonly Column[] = [
  { key: 'growth', title: 'growth, MB', digits: 2 },
  { key: 'before', title: 'heap at first, MB', digits: 1 },
  { key: 'after', title: 'at the end', digits: 1 },
  { key: 'count', title: 'operations', digits: 0 },
  { key: 'failed', title: 'failed', digits: 0 },
];

/** What nodes that fail cost who needs them no more; and whether anything piles up meanwhile. */
export async function faults(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const nodes = await openSetting(NODE_TIMEOUT);
  let raw: Record<string, Record<string, Rounds<Sample>>>;
  try {
    await healthy(nodes.direct, nodes.servers);
    await healthy(nodes.proxied, nodes.servers);
    const groups = record(Object.keys(CONTESTANTS), (name) => ({
      trials: Object.fromEntries(
        CASES.map((fault) => [fault.name, () => during(setting, nodes, CONTESTANTS[name] as Open, fault)]),
      ),
    }));
    raw = await inRounds(budget.faults.rounds, groups, random, progress.step);
  } finally {
    await nodes.close();
  }
  const outcomes = record(Object.keys(CONTESTANTS), (name) => besideHealthy(name, raw[name] ?? {}));
  const soaked = await soak(setting);
  return {
    outcomes: { ...outcomes, soak: soaked },
    charts: [
      {
        file: 'faults',
        title: 'acquire + release while nodes of five fail, 1 in flight, median',
        kind: 'bars',
        x: {
          name: '',
          values: CASES.map(({ name }) => name.replace(', two', ',\ntwo').replace(' by', '\nby')),
        },
        y: { name: 'ms' },
        series: Object.keys(CONTESTANTS).map((name) => ({
          name,
          values: CASES.map((fault) => figure(outcomes[name], fault.name, 'p50')),
        })),
      },
    ],
    raw: { ...raw, soak: soaked.rows },
  };
}

export function stepsOfFaults({ budget: { faults } }: Pick<Setting, 'budget'>): number {
  return faults.rounds * CASES.length * Object.keys(CONTESTANTS).length + Math.ceil(faults.soak / 1_000);
}

/** Opened in health, as most clients are. */
async function during(setting: Setting, nodes: Nodes, open: Open, fault: Fault): Promise<Sample> {
  const { fresh, budget } = setting;
  const load = { inFlight: 1, ms: budget.faults.ms, fresh };
  const client: Contestant = await open(nodes.urls[fault.over], TERMS);
  try {
    await client.release(await client.acquire(fresh()));
    await fault.begin(nodes);
    try {
      return await measure(client, nodes.servers, load, NOTICED);
    } finally {
      await fault.end(nodes);
    }
  } finally {
    await client.close();
    await healthy(nodes.direct, nodes.servers);
  }
}

/** Slow nodes are behind proxies, and so is what they are compared with. */
function besideHealthy(name: string, measured: Readonly<Record<string, Rounds<Sample>>>): Outcome {
  const part = (over: Fault['over'], base: Fault): Outcome => {
    const cases = CASES.filter((fault) => fault.over === over).map((fault) => fault.name);
    return compare(
      '',
      record(cases, (each) => measured[each] ?? []),
      base.name,
      'healthy',
    );
  };
  const direct = part('direct', HEALTHY);
  return {
    title: `Nodes of five that fail, 1 in flight: ${name}`,
    notes: [
      ...direct.notes,
      'Healthy: of the same contestant; for slow nodes with as many nodes behind proxies. What is dead or hung takes no processor from the others on a machine that they share, so these cases can be faster than the healthy one.',
    ],
    columns: direct.columns,
    rows: { ...direct.rows, ...part('proxied', HEALTHY_PROXIED).rows },
  };
}

/** All at once, each with nodes and a process of its own: what counts is heap, not time. */
async function soak(setting: Setting): Promise<Outcome> {
  const { budget, progress } = setting;
  const { soak: ms } = budget.faults;
  const ticking = setInterval(() => progress.step('heap while nodes fail'), 1_000);
  try {
    const replies = await withWorkers(SOAKED.length, (workers) =>
      Promise.all(SOAKED.map((fault, i) => soakOne(workers[i] as Worker, fault, ms))),
    );
    return {
      title: `Heap of a process with quorlock while nodes of five fail, 1 in flight, over ${ms / 1_000} s`,
      notes: [`After a collection, ${SETTLED * 100} % into that time and at its end.`],
      columns: SOAK_COLUMNS,
      rows: Object.fromEntries(
        SOAKED.map((fault, i) => {
          const reply = replies[i] as SoakReply;
          return [fault.name, { ...reply, growth: reply.after - reply.before }];
        }),
      ),
    };
  } finally {
    clearInterval(ticking);
  }
}

async function soakOne(worker: Worker, fault: Fault, ms: number): Promise<SoakReply> {
  const nodes = await openSetting(NODE_TIMEOUT);
  try {
    await worker.call('open', { name: QUORLOCK, urls: nodes.urls[fault.over], terms: TERMS });
    await fault.begin(nodes);
    return await worker.call('soak', { ms, settle: SETTLED * ms }, ms + 30_000);
  } finally {
    await nodes.close();
  }
}
