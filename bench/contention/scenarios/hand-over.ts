import { setTimeout } from 'node:timers/promises';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { type Contestant, isQuorlock } from '../clients/contestants.ts';
import { inRounds, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';
import { percentile } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';

const TTL = 10_000;
const ALONE = { close: 100, paced: 40 };
/** Code that runs for the first time is slow. */
const WARM_UP = 300;
/** A waiter has settled down, and its polls come at any time in relation to the release. */
const HELD = { least: 8, spread: 12 };

/** From the call of release in one process to the acquire that resolves in another. */
export async function handOver(setting: Setting, { handOver: budget }: Budget): Promise<Outcome> {
  const measures = setting.contestants.map((name) => [name, () => measure(setting, name, budget)] as const);
  const measured = await inRounds(budget.rounds, Object.fromEntries(measures));
  return {
    title: 'Hand-over between two processes (ms)',
    notes: [
      'From the call of release in one process to the acquire that resolves in the other, which was waiting.',
      'Alone: an acquire that nobody competes for, one after the other; paced: with a pause of 10 ms before each.',
    ],
    ...summarize(measured, [
      { key: 'p50', title: 'p50', digits: 2 },
      { key: 'toBaseline', of: 'p50', how: 'ratio', title: 'to baseline', digits: 2 },
      { key: 'p99', title: 'p99', digits: 2 },
      { key: 'max', how: 'most', title: 'max', digits: 1 },
      { key: 'alone', title: 'alone p50', digits: 2 },
      { key: 'paced', title: 'paced p50', digits: 2 },
      { key: 'ratio', title: 'p50 to alone', digits: 1 },
      { key: 'toPaced', title: 'to paced', digits: 1 },
      { key: 'count', how: 'sum', title: 'hand-overs', digits: 0 },
    ]),
  };
}

function measure(
  { fleet, random, fresh }: Setting,
  name: Contestant,
  budget: Budget['handOver'],
): Promise<Figures> {
  const count = isQuorlock(name) ? budget.own : budget.others;
  const pause = (): number => HELD.least + random.fraction() * HELD.spread;
  return fleet.with({ contestant: name, processes: 2 }, async (workers) => {
    const [first, second] = workers as [Worker, Worker];
    const resource = fresh();
    await Promise.all(
      workers.map((worker) => worker.call('alone', { resource: fresh(), count: WARM_UP, pause: 0 })),
    );
    const alone = await first.call('alone', { resource, count: ALONE.close, pause: 0 });
    const paced = await first.call('alone', { resource, count: ALONE.paced, pause: 10 });
    const handed = await passBackAndForth(first, second, fresh(), count, pause);
    const [p50, aloneP50, pacedP50] = [handed, alone.took, paced.took].map((times) => at(times, 0.5)) as [
      number,
      number,
      number,
    ];
    return {
      p50,
      p99: at(handed, 0.99),
      max: at(handed, 1),
      alone: aloneP50,
      paced: pacedP50,
      ratio: p50 / aloneP50,
      toPaced: p50 / pacedP50,
      count: handed.length,
    };
  });
}

function at(times: readonly number[], fraction: number): number {
  return percentile(
    [...times].sort((a, b) => a - b),
    fraction,
  );
}

async function passBackAndForth(
  first: Worker,
  second: Worker,
  resource: string,
  count: number,
  pause: () => number,
): Promise<number[]> {
  const took: number[] = [];
  await first.call('acquire', { resource, ttl: TTL });
  let [holder, waiter] = [first, second];
  for (let i = 0; i < count; i++) {
    const next = waiter.call('acquire', { resource, ttl: TTL });
    // The await below may end by an error first; then this one is nobody's.
    next.catch(() => {});
    await setTimeout(pause());
    const { calledAt } = await holder.call('release', { resource });
    took.push((await next).heldAt - calledAt);
    [holder, waiter] = [waiter, holder];
  }
  return took;
}
