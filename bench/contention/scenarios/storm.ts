import { setTimeout } from 'node:timers/promises';
import { now } from '../../support/monotonic.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import type { Budget } from '../budget.ts';
import type { Contestant } from '../clients/contestants.ts';
import { inRounds, summarize } from '../rounds.ts';
import type { Setting } from '../setting.ts';
import type { Worker } from '../worker/fleet.ts';

const TTL = 30_000;
/** For all that a release, or the holder's key that is gone, may set off. */
const SETTLED = 80;
/** Of five. */
const LACKING = 2;

/** How many attempts each release sets off, with many waiting processes and two nodes that do not know the holder. */
export async function storm(setting: Setting, { storm: budget }: Budget): Promise<Outcome> {
  const measures = setting.own.map((name) => [name, () => measure(setting, name, budget)] as const);
  const measured = await inRounds(1, Object.fromEntries(measures));
  return {
    title: `No storm: a holder on three of five nodes, ${budget.processes * budget.redlocks - 1} waiting clients`,
    notes: [
      `After each release, the next holder's key is deleted on ${LACKING} nodes; then it releases. An attempt is a fan-out with an owner token of its own.`,
      `Per waiter and release: the attempts in the ${SETTLED} ms after a release, by how many were waiting then. Held: attempts of all waiters while nobody releases.`,
    ],
    ...summarize(measured, [
      { key: 'mean', title: 'attempts per waiter and release', digits: 2 },
      { key: 'most', title: 'most, of all releases', digits: 2 },
      { key: 'held', title: 'held: attempts per waiter and s', digits: 2 },
      { key: 'releases', title: 'releases', digits: 0 },
    ]),
  };
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly waiting: number;
}

/** One client of a process. */
interface Client {
  readonly worker: Worker;
  readonly client: number;
}

function measure(
  { servers, fleet, fresh }: Setting,
  name: Contestant,
  { processes, redlocks, releases }: Budget['storm'],
): Promise<Figures> {
  let times: number[] = [];
  const released: Window[] = [];
  const held: Window[] = [];
  const attemptsIn = ({ from, to }: Window): number =>
    times.filter((time) => time >= from && time < to).length;

  const watch = async (into: Window[], waiting: number, from: number): Promise<void> => {
    await setTimeout(SETTLED);
    into.push({ from, to: now(), waiting });
  };

  const run = async ([first, ...others]: readonly Client[], resource: string): Promise<void> => {
    let holder = first as Client;
    await holder.worker.call('acquire', { resource, ttl: TTL, client: holder.client });
    const waiting = new Map(
      others.map((each) => {
        const call = each.worker.call('acquire', { resource, ttl: TTL, client: each.client }, 60_000);
        call.catch(() => {});
        return [each, call.then(() => each)];
      }),
    );
    await setTimeout(1_000);
    for (let i = 0; i < releases; i++) {
      const lacking = servers.slice(servers.length - LACKING);
      await Promise.all(lacking.map((server) => server.cli('DEL', resource)));
      await watch(held, waiting.size, now());
      const { calledAt } = await holder.worker.call('release', { resource, client: holder.client });
      holder = await Promise.race(waiting.values());
      await watch(released, waiting.size, calledAt);
      waiting.delete(holder);
    }
  };

  return fleet.with({ contestant: name, processes, clients: redlocks }, async (workers) => {
    const clients = Array.from({ length: redlocks }, (_, client) =>
      workers.map((worker) => ({ worker, client })),
    ).flat();
    await run(clients, fresh());
    const sent = await Promise.all(workers.map((worker) => worker.call('attempts', {})));
    times = sent.flatMap((reply) => reply.times);
    if (times.length === 0) throw new Error('no attempts were seen: is the wire format another one now?');
    const each = released.map((window) => attemptsIn(window) / window.waiting);
    const waited = held.reduce((sum, { from, to, waiting }) => sum + (to - from) * waiting, 0);
    return {
      mean: each.reduce((sum, ratio) => sum + ratio, 0) / each.length,
      most: Math.max(...each),
      held: (held.reduce((sum, window) => sum + attemptsIn(window), 0) / waited) * 1_000,
      releases: released.length,
    };
  });
}
