import type { Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { type Contestant } from '../clients/contestants.ts';
import type { Setting } from '../setting.ts';
import { inTurns, type Trial } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';

const TTL = 40_000;
const WAITERS = 100;

/** What it costs the nodes that many wait for a lock that is held all the time. */
export async function idle(setting: Setting, { contestants, idle: budget }: Budget): Promise<Outcome> {
  const trials = contestants.map((name) => {
    const ms = name === 'quorlock' ? budget.own : budget.others;
    return [name, trial(setting, name, ms)] as const;
  });
  return {
    title: `${WAITERS} waiters in one process, on a lock that is held by another`,
    notes: [
      'What their process sends, beginning with the first attempt, connections that it opens for that included.',
    ],
    columns: [
      { key: 'rate', title: 'commands per s and node', digits: 2 },
      { key: 'seconds', title: 'seconds', digits: 1 },
    ],
    rows: await inTurns(1, Object.fromEntries(trials)),
  };
}

function trial({ servers, fleet, fresh }: Setting, name: Contestant, ms: number): Trial {
  let commands = Number.NaN;
  return {
    measure: () =>
      fleet.with(name, 2, async (workers) => {
        const [holder, process] = workers as [Worker, Worker];
        const resource = fresh();
        await holder.call('acquire', { resource, ttl: TTL });
        ({ commands } = await process.call('idle', { resource, waiters: WAITERS, ms }, ms + 15_000));
      }),
    figures: () => ({ rate: (commands / ms / servers.length) * 1_000, seconds: ms / 1_000 }),
  };
}
