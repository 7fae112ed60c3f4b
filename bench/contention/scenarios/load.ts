import { now } from '../../support/monotonic.ts';
import { type Figures, figure, type Outcome } from '../../support/outcome.ts';
import type { LoadBudget } from '../budget.ts';
import { IDEAL, isQuorlock } from '../clients/contestants.ts';
import { scriptsIn, total } from '../commandstats.ts';
import { inRounds, type Measure, type Summary, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';
import { overlapsOf, percentile, type Window, waitsIn, wonIn } from '../turns.ts';
import type { Crew, Worker } from '../worker/fleet.ts';
import type { LoadReply } from '../worker/verbs.ts';

/** In ms: as in everybody's tables of contention. */
const SECTION = 2;
const THINK = 20;
/** How long the last holder has to release the lock. Waiters are not measured any more by then. */
const PATIENCE = 100;

/** Who wants the lock. */
export interface Crowd {
  readonly processes: number;
  /** Clients of the library in each process, each with connections of its own. @default 1 */
  readonly redlocks?: number;
  /** Of each of them. */
  readonly callers: number;
  /** The round trip to the nodes in ms; 0: without proxies. @default 0 */
  readonly away?: number;
}

const COLUMNS: readonly Summary[] = [
  { key: 'perSecond', title: 'acquisitions/s', digits: 0 },
  { key: 'toBaseline', of: 'perSecond', how: 'ratio', title: 'to baseline', digits: 2 },
  { key: 'toBaselineLeast', of: 'perSecond', how: 'ratioLeast', title: 'least', digits: 2 },
  { key: 'toBaselineMost', of: 'perSecond', how: 'ratioMost', title: 'most', digits: 2 },
  { key: 'section', title: 'section', digits: 2 },
  { key: 'mean', title: 'wait mean', digits: 1 },
  { key: 'p50', title: 'p50', digits: 1 },
  { key: 'p99', title: 'p99', digits: 1 },
  { key: 'longest', title: 'longest', digits: 1 },
  { key: 'toMean', title: 'longest / mean', digits: 1 },
  { key: 'toMeanMost', of: 'toMean', how: 'most', title: 'in the worst round', digits: 1 },
  { key: 'least', title: 'turns of a process, least', digits: 0 },
  { key: 'most', title: 'most', digits: 0 },
  { key: 'uneven', title: 'most / least', digits: 2 },
  { key: 'scripts', title: 'EVALSHA per acquisition', digits: 1 },
  { key: 'commands', title: 'commands sent', digits: 1 },
  { key: 'overlaps', how: 'sum', title: 'overlaps', digits: 0 },
  { key: 'failures', how: 'sum', title: 'failures', digits: 0 },
];

/** Everybody wants the same lock, holds it for a moment, and wants it again after a while. */
export async function load(setting: Setting, crowd: Crowd, budget: LoadBudget): Promise<Outcome> {
  const { contestants, own } = setting;
  const callers = crowd.processes * (crowd.redlocks ?? 1) * crowd.callers;
  // Others poll: far away, or with so many connections, they would show nothing new.
  const isPlain = crowd.away === undefined && crowd.redlocks === undefined;
  const names = isPlain ? contestants : own;
  const measures = Object.fromEntries(names.map((name) => [name, measure(setting, name, crowd, budget)]));
  const ideal = measure(setting, IDEAL, { processes: 1, callers }, budget);
  const rounds = await inRounds(
    budget.rounds,
    isPlain ? { [IDEAL]: ideal, ...measures } : measures,
    (name) => (isQuorlock(name) ? budget.rounds : budget.others),
  );
  const warmUp = budget.warmUp / 1_000;
  return {
    title: titleOf(crowd),
    notes: [
      `Medians of ${budget.rounds} rounds (${budget.others} for others) of ${budget.ms / 1_000} s, after ${warmUp} s that are left out; waits in ms.`,
      'Mean and percentiles: of the calls that began and were served in this time. Longest: also of those that began earlier or were never served; only the part inside of this time counts.',
      'EVALSHA: by commandstats of all five nodes. Commands sent: by clients, to all nodes together.',
      'Section: how long it was in fact, on average; timers are late by up to 1 ms, and how late depends on what else a process has to do.',
      ...(isPlain ? ['Ideal: a queue in memory in a single process, with as many callers.'] : []),
    ],
    ...withIdeal(summarize(rounds, COLUMNS)),
  };
}

function titleOf({ processes, redlocks = 1, callers, away = 0 }: Crowd): string {
  const process = processes === 1 ? '1 process' : `${processes} processes`;
  const redlock = redlocks === 1 ? '' : ` × ${redlocks} clients`;
  const caller = callers === 1 ? '1 caller' : `${callers} callers`;
  const far = away === 0 ? '' : `, nodes ${away} ms away`;
  return `${process}${redlock} × ${caller}, ${SECTION} ms section, ${THINK} ms think time${far}`;
}

function withIdeal(table: Pick<Outcome, 'columns' | 'rows'>): Pick<Outcome, 'columns' | 'rows'> {
  const best = figure({ ...table, title: '', notes: [] }, IDEAL, 'perSecond');
  if (Number.isNaN(best)) return table;
  const rows = Object.entries(table.rows).map(([name, row]) => [
    name,
    typeof row === 'string' ? row : { ...row, toIdeal: (row['perSecond'] ?? Number.NaN) / best },
  ]);
  const [first, ...rest] = table.columns;
  const toIdeal = { key: 'toIdeal', title: 'to ideal', digits: 2 };
  return { columns: [...(first ? [first] : []), toIdeal, ...rest], rows: Object.fromEntries(rows) };
}

function measure(setting: Setting, name: string, crowd: Crowd, budget: LoadBudget): Measure {
  const { fleet, servers } = setting;
  const { processes, redlocks: clients = 1, away = 0 } = crowd;
  const crew: Crew = { contestant: name, processes, clients };
  const run = (workers: readonly Worker[]): Promise<Figures> => underLoad(setting, workers, crowd, budget);
  if (away === 0) return () => fleet.with(crew, run);
  return () =>
    setting.withProxies(servers, async (proxies) => {
      await proxies.delay(...servers.map(() => away));
      return await fleet.with({ ...crew, urls: () => proxies.urls }, run);
    });
}

async function underLoad(
  { servers, fresh }: Setting,
  workers: readonly Worker[],
  { callers }: Crowd,
  { ms, warmUp }: LoadBudget,
): Promise<Figures> {
  const from = now() + 100;
  const window = { from: from + warmUp, until: from + warmUp + ms };
  const request = {
    resource: fresh(),
    clients: callers,
    section: SECTION,
    think: THINK,
    from,
    until: window.until,
    patience: PATIENCE,
  };
  const scripts = scriptsIn(servers, window);
  // A failure is reported below.
  scripts.catch(() => {});
  const replies = await Promise.all(
    workers.map((worker) => worker.call('load', request, warmUp + ms + 15_000)),
  );
  return figuresOf(replies, window, await scripts);
}

function figuresOf(replies: readonly LoadReply[], window: Window, scripts: number): Figures {
  const turns = replies.flatMap((reply) => reply.turns);
  const acquired = turns.filter(({ heldAt }) => heldAt < Number.MAX_VALUE);
  const won = wonIn(turns, window);
  const { sorted, mean, longest } = waitsIn(turns, window);
  const perProcess = replies.map((reply) => wonIn(reply.turns, window).length);
  return {
    perSecond: (won.length / (window.until - window.from)) * 1_000,
    section: total(won.map(({ heldAt, leftAt }) => leftAt - heldAt)) / won.length,
    mean,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    longest,
    toMean: longest / mean,
    least: Math.min(...perProcess),
    most: Math.max(...perProcess),
    uneven: Math.max(...perProcess) / Math.min(...perProcess),
    scripts: scripts / won.length,
    commands: total(replies.map(({ commands }) => commands)) / acquired.length,
    overlaps: overlapsOf(turns),
    failures: total(replies.map(({ failures }) => failures.length)),
  };
}
