import { setTimeout } from 'node:timers/promises';
import type { RedisServer } from '../../../test/support/redis-server.ts';
import { now } from '../../support/monotonic.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import type { Contestant } from '../clients/contestants.ts';
import { inRounds, joined, summarize } from '../rounds.ts';
import { type Setting, urlsOf } from '../setting.ts';
import { percentile } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';
import type { TryReply } from '../worker/verbs.ts';

const PROCESSES = 4;
const TTL = 10_000;
/** From the request to all processes to the moment at which they call, in ms. */
const LEAD = 4;
/** Until a node that was killed is known to be down, in ms. */
const NOTICED = 300;

/** Servers that are killed before, of five. */
export const DOWN: Readonly<Record<string, number>> = { 'five nodes': 0, 'two of them down': 2 };

/** Several processes call `tryAcquire` in the same millisecond on a resource that nobody holds: exactly one should get it. */
export async function tries(setting: Setting, { tries: budget }: Budget): Promise<Outcome> {
  const parts: Record<string, Pick<Outcome, 'columns' | 'rows'>> = {};
  for (const [part, down] of Object.entries(DOWN)) {
    const measures = setting.own.map(
      (name) => [name, () => measure(setting, name, down, budget.tries)] as const,
    );
    parts[part] = summarize(await inRounds(budget.rounds, Object.fromEntries(measures)), [
      { key: 'tries', how: 'sum', title: 'rounds', digits: 0 },
      { key: 'one', how: 'sum', title: 'one got it', digits: 0 },
      { key: 'none', how: 'sum', title: 'nobody', digits: 0 },
      { key: 'several', how: 'sum', title: 'several', digits: 0 },
      { key: 'errors', how: 'sum', title: 'errors', digits: 0 },
      { key: 'won', title: 'lock after, p50 ms', digits: 2 },
      { key: 'lost', title: 'null after, p50', digits: 2 },
      { key: 'longest', how: 'most', title: 'longest call', digits: 1 },
      { key: 'apart', title: 'calls apart, p50 ms', digits: 2 },
    ]);
  }
  return {
    title: `${PROCESSES} processes call tryAcquire on a free resource in the same millisecond`,
    notes: [
      'A fresh resource in each round. The lock is kept until all calls have returned, so a null is right only if another call got the lock.',
    ],
    ...joined(parts),
  };
}

function measure(setting: Setting, name: Contestant, down: number, count: number): Promise<Figures> {
  return setting.withServers((servers) =>
    setting.fleet.with(
      { contestant: name, processes: PROCESSES, urls: () => urlsOf(servers) },
      async (workers) => {
        await kill(servers.slice(servers.length - down));
        const rounds: TryReply[][] = [];
        for (let i = 0; i < count; i++) rounds.push(await round(workers, setting.fresh()));
        return figuresOf(rounds);
      },
    ),
  );
}

async function kill(servers: readonly RedisServer[]): Promise<void> {
  if (servers.length === 0) return;
  await Promise.all(servers.map((server) => server.kill()));
  await setTimeout(NOTICED);
}

async function round(workers: readonly Worker[], resource: string): Promise<TryReply[]> {
  const at = now() + LEAD;
  const replies = await Promise.all(
    workers.map((worker) => worker.call('tryAt', { resource, ttl: TTL, at })),
  );
  const winners = workers.filter((_, i) => replies[i]?.result === 'lock');
  await Promise.all(winners.map((worker) => worker.call('release', { resource })));
  return replies;
}

function figuresOf(rounds: readonly (readonly TryReply[])[]): Figures {
  const winners = rounds.map((replies) => replies.filter(({ result }) => result === 'lock').length);
  const calls = rounds.flat();
  const took = (wanted: TryReply['result']): number[] =>
    calls
      .filter(({ result }) => result === wanted)
      .map((call) => call.took)
      .sort((a, b) => a - b);
  const apart = rounds.map((replies) => {
    const times = replies.map(({ calledAt }) => calledAt);
    return Math.max(...times) - Math.min(...times);
  });
  return {
    tries: rounds.length,
    one: winners.filter((count) => count === 1).length,
    none: winners.filter((count) => count === 0).length,
    several: winners.filter((count) => count > 1).length,
    errors: took('error').length,
    won: percentile(took('lock'), 0.5),
    lost: percentile(took('null'), 0.5),
    longest: Math.max(...calls.map((call) => call.took)),
    apart: percentile(
      apart.sort((a, b) => a - b),
      0.5,
    ),
  };
}
