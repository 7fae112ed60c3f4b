import { now } from '../../support/monotonic.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import type { Contestant } from '../clients/contestants.ts';
import { scriptsRun, total } from '../commandstats.ts';
import { inRounds, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';
import { longestGap, overlapsOf, percentile, wonIn } from '../turns.ts';

const SECTION = 2;

/** Very many clients want one lock for the first time, all at once, and each wants it once. */
export async function herd(setting: Setting, { herd: budget }: Budget): Promise<Outcome> {
  const { processes, redlocks, rounds, limit } = budget;
  const measures = setting.own.map((name) => [name, () => measure(setting, name, budget)] as const);
  const measured = await inRounds(rounds, Object.fromEntries(measures));
  return {
    title: `${processes * redlocks} clients that want one lock at once, from nothing`,
    notes: [
      `In ${processes} processes; connected, but none has waited before. Section ${SECTION} ms. After ${limit / 1_000} s nobody is waited for.`,
      'Longest without an acquisition: from the start to the last acquisition, or to the end if somebody is not served.',
    ],
    ...summarize(measured, [
      { key: 'clients', title: 'clients', digits: 0 },
      { key: 'served', title: 'served', digits: 0 },
      { key: 'seconds', title: 'seconds', digits: 1 },
      { key: 'perSecond', title: 'acquisitions/s', digits: 0 },
      { key: 'first', title: 'first after, ms', digits: 0 },
      { key: 'gap', title: 'longest without an acquisition, ms', digits: 0 },
      { key: 'scripts', title: 'EVALSHA per acquisition', digits: 1 },
      { key: 'p50', title: 'wait p50, ms', digits: 0 },
      { key: 'overlaps', how: 'sum', title: 'overlaps', digits: 0 },
      { key: 'failures', how: 'sum', title: 'failures', digits: 0 },
    ]),
  };
}

function measure(
  { fleet, servers, fresh }: Setting,
  name: Contestant,
  { processes, redlocks, limit }: Budget['herd'],
): Promise<Figures> {
  return fleet.with({ contestant: name, processes, clients: redlocks }, async (workers) => {
    const from = now() + 300;
    const until = from + limit;
    const before = total(await scriptsRun(servers));
    const request = {
      resource: fresh(),
      clients: 1,
      section: SECTION,
      think: 0,
      from,
      until,
      patience: 0,
      turns: 1,
    };
    const replies = await Promise.all(workers.map((worker) => worker.call('load', request, limit + 15_000)));
    const scripts = total(await scriptsRun(servers)) - before;
    const turns = replies.flatMap((reply) => reply.turns);
    const won = wonIn(turns, { from, until });
    const times = won.map(({ heldAt }) => heldAt).sort((a, b) => a - b);
    const last = won.length === processes * redlocks ? (times.at(-1) ?? until) : until;
    const waits = won.map(({ calledAt, heldAt }) => heldAt - calledAt).sort((a, b) => a - b);
    return {
      clients: processes * redlocks,
      served: won.length,
      seconds: (last - from) / 1_000,
      perSecond: (won.length / (last - from)) * 1_000,
      first: (times[0] ?? until) - from,
      gap: longestGap(won, { from, until: last }),
      scripts: scripts / won.length,
      p50: percentile(waits, 0.5),
      overlaps: overlapsOf(turns),
      failures: total(replies.map((reply) => reply.failures.length)),
    };
  });
}
