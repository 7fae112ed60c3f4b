import type { RedisServer } from '../../test/support/redis-server.ts';

/** What the servers have used of processors since they were started, together, in µs; those that answer. */
export async function cpuOf(servers: readonly RedisServer[]): Promise<number> {
  const used = await Promise.all(
    servers
      .filter((server) => server.reachable)
      .map(async (server) => {
        const info = String(await server.cli('INFO', 'cpu'));
        return secondsOf(info, 'used_cpu_user') + secondsOf(info, 'used_cpu_sys');
      }),
  );
  return used.reduce((sum, seconds) => sum + seconds, 0) * 1e6;
}

function secondsOf(info: string, field: string): number {
  return Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(info)?.[1]);
}

/** How often one command was called, and how many µs it took in all, since the last reset. */
export async function callsOf(
  server: RedisServer,
  command: string,
): Promise<{ readonly calls: number; readonly usec: number }> {
  const line = (await server.info(`cmdstat_${command}`)) ?? '';
  const of = (field: string): number => Number(new RegExp(`${field}=([\\d.]+)`).exec(line)?.[1] ?? 0);
  return { calls: of('calls'), usec: of('usec') };
}

/** Nobody's locks and counters, so that everybody finds the same servers. */
export async function empty(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.cli('FLUSHALL', 'SYNC')));
}
