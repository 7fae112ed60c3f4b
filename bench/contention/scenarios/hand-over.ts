import { setTimeout } from 'node:timers/promises';
import { Latencies } from '../../support/latencies.ts';
import type { Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import { type Contestant } from '../clients/contestants.ts';
import type { Setting } from '../setting.ts';
import { inTurns, type Trial } from '../turns.ts';
import type { Worker } from '../worker/fleet.ts';

const TTL = 10_000;
const ALONE = { close: 100, paced: 40 };
/** Code that runs for the first time is slow. */
const WARM_UP = 300;
/** A waiter has settled down, and its polls come at any time in relation to the release. */
const HELD = { least: 8, spread: 12 };

/** From the call of release in one process to the acquire that resolves in another. */
export async function handOver(
  setting: Setting,
  { contestants, handOver: budget }: Budget,
): Promise<Outcome> {
  const trials = contestants.map((name) => [name, trial(setting, name, budget)] as const);
  return {
    title: 'Hand-over between two processes (ms)',
    notes: [
      'From the call of release in one process to the acquire that resolves in the other, which was waiting.',
      'Alone: an acquire that nobody competes for, one after the other; paced: with a pause of 10 ms before each.',
    ],
    columns: [
      { key: 'p50', title: 'p50', digits: 2 },
      { key: 'p99', title: 'p99', digits: 2 },
      { key: 'max', title: 'max', digits: 1 },
      { key: 'alone', title: 'alone p50', digits: 2 },
      { key: 'paced', title: 'paced p50', digits: 2 },
      { key: 'ratio', title: 'p50 to alone', digits: 1 },
      { key: 'toPaced', title: 'to paced', digits: 1 },
      { key: 'count', title: 'hand-overs', digits: 0 },
    ],
    rows: await inTurns(budget.turns, Object.fromEntries(trials)),
  };
}

function trial({ fleet, random, fresh }: Setting, name: Contestant, budget: Budget['handOver']): Trial {
  const handed = new Latencies();
  const alone = new Latencies();
  const paced = new Latencies();
  const count = name === 'quorlock' ? budget.own : budget.others;
  const pause = (): number => HELD.least + random.fraction() * HELD.spread;
  return {
    measure: () =>
      fleet.with(name, 2, async (workers) => {
        const [first, second] = workers as [Worker, Worker];
        const resource = fresh();
        await Promise.all(
          workers.map((worker) => worker.call('alone', { resource: fresh(), count: WARM_UP, pause: 0 })),
        );
        record(alone, await first.call('alone', { resource, count: ALONE.close, pause: 0 }));
        record(paced, await first.call('alone', { resource, count: ALONE.paced, pause: 10 }));
        await passBackAndForth(first, second, fresh(), count, pause, handed);
      }),
    figures: () => {
      const p50 = handed.percentile(0.5);
      return {
        p50,
        p99: handed.percentile(0.99),
        max: handed.max,
        alone: alone.percentile(0.5),
        paced: paced.percentile(0.5),
        ratio: p50 / alone.percentile(0.5),
        toPaced: p50 / paced.percentile(0.5),
        count: handed.count,
      };
    },
  };
}

function record(into: Latencies, { took }: { readonly took: readonly number[] }): void {
  for (const ms of took) into.record(ms);
}

async function passBackAndForth(
  first: Worker,
  second: Worker,
  resource: string,
  count: number,
  pause: () => number,
  into: Latencies,
): Promise<void> {
  await first.call('acquire', { resource, ttl: TTL });
  let [holder, waiter] = [first, second];
  for (let i = 0; i < count; i++) {
    const next = waiter.call('acquire', { resource, ttl: TTL });
    // The await below may end by an error first; then this one is nobody's.
    next.catch(() => {});
    await setTimeout(pause());
    const { calledAt } = await holder.call('release', { resource });
    into.record((await next).heldAt - calledAt);
    [holder, waiter] = [waiter, holder];
  }
}
