import { setTimeout } from 'node:timers/promises';
import type { RedisServer } from '../../../test/support/redis-server.ts';
import { wallToMonotonic } from '../../support/monotonic.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { type Contestant, keyOf } from '../clients/contestants.ts';
import { inRounds, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';
import { percentile } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';

const TTL = 1_200;
/** Between two locks of the process that dies, so that they do not expire at once. */
const APART = 37;

/** A holder is killed. How long after its keys have expired does somebody else hold? */
export async function death(setting: Setting, { death: { rounds, locks } }: Budget): Promise<Outcome> {
  const measures = setting.contestants.map((name) => [name, () => measure(setting, name, locks)] as const);
  const measured = await inRounds(rounds, Object.fromEntries(measures));
  return {
    title: 'A holder that dies without releasing (ms)',
    notes: ["From the expiry of the quorum's keys, by PEXPIRETIME, to the acquire that resolves elsewhere."],
    ...summarize(measured, [
      { key: 'p50', title: 'p50', digits: 1 },
      { key: 'max', how: 'most', title: 'longest', digits: 1 },
      { key: 'count', how: 'sum', title: 'locks', digits: 0 },
    ]),
  };
}

function measure({ servers, fleet, fresh }: Setting, name: Contestant, locks: number): Promise<Figures> {
  return fleet.with({ contestant: name, processes: 2 }, async (workers) => {
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
    const late: number[] = [];
    for (const [resource, next] of held) {
      late.push((await next).heldAt - (expiries.get(resource) ?? Number.NaN) - offset);
    }
    late.sort((a, b) => a - b);
    return { p50: percentile(late, 0.5), max: percentile(late, 1), count: late.length };
  });
}

/** When a majority of the nodes no longer has the key, by the servers' wall clock. */
async function quorumExpires(servers: readonly RedisServer[], key: string): Promise<number> {
  const times = await Promise.all(servers.map((server) => server.cli('PEXPIRETIME', key)));
  const quorum = Math.floor(servers.length / 2) + 1;
  return times.map(Number).sort((a, b) => a - b)[quorum - 1] ?? Number.NaN;
}
