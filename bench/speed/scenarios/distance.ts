import { Redis } from 'ioredis';
import { Latencies } from '../../support/latencies.ts';
import type { Figures } from '../../support/outcome.ts';
import { startProxies } from '../../support/proxies/proxies.ts';
import { atQuorum } from '../../support/raw.ts';
import { record } from '../../support/record.ts';
import { OWN_AND_RAW } from '../budget.ts';
import { closedLoop } from '../closed-loop.ts';
import type { Contestant } from '../contestants/contestant.ts';
import { openerOf } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import { type Setting, TERMS } from '../setting.ts';

const NODES = 5;
const QUORUM = 3;
/** In ms. */
const WARM_UP = 300;

/** Nodes that are far away: an acquire, and a release, should take one round trip to the third-fastest of them. */
export async function distance(setting: Setting): Promise<Finding> {
  const { budget, progress, fresh } = setting;
  const { roundTrips, pairs, ms: atLeast } = budget.distance;
  const servers = await setting.servers(NODES);
  const proxies = await startProxies(servers.map(({ port }) => port));
  const rows: Record<string, Record<string, Figures>> = {};
  try {
    for (const roundTrip of roundTrips) {
      await proxies.delay(...servers.map(() => roundTrip));
      const estimate = await pingAtQuorum(proxies.urls, pairs);
      const measured: [string, Figures][] = [];
      for (const name of OWN_AND_RAW) {
        progress.step(`${name}, ${roundTrip} ms away`);
        const client = await openerOf(name)(proxies.urls, TERMS);
        const ms = Math.max(atLeast, 2 * (roundTrip + 1) * pairs);
        measured.push([name, await farAway(client, { inFlight: 1, ms, fresh }, estimate)]);
        await client.close();
      }
      rows[String(roundTrip)] = Object.fromEntries(measured);
    }
  } finally {
    proxies.stop();
  }
  const outcomes = record(roundTrips, (roundTrip) => ({
    title: `Nodes ${roundTrip} ms away (round trip), 1 in flight (ms)`,
    notes: ['Estimate: PING to all five nodes by the same way, until three have answered; median.'],
    columns: [
      { key: 'estimate', title: 'estimate', digits: 2 },
      { key: 'acquire', title: 'acquire p50', digits: 2 },
      { key: 'acquireRatio', title: 'to estimate', digits: 2 },
      { key: 'release', title: 'release p50', digits: 2 },
      { key: 'releaseRatio', title: 'to estimate', digits: 2 },
      { key: 'acquireP99', title: 'acquire p99', digits: 2 },
      { key: 'count', title: 'pairs', digits: 0 },
    ],
    rows: rows[String(roundTrip)] ?? {},
  }));
  return {
    outcomes,
    raw: rows,
  };
}

export function stepsOfDistance({ budget: { distance } }: Pick<Setting, 'budget'>): number {
  return distance.roundTrips.length * OWN_AND_RAW.length;
}

async function farAway(
  client: Contestant,
  load: { inFlight: number; ms: number; fresh: () => string },
  estimate: number,
): Promise<Figures> {
  const [pairs, acquires, releases] = [new Latencies(), new Latencies(), new Latencies()];
  // The first contact takes more than one round trip.
  const first = await client.acquire(load.fresh());
  await client.release(first);
  await closedLoop(client, { ...load, ms: WARM_UP }, { pairs: new Latencies() });
  await closedLoop(client, load, { pairs, acquires, releases });
  const acquire = acquires.percentile(0.5);
  const release = releases.percentile(0.5);
  return {
    estimate,
    acquire,
    acquireRatio: acquire / estimate,
    release,
    releaseRatio: release / estimate,
    acquireP99: acquires.percentile(0.99),
    count: pairs.count,
  };
}

async function pingAtQuorum(urls: readonly string[], count: number): Promise<number> {
  const nodes = urls.map((url) => new Redis(url));
  const times = new Latencies();
  await Promise.all(nodes.map((node) => node.ping()));
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await atQuorum(
      nodes.map((node) => node.ping()),
      (reply) => reply === 'PONG',
      QUORUM,
    );
    times.record(performance.now() - began);
  }
  for (const node of nodes) node.disconnect();
  return times.percentile(0.5);
}
