import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import type { Contestant } from '../clients/contestants.ts';
import { commandsExecuted, scriptsRun, total } from '../commandstats.ts';
import { inRounds, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';
import { percentile } from '../turns.ts';
import type { Crew, Worker } from '../worker/fleet.ts';
import type { Verbs } from '../worker/verbs.ts';

const WARM_UP = 600;
/** In ms; so long that everything else hardly counts. */
const AWAY = 20;

/** A lock that nobody else wants: what it costs must not depend on what is done for those that wait. */
export async function uncontended(setting: Setting, { uncontended: budget }: Budget): Promise<Outcome> {
  const measures = setting.own.map((name) => [name, () => measure(setting, name, budget)] as const);
  const measured = await inRounds(budget.rounds, Object.fromEntries(measures));
  return {
    title: 'A lock that nobody else wants',
    notes: [
      `One process, one lock at a time; medians of ${budget.rounds} rounds of ${budget.count} locks. Commands: for an acquire and its release, at all five nodes.`,
      `Round trips: the time that a call takes with nodes ${AWAY} ms away, by those ${AWAY} ms.`,
    ],
    ...summarize(measured, [
      { key: 'acquire', title: 'acquire p50, ms', digits: 3 },
      { key: 'acquireToBaseline', of: 'acquire', how: 'ratio', title: 'to baseline', digits: 2 },
      { key: 'release', title: 'release p50, ms', digits: 3 },
      { key: 'releaseToBaseline', of: 'release', how: 'ratio', title: 'to baseline', digits: 2 },
      { key: 'sent', title: 'commands sent', digits: 2 },
      { key: 'scripts', title: 'EVALSHA', digits: 2 },
      { key: 'executed', title: 'commands, those of scripts included', digits: 2 },
      { key: 'executedToBaseline', of: 'executed', how: 'ratio', title: 'to baseline', digits: 3 },
      { key: 'acquireTrips', title: 'round trips of acquire', digits: 2 },
      { key: 'releaseTrips', title: 'of release', digits: 2 },
    ]),
  };
}

async function measure(
  setting: Setting,
  name: Contestant,
  { count, farCount }: Budget['uncontended'],
): Promise<Figures> {
  const { servers, fleet, fresh } = setting;
  const crew: Crew = { contestant: name, processes: 1 };
  const near = await fleet.with(crew, async ([worker]) => {
    await alone(worker, fresh(), WARM_UP);
    const before = [total(await scriptsRun(servers)), total(await commandsExecuted(servers))] as const;
    const times = await alone(worker, fresh(), count);
    const after = [total(await scriptsRun(servers)), total(await commandsExecuted(servers))] as const;
    return {
      acquire: p50(times.took),
      release: p50(times.released),
      sent: times.commands / count,
      scripts: (after[0] - before[0]) / count,
      executed: (after[1] - before[1]) / count,
    };
  });
  const far = await setting.withProxies(servers, async (proxies) => {
    await proxies.delay(...servers.map(() => AWAY));
    return await fleet.with({ ...crew, urls: () => proxies.urls }, ([worker]) =>
      alone(worker, fresh(), farCount),
    );
  });
  return { ...near, acquireTrips: p50(far.took) / AWAY, releaseTrips: p50(far.released) / AWAY };
}

function alone(worker: Worker | undefined, resource: string, count: number): ReturnType<Verbs['alone']> {
  return (worker as Worker).call('alone', { resource, count, pause: 0 });
}

function p50(times: readonly number[]): number {
  return percentile(
    [...times].sort((a, b) => a - b),
    0.5,
  );
}
