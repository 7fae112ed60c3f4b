import { Latencies } from '../../support/latencies.ts';
import { now } from '../../support/monotonic.ts';
import type { Column, Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { IDEAL } from '../clients/contestants.ts';
import type { Setting } from '../setting.ts';
import { inTurns, type Trial } from '../turns.ts';
import type { LoadReply, Turn } from '../worker/verbs.ts';

/** In ms: as in everybody's tables of contention. */
const SECTION = 2;
const THINK = 20;

export interface Crowd {
  readonly processes: number;
  /** In each of them. */
  readonly clients: number;
}

const COLUMNS: readonly Column[] = [
  { key: 'perSecond', title: 'acquisitions/s', digits: 0 },
  { key: 'toIdeal', title: 'to ideal', digits: 2 },
  { key: 'section', title: 'section', digits: 2 },
  { key: 'p50', title: 'wait p50', digits: 1 },
  { key: 'p99', title: 'p99', digits: 1 },
  { key: 'max', title: 'longest', digits: 1 },
  { key: 'commands', title: 'commands per acquisition', digits: 1 },
  { key: 'least', title: 'least per client', digits: 0 },
  { key: 'most', title: 'most', digits: 0 },
  { key: 'overlaps', title: 'overlaps', digits: 0 },
  { key: 'failures', title: 'failures', digits: 0 },
];

/** Everybody wants the same lock, holds it for a moment, and wants it again after a while. */
export async function load(
  setting: Setting,
  crowd: Crowd,
  key: 'load' | 'crowd',
  { contestants, [key]: budget }: Budget,
): Promise<Outcome> {
  const { processes, clients } = crowd;
  const trials = contestants.map((name) => [name, trial(setting, name, crowd, budget)] as const);
  const ideal = trial(setting, IDEAL, { processes: 1, clients: processes * clients }, budget);
  const rows = await inTurns(budget.turns, { [IDEAL]: ideal, ...Object.fromEntries(trials) });
  const best = ideal.figures()['perSecond'] ?? Number.NaN;
  for (const [name, row] of Object.entries(rows)) {
    if (typeof row === 'object') rows[name] = { ...row, toIdeal: (row['perSecond'] ?? Number.NaN) / best };
  }
  return {
    title: `${processes === 1 ? '1 process' : `${processes} processes`} × ${clients} clients, ${SECTION} ms section, ${THINK} ms think time (waits in ms)`,
    notes: [
      'Ideal: a queue in memory in a single process, with as many clients. Commands: what clients send, to all five nodes; not what scripts call.',
      'Section: how long it was in fact, on average; timers are late by up to 1 ms, and how late depends on what else a process has to do.',
      'Overlaps: how often somebody held the lock before its last holder had left it. A wait that lasts beyond the end is counted for as long as it was watched.',
    ],
    columns: COLUMNS,
    rows,
  };
}

function trial(
  { fleet, fresh }: Setting,
  name: string,
  { processes, clients }: Crowd,
  { ms, patience }: Budget['load'],
): Trial {
  const waits = new Latencies();
  const perClient = new Map<string, number>();
  let [acquired, held, inTime, elapsed, commands, overlaps, failures] = [0, 0, 0, 0, 0, 0, 0];

  const take = (replies: readonly LoadReply[], until: number): void => {
    const end = until + patience;
    for (const [process, { turns }] of replies.entries()) {
      for (const { client, calledAt, heldAt, leftAt } of turns) {
        waits.record(Math.min(heldAt, end) - calledAt);
        if (heldAt >= Number.MAX_VALUE) continue;
        acquired++;
        held += leftAt - heldAt;
        if (heldAt > until) continue;
        inTime++;
        const key = `${process} ${client}`;
        perClient.set(key, (perClient.get(key) ?? 0) + 1);
      }
    }
    commands += replies.reduce((sum, reply) => sum + reply.commands, 0);
    failures += replies.reduce((sum, reply) => sum + reply.failures.length, 0);
    overlaps += overlapsOf(replies.flatMap(({ turns }) => turns));
  };

  return {
    measure: () =>
      fleet.with(name, processes, async (workers) => {
        const resource = fresh();
        const from = now() + 100;
        const until = from + ms;
        const request = {
          resource,
          clients,
          section: SECTION,
          think: THINK,
          from,
          until,
          patience,
        };
        const replies = await Promise.all(workers.map((worker) => worker.call('load', request, ms + 15_000)));
        elapsed += ms;
        take(replies, until);
      }),
    figures: (): Figures => {
      const counts = [...perClient.values()];
      return {
        perSecond: (inTime / elapsed) * 1_000,
        section: held / acquired,
        p50: waits.percentile(0.5),
        p99: waits.percentile(0.99),
        max: waits.max,
        commands: commands / acquired,
        least: counts.length < processes * clients ? 0 : Math.min(...counts),
        most: Math.max(...counts),
        overlaps,
        failures,
      };
    },
  };
}

function overlapsOf(turns: readonly Turn[]): number {
  let overlaps = 0;
  let left = Number.NEGATIVE_INFINITY;
  for (const { heldAt, leftAt } of [...turns].sort((a, b) => a.heldAt - b.heldAt)) {
    if (heldAt < left && heldAt < Number.MAX_VALUE) overlaps++;
    left = Math.max(left, leftAt);
  }
  return overlaps;
}
