import type { Lock } from '../../../src/index.ts';
import { FAULTS, type Fault, HEALTHY, HEALTHY_PROXIED } from '../../support/fault.ts';
import { load, Samples } from '../../support/load.ts';
import type { Column, Outcome } from '../../support/outcome.ts';
import { openRaw } from '../../support/raw.ts';
import { record } from '../../support/record.ts';
import { healthy, type Setting as Nodes, openSetting, takeWith } from '../../support/setting.ts';
import { compare } from '../comparison.ts';
import type { Contestant } from '../contestants/contestant.ts';
import { QUORLOCK, RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import { measure, type Sample } from '../measure.ts';
import { inRounds, type Rounds } from '../rounds.ts';
import { type Setting, TERMS } from '../setting.ts';
import { type Worker, withWorkers } from '../worker/fleet.ts';
import type { SoakReply } from '../worker/verbs.ts';

const NODE_TIMEOUT = 500;
const CONTESTANTS = [RAW, QUORLOCK];
const CASES: readonly Fault[] = [HEALTHY, HEALTHY_PROXIED, ...FAULTS];
/** Clients have noticed, and code that runs only then has run; in ms. */
const NOTICED = 200;
/** Whichever case comes first must not pay for code that is new; in ms. */
const WARM_UP = 1_000;
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
    for (const redlock of [nodes.direct, nodes.proxied]) {
      await healthy(redlock, nodes.servers);
      await load(takeWith(redlock), 64, WARM_UP, new Samples());
    }
    const groups = record(CONTESTANTS, (name) => ({
      trials: Object.fromEntries(
        CASES.map((fault) => [fault.name, () => during(setting, nodes, name, fault)]),
      ),
    }));
    raw = await inRounds(budget.faults.rounds, groups, random, progress.step);
  } finally {
    await nodes.close();
  }
  const outcomes = record(CONTESTANTS, (name) => besideHealthy(name, raw[name] ?? {}));
  const soaked = await soak(setting);
  return {
    outcomes: { ...outcomes, soak: soaked },
    raw: { ...raw, soak: soaked.rows },
  };
}

export function stepsOfFaults({ budget: { faults } }: Pick<Setting, 'budget'>): number {
  return faults.rounds * CASES.length * CONTESTANTS.length + Math.ceil(faults.soak / 1_000);
}

/** Who meets a fault was there before. The floor is opened anew, lest what it has queued for a hung node is in its way. */
async function during(setting: Setting, nodes: Nodes, name: string, fault: Fault): Promise<Sample> {
  const { fresh, budget } = setting;
  const redlock = nodes[fault.over];
  await healthy(redlock, nodes.servers);
  const client: Contestant =
    name === RAW
      ? await openRaw(nodes.urls[fault.over])
      : {
          acquire: (resource) => redlock.acquire(resource),
          release: (lock) => (lock as Lock).release(),
          close: async () => {},
        };
  try {
    await client.release(await client.acquire(fresh()));
    await fault.begin(nodes);
    try {
      return await measure(client, nodes.servers, { inFlight: 1, ms: budget.faults.ms, fresh }, NOTICED);
    } finally {
      await fault.end(nodes);
    }
  } finally {
    await client.close();
    await healthy(redlock, nodes.servers);
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
