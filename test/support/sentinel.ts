import { eventually } from './eventually.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

export interface SentinelSetup {
  sentinels: { host: string; port: number }[];
  /** Of the master, as clients have to name it to the sentinel. */
  name: string;
  /** The one that began as master; a failover makes it a replica. */
  master: RedisServer;
  /** The one that a failover promotes. A second one remains, so that the new master has a replica too. */
  replica: RedisServer;
  stop(): Promise<void>;
}

const NAME = 'quorlock';

/** As every server of the group needs it: a master that has lost its replicas takes no writes. */
const WRITES_WITH_A_REPLICA = { 'min-replicas-to-write': '1', 'min-replicas-max-lag': '10' };

/** A master, two replicas and one sentinel, resolved when the sentinel could promote the first of them. */
export async function startSentinel(): Promise<SentinelSetup> {
  const started: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    // The replica's first copy comes at once, not after the usual wait for more replicas.
    const common = { ...WRITES_WITH_A_REPLICA, 'repl-diskless-sync-delay': '0' };
    const master = await startRedis({ config: common });
    started.push(master);
    const replicaof = `127.0.0.1 ${master.port}`;
    const replica = await startRedis({ config: { ...common, replicaof } });
    started.push(replica);
    const second = await startRedis({ config: { ...common, replicaof, 'replica-priority': '0' } });
    started.push(second);
    await eventually(async () => ((await master.info('min_slaves_good_slaves')) === '2' ? true : undefined));

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
      return replicas.split('"master-link-status","ok"').length === 3 ? true : undefined;
    });
    return { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: NAME, master, replica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
