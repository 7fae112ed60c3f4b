import { eventually } from './eventually.ts';
import { type RedisServer, startRedises } from './redis-server.ts';

export interface RedisCluster {
  startupNodes: { host: string; port: number }[];
  servers: RedisServer[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const MASTERS = 3;

/** Three masters without replicas, resolved when each serves its slots; Redis waits 2 s before it does. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const servers = await startRedises(MASTERS, {
    config: { 'cluster-enabled': 'yes', 'cluster-node-timeout': '1000' },
  });
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    await Promise.all(servers.map(assignSlots));
    await Promise.all(
      servers.slice(1).map((server) => server.cli('CLUSTER', 'MEET', '127.0.0.1', servers[0]?.port ?? 0)),
    );
    await Promise.all(servers.map((server) => eventually(() => isComplete(server))));
    return { startupNodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })), servers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Distinct epochs from the start, because nodes that share one only resolve that in time. */
async function assignSlots(server: RedisServer, index: number): Promise<void> {
  const first = Math.ceil((index * SLOTS) / MASTERS);
  const next = Math.ceil(((index + 1) * SLOTS) / MASTERS);
  await server.cli('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  await server.cli('CLUSTER', 'ADDSLOTSRANGE', first, next - 1);
}

async function isComplete(server: RedisServer): Promise<true | undefined> {
  const info = String(await server.cli('CLUSTER', 'INFO'));
  const complete =
    info.includes('cluster_state:ok') &&
    info.includes(`cluster_slots_ok:${SLOTS}`) &&
    info.includes('cluster_known_nodes:3');
  return complete || undefined;
}
