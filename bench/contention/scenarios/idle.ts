import { now } from '../../support/monotonic.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { type Contestant, isQuorlock } from '../clients/contestants.ts';
import { scriptsIn, total } from '../commandstats.ts';
import { inRounds, joined, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';

const TTL = 40_000;
/** What comes before are first attempts and new connections. */
const SETTLE = 1_500;

interface Waiters {
  readonly processes: number;
  /** Clients of the library in each process. */
  readonly redlocks: number;
  /** Of each of them. */
  readonly callers: number;
}

/** One client sends for all of its callers; and clients that each have to send for themselves. */
export const WAITERS: Readonly<Record<string, Waiters>> = {
  '100 in one client': { processes: 1, redlocks: 1, callers: 100 },
  '32 clients': { processes: 4, redlocks: 8, callers: 1 },
};

/** What it costs the nodes that many wait for a lock that is held all the time. */
export async function idle(setting: Setting, { idle: budget }: Budget): Promise<Outcome> {
  const parts: Record<string, Pick<Outcome, 'columns' | 'rows'>> = {};
  for (const [name, waiters] of Object.entries(WAITERS)) {
    const measures = setting.contestants.map((contestant) => {
      const ms = isQuorlock(contestant) ? budget.own : budget.others;
      return [contestant, () => measure(setting, contestant, waiters, ms)] as const;
    });
    parts[name] = summarize(await inRounds(1, Object.fromEntries(measures)), [
      { key: 'each', title: 'commands/s of a waiter', digits: 2 },
      { key: 'scripts', title: 'EVALSHA/s of a waiter', digits: 2 },
      { key: 'rate', title: 'commands/s of all, to a node', digits: 2 },
      { key: 'seconds', title: 'seconds', digits: 1 },
    ]);
  }
  return {
    title: 'Waiting for a lock that is held all the time',
    notes: [
      `What the waiting processes send, beginning ${SETTLE / 1_000} s after the first attempts; checks of connections included. EVALSHA: by commandstats of all nodes.`,
    ],
    ...joined(parts),
  };
}

function measure(
  { servers, fleet, fresh }: Setting,
  name: Contestant,
  { processes, redlocks, callers }: Waiters,
  ms: number,
): Promise<Figures> {
  return fleet.with({ contestant: name, processes: 1 }, ([holder]) =>
    fleet.with({ contestant: name, processes, clients: redlocks }, async (workers) => {
      const resource = fresh();
      await holder?.call('acquire', { resource, ttl: TTL });
      const from = now() + SETTLE;
      const scripts = scriptsIn(servers, { from, until: from + ms });
      const replies = await Promise.all(
        workers.map((worker) =>
          worker.call('idle', { resource, waiters: callers, settle: SETTLE, ms }, ms + 15_000),
        ),
      );
      const commands = total(replies.map((reply) => reply.commands));
      const waiterSeconds = (processes * redlocks * callers * ms) / 1_000;
      return {
        each: commands / waiterSeconds,
        scripts: (await scripts) / waiterSeconds,
        rate: (commands / ms / servers.length) * 1_000,
        seconds: ms / 1_000,
      };
    }),
  );
}
