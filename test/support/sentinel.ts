import { eventually } from './eventually.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

export interface SentinelSetup {
  sentinels: { host: string; port: number }[];
  /** Of the master, as clients have to name it to the sentinel. */
  name: string;
  /** The one that began as master; a failover makes it the replica. */
  master: RedisServer;
  replica: RedisServer;
  stop(): Promise<void>;
}

const NAME = 'quorlock';

/** A master, a replica and one sentinel, resolved when the sentinel could promote the replica. */
export async function startSentinel(): Promise<SentinelSetup> {
  const started: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    // The replica's first copy comes at once, not after the usual wait for more replicas.
    const master = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } });
    started.push(master);
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${master.port}` } });
    started.push(replica);
    await eventually(async () => ((await replica.info('master_link_status')) === 'up' ? true : undefined));

    const sentinel = await startRedis({
      args: ['--sentinel'],
      config: {
        'sentinel monitor': `${NAME} 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds': `${NAME} 500`,
        'sentinel failover-timeout': `${NAME} 1000`,
      },
    });
    started.push(sentinel);
    // A replica whose INFO the sentinel has not read yet cannot be promoted.
    await eventually(async () => {
      const replicas = JSON.stringify(await sentinel.cli('SENTINEL', 'REPLICAS', NAME));
      return replicas.includes('"master-link-status","ok"') ? true : undefined;
    });
    return { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: NAME, master, replica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
