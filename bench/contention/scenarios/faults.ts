import { setTimeout } from 'node:timers/promises';
import { arbitersOf } from '../../../src/acquire/arbiter.ts';
import type { RedisServer } from '../../../test/support/redis-server.ts';
import { now } from '../../support/monotonic.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Proxies } from '../../support/proxies/proxies.ts';
import type { Budget } from '../budget.ts';
import type { Contestant } from '../clients/contestants.ts';
import { FAULTS, type Fault, type Scene } from '../faults/fault.ts';
import { inRounds, joined, summarize } from '../rounds.ts';
import { type Setting, urlsOf } from '../setting.ts';
import { longestGap, overlapsOf, wonIn } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';

/** So short a think time that somebody always waits; in ms. */
const LOAD = { processes: 6, clients: 2, section: 2, think: 5 };
/** In ms: until all processes have met, and for watching a fault. */
const MEET = 900;
const WATCH = 1_000;
/** Longer than any try takes; processes are killed at its end. */
const ENDLESS = 60_000;
/** A lock that is kept for so long belongs to the victim; in ms. */
const STUCK = 500;
/** How often a try may be repeated because the victim was granted the lock in the moment of the fault. */
const REPEATS = 5;

/** How long nobody holds a lock that is always wanted, when something breaks. */
export async function faults(setting: Setting, { faults: budget }: Budget): Promise<Outcome> {
  const parts: Record<string, Pick<Outcome, 'columns' | 'rows'>> = {};
  const chosen = FAULTS.filter(({ name, kind }) => kind === 'none' || name.includes(budget.named));
  for (const fault of chosen) {
    const measures = setting.own.map((name) => [name, () => measure(setting, name, fault)] as const);
    parts[fault.name] = summarize(await inRounds(budget.tries, Object.fromEntries(measures)), [
      { key: 'gapLeast', of: 'gap', how: 'least', title: 'longest gap, ms: least of the tries', digits: 0 },
      { key: 'gap', title: 'median', digits: 0 },
      { key: 'gapMost', of: 'gap', how: 'most', title: 'most', digits: 0 },
      { key: 'perSecond', title: 'acquisitions/s', digits: 0 },
      { key: 'toBaseline', of: 'perSecond', how: 'ratio', title: 'to baseline', digits: 2 },
      { key: 'overlaps', how: 'sum', title: 'overlaps', digits: 0 },
      { key: 'repeated', how: 'sum', title: 'repeated', digits: 0 },
    ]);
  }
  const { processes, clients, section, think } = LOAD;
  return {
    title: `Faults: the longest time without a holder; ${processes} processes × ${clients} callers, ${section} ms section, ${think} ms think time`,
    notes: [
      `${budget.tries} tries of ${WATCH / 1_000} s from the fault on, each with servers and processes of its own.`,
      'Restarted empty: from the kill on. In quarantine: the same, from 1.5 s after it on. A waiter that turns out to have got the lock in the moment of the fault is a dead holder, which is another subject: such a try is repeated.',
    ],
    ...joined(parts),
  };
}

async function measure(setting: Setting, name: Contestant, fault: Fault): Promise<Figures> {
  for (let repeated = 0; ; repeated++) {
    const { isVoid, ...figures } = await attempt(setting, name, fault);
    if (!isVoid || repeated === REPEATS) return { ...figures, repeated };
  }
}

interface Result {
  readonly gap: number;
  readonly perSecond: number;
  readonly overlaps: number;
  /** The victim held the lock. */
  readonly isVoid: boolean;
}

function attempt(setting: Setting, contestant: Contestant, fault: Fault): Promise<Result> {
  return setting.withServers((servers) => {
    const run = (proxies?: Proxies): Promise<Result> => {
      const urls = proxies?.urls ?? urlsOf(servers);
      return setting.fleet.with({ contestant, processes: LOAD.processes, urls: () => urls }, (workers) =>
        underLoad(setting, fault, { servers, proxies, workers, urls }),
      );
    };
    return fault.behindProxies ? setting.withProxies(servers, run) : run();
  });
}

async function underLoad(
  { fresh }: Setting,
  fault: Fault,
  {
    servers,
    proxies,
    workers,
    urls,
  }: Pick<Scene, 'servers' | 'proxies'> & {
    readonly workers: readonly Worker[];
    readonly urls: readonly string[];
  },
): Promise<Result> {
  const resource = fresh();
  const from = now() + 100;
  const { clients, section, think } = LOAD;
  for (const worker of workers) {
    const request = { resource, clients, section, think, from, until: from + ENDLESS, patience: 0 };
    // Ends with the process.
    worker.call('load', request, 2 * ENDLESS).catch(() => {});
  }
  await setTimeout(from + MEET - now());
  const victim = workers[0] as Worker;
  const [arbiter = 0] = arbitersOf(
    resource,
    urls.map((url) => new URL(url).host),
  );
  const beganAt = await fault.begin({ servers, proxies, victim, arbiter });
  const settle = fault.settle ?? 0;
  const window = { from: beganAt + settle, until: now() + settle + WATCH };
  // The last holder reports its turn after it has released the lock.
  await setTimeout(window.until + 10 * section - now());
  const isStuck = fault.victim !== undefined && (await isHeldByTheSame(servers, resource));
  const reporting = fault.victim === 'lost' ? workers.slice(1) : workers;
  const replies = await Promise.all(reporting.map((worker) => worker.call('turns', {})));
  const turns = replies.flatMap((reply) => reply.turns);
  const gap = longestGap(turns, window);
  return {
    gap,
    perSecond: (wonIn(turns, window).length / (window.until - window.from)) * 1_000,
    overlaps: overlapsOf(turns),
    isVoid: isStuck && gap > STUCK,
  };
}

/** Whether a majority of the nodes has the same owner twice, with several turns' time in between. */
async function isHeldByTheSame(servers: readonly RedisServer[], resource: string): Promise<boolean> {
  const first = await ownersOf(servers, resource);
  await setTimeout(100);
  const second = await ownersOf(servers, resource);
  const same = first.filter((owner, i) => owner !== undefined && owner === second[i]);
  return same.length > servers.length / 2 && new Set(same).size === 1;
}

async function ownersOf(servers: readonly RedisServer[], resource: string): Promise<(string | undefined)[]> {
  const replies = await Promise.allSettled(servers.map((server) => server.cli('GET', resource)));
  return replies.map((reply) =>
    reply.status === 'fulfilled' && typeof reply.value === 'string' ? reply.value : undefined,
  );
}
