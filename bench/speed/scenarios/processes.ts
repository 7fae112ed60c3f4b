import { now } from '../../support/monotonic.ts';
import { record } from '../../support/record.ts';
import { median } from '../../support/statistics.ts';
import { OWN_AND_RAW } from '../budget.ts';
import { compare } from '../comparison.ts';
import { RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import type { Sample } from '../measure.ts';
import { inRounds } from '../rounds.ts';
import { cpuOf, empty } from '../servers.ts';
import { type Setting, TERMS } from '../setting.ts';
import { type Worker, withWorkers } from '../worker/fleet.ts';

const NODES = 5;
const IN_FLIGHT = 16;
/** Until all processes have been told. */
const HEAD_START = 100;

/** How throughput grows with the processes that ask. */
export function processes(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const { rounds, counts } = budget.processes;
  return withWorkers(Math.max(...counts), async (workers) => {
    const groups = record(counts, (count) => ({
      trials: record(OWN_AND_RAW, (name) => () => together(setting, name, workers.slice(0, count))),
    }));
    const raw = await inRounds(rounds, groups, random, progress.step);
    const outcomes = record(counts, (count) =>
      compare(
        `${count === 1 ? '1 process' : `${count} processes`} × ${IN_FLIGHT} in flight, ${NODES} nodes`,
        raw[count] ?? {},
        RAW,
      ),
    );
    return {
      outcomes,
      raw,
    };
  });
}

export function stepsOfProcesses({ budget: { processes } }: Pick<Setting, 'budget'>): number {
  return processes.rounds * processes.counts.length * OWN_AND_RAW.length;
}

async function together(setting: Setting, name: string, workers: readonly Worker[]): Promise<Sample> {
  const servers = await setting.servers(NODES);
  const urls = servers.map(({ url }) => url);
  const { ms } = setting.budget.processes;
  await empty(servers);
  await Promise.all(workers.map((worker) => worker.call('open', { name, urls, terms: TERMS })));
  const atServers = await cpuOf(servers);
  const from = now() + HEAD_START;
  const replies = await Promise.all(
    workers.map((worker) => worker.call('load', { inFlight: IN_FLIGHT, from, ms })),
  );
  const count = sum(replies.map((reply) => reply.count));
  return {
    perSecond: sum(replies.map((reply) => reply.perSecond)),
    p50: median(replies.map((reply) => reply.p50)),
    p99: median(replies.map((reply) => reply.p99)),
    clientCpu: sum(replies.map((reply) => reply.clientCpu * reply.count)) / count,
    serverCpu: ((await cpuOf(servers)) - atServers) / count,
    failed: sum(replies.map((reply) => reply.failed)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
