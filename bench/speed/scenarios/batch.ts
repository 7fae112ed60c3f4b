import type { RedisServer } from '../../../test/support/redis-server.ts';
import type { Figures } from '../../support/outcome.ts';
import { OWN } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import { callsOf } from '../servers.ts';
import type { Setting } from '../setting.ts';

/** As many keys as leave in one command at most. */
const KEYS = 128;

/** For how long a server can do nothing else, when as much comes at once as may. */
export async function batch(setting: Setting): Promise<Finding> {
  const rows: Record<string, Figures> = {};
  for (const name of Object.keys(OWN)) rows[name] = await fullBatches(setting, name);
  return {
    outcomes: {
      batch: {
        title: `A full batch of ${KEYS} keys: how long the server is busy with one EVALSHA (µs)`,
        notes: [
          'By commandstats and latencystats of a single node. Locks per command: how many were in fact in one; the first command of all, which is alone, is left out.',
        ],
        columns: [
          { key: 'acquire', title: 'acquire, mean', digits: 0 },
          { key: 'acquireP99', title: 'p99', digits: 0 },
          { key: 'acquireMost', title: 'longest', digits: 0 },
          { key: 'acquireLocks', title: 'locks per command', digits: 1 },
          { key: 'release', title: 'release, mean', digits: 0 },
          { key: 'releaseP99', title: 'p99', digits: 0 },
          { key: 'releaseMost', title: 'longest', digits: 0 },
          { key: 'releaseLocks', title: 'locks per command', digits: 1 },
        ],
        rows,
      },
    },
    raw: rows,
  };
}

export function stepsOfBatch(): number {
  return Object.keys(OWN).length;
}

async function fullBatches(setting: Setting, name: string): Promise<Figures> {
  const { progress, fresh, budget } = setting;
  const { batches } = budget.batch;
  const [server] = (await setting.servers(1)) as [RedisServer];
  progress.step(name);
  return setting.with(name, [server], async (client) => {
    await client.release(await client.acquire(fresh()));
    const locks: unknown[] = [];
    await reset(server);
    for (let i = 0; i < batches; i++) {
      const taken = await Promise.all(Array.from({ length: KEYS }, () => client.acquire(fresh())));
      locks.push(...taken);
    }
    const acquire = await busy(server, batches);
    await reset(server);
    for (let i = 0; i < batches; i++) {
      await Promise.all(locks.slice(i * KEYS, (i + 1) * KEYS).map((lock) => client.release(lock)));
    }
    const release = await busy(server, batches);
    return {
      acquire: acquire.mean,
      acquireP99: acquire.p99,
      acquireMost: acquire.most,
      acquireLocks: acquire.locks,
      release: release.mean,
      releaseP99: release.p99,
      releaseMost: release.most,
      releaseLocks: release.locks,
    };
  });
}

async function reset(server: RedisServer): Promise<void> {
  await server.cli('CONFIG', 'SET', 'latency-tracking-info-percentiles', '99 100');
  await server.cli('CONFIG', 'RESETSTAT');
}

async function busy(
  server: RedisServer,
  batches: number,
): Promise<{ mean: number; p99: number; most: number; locks: number }> {
  const { calls, usec } = await callsOf(server, 'evalsha');
  const latencies = (await server.info('latency_percentiles_usec_evalsha')) ?? '';
  const [p99 = Number.NaN, most = Number.NaN] = latencies
    .split(',')
    .map((part) => Number(part.split('=')[1]));
  return { mean: usec / calls, p99, most, locks: (batches * KEYS) / calls };
}
