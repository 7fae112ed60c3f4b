import type { RedisServer } from '../../test/support/redis-server.ts';
import { Latencies } from '../support/latencies.ts';
import { closedLoop, type Load } from './closed-loop.ts';
import type { Contestant } from './contestants/contestant.ts';
import { cpuOf } from './servers.ts';

/** What one contestant did in one round; durations in ms, CPU in µs. An operation is an acquire and its release. */
export interface Sample {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of this process, per operation. */
  readonly clientCpu: number;
  /** Of all servers together, per operation. */
  readonly serverCpu: number;
  readonly failed: number;
}

/** How much longer than its load a contestant may take: peers may hang. */
const PATIENCE = 10_000;
/** Scripts and connections are there, and code has run, before anything counts. In ms. */
const WARM_UP = 200;

/**
 * No collection is forced before: it would also throw away what the compiler knows of objects of which there are none in
 * between, such as operations, and nobody who is in service pays for that.
 */
export async function measure(
  client: Contestant,
  servers: readonly RedisServer[],
  load: Load,
  warmUp: number = WARM_UP,
): Promise<Sample> {
  const pairs = new Latencies();
  await inTime(closedLoop(client, { ...load, ms: warmUp }, { pairs: new Latencies() }), warmUp);
  const atServers = await cpuOf(servers);
  const atClient = process.cpuUsage();
  const { elapsed, failed, failure } = await inTime(closedLoop(client, load, { pairs }), load.ms);
  const { user, system } = process.cpuUsage(atClient);
  const count = pairs.count;
  if (count === 0)
    throw failure instanceof Error ? failure : new Error(`nothing was done: ${String(failure)}`);
  return {
    perSecond: (count / elapsed) * 1_000,
    p50: pairs.percentile(0.5),
    p99: pairs.percentile(0.99),
    clientCpu: (user + system) / count,
    serverCpu: ((await cpuOf(servers)) - atServers) / count,
    failed,
  };
}

function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('hangs')), ms + PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
