import { setTimeout } from 'node:timers/promises';
import type { RedisServer } from '../../../test/support/redis-server.ts';
import { Latencies } from '../../support/latencies.ts';
import { wallToMonotonic } from '../../support/monotonic.ts';
import type { Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { type Contestant, keyOf } from '../clients/contestants.ts';
import type { Setting } from '../setting.ts';
import { inTurns, type Trial } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';

const TTL = 1_200;
/** Between two locks of the process that dies, so that they do not expire at once. */
const APART = 37;

/** A holder is killed. How long after its keys have expired does somebody else hold? */
export async function death(setting: Setting, { contestants, death: budget }: Budget): Promise<Outcome> {
  const trials = contestants.map((name) => [name, trial(setting, name, budget.locks)] as const);
  return {
    title: 'A holder that dies without releasing (ms)',
    notes: ["From the expiry of the quorum's keys, by PEXPIRETIME, to the acquire that resolves elsewhere."],
    columns: [
      { key: 'p50', title: 'p50', digits: 1 },
      { key: 'max', title: 'longest', digits: 1 },
      { key: 'count', title: 'locks', digits: 0 },
    ],
    rows: await inTurns(budget.turns, Object.fromEntries(trials)),
  };
}

function trial({ servers, fleet, fresh }: Setting, name: Contestant, locks: number): Trial {
  const late = new Latencies();
  return {
    measure: () =>
      fleet.with(name, 2, async (workers) => {
        const [victim, heir] = workers as [Worker, Worker];
        const resources = Array.from({ length: locks }, fresh);
        const held = new Map<string, Promise<{ heldAt: number }>>();
        const expiries = new Map<string, number>();
        for (const resource of resources) {
          await victim.call('acquire', { resource, ttl: TTL });
          // Votes may come in after the lock was won.
          await setTimeout(5);
          expiries.set(resource, await quorumExpires(servers, keyOf(name, resource)));
          const next = heir.call('acquire', { resource, ttl: TTL });
          next.catch(() => {});
          held.set(resource, next);
          await setTimeout(APART);
        }
        victim.kill();
        const offset = wallToMonotonic();
        for (const [resource, next] of held) {
          late.record((await next).heldAt - (expiries.get(resource) ?? Number.NaN) - offset);
        }
      }),
    figures: () => ({ p50: late.percentile(0.5), max: late.max, count: late.count }),
  };
}

/** When a majority of the nodes no longer has the key, by the servers' wall clock. */
async function quorumExpires(servers: readonly RedisServer[], key: string): Promise<number> {
  const times = await Promise.all(servers.map((server) => server.cli('PEXPIRETIME', key)));
  const quorum = Math.floor(servers.length / 2) + 1;
  return times.map(Number).sort((a, b) => a - b)[quorum - 1] ?? Number.NaN;
}
