import type { Random } from '../../src/random.ts';
import { type RedisServer, startRedises } from '../../test/support/redis-server.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { bundle } from '../support/bundle.ts';
import { Fleet } from './worker/fleet.ts';

/** Five servers, and processes to use them. */
export interface Setting {
  readonly servers: readonly RedisServer[];
  readonly fleet: Fleet;
  readonly random: Random;
  /** A resource that nobody has used yet. */
  readonly fresh: () => string;
  close(): Promise<void>;
}

export async function openSetting(seed: number): Promise<Setting> {
  const servers = await startRedises(5);
  const bundled = await bundle('contention', { worker: 'contention/worker/main.ts' });
  const urls = servers.map(({ url }) => url);
  let serial = 0;
  return {
    servers,
    fleet: new Fleet(bundled.file('worker'), urls, seed),
    random: seededRandom(seed),
    fresh: () => `resource ${serial++}`,
    close: async () => {
      await Promise.all(servers.map((server) => server.stop()));
      await bundled.remove();
    },
  };
}
