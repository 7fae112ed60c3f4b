import type { Random } from '../../src/random.ts';
import { type RedisServer, startRedises } from '../../test/support/redis-server.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { type Bundled, bundle } from '../support/bundle.ts';
import { type Proxies, startProxies } from '../support/proxies/proxies.ts';
import { BASELINE, type Contestant, isQuorlock } from './clients/contestants.ts';
import { Fleet } from './worker/fleet.ts';

const NODES = 5;

/** Five servers, processes to use them, and who competes. */
export interface Setting {
  readonly contestants: readonly Contestant[];
  /** This checkout, and the baseline if there is one. */
  readonly own: readonly Contestant[];
  readonly servers: readonly RedisServer[];
  readonly fleet: Fleet;
  readonly random: Random;
  /** A resource that nobody has used yet. */
  readonly fresh: () => string;
  /** Runs `task` with servers that are started for it, to which anything may happen. */
  withServers<T>(task: (servers: readonly RedisServer[]) => Promise<T>): Promise<T>;
  /** Runs `task` with proxies in front of servers. */
  withProxies<T>(servers: readonly RedisServer[], task: (proxies: Proxies) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** `baseline`: the folder of the other checkout. */
export async function openSetting(
  seed: number,
  contestants: readonly Contestant[],
  baseline: string | undefined,
): Promise<Setting> {
  const worker = 'contention/worker/main.ts';
  const bundled = await bundle('contention', { proxies: 'support/proxies/main.ts', worker });
  const based =
    baseline === undefined ? undefined : await bundle('contention-baseline', { worker }, baseline);
  const fileOf = (contestant: string): string =>
    (contestant === BASELINE ? (based as Bundled) : bundled).file('worker');
  const servers = await startRedises(NODES);
  let serial = 0;
  return {
    contestants,
    own: contestants.filter(isQuorlock),
    servers,
    fleet: new Fleet(fileOf, urlsOf(servers), seed),
    random: seededRandom(seed),
    fresh: () => `resource ${serial++}`,
    withServers: async (task) => {
      const fresh = await startRedises(NODES);
      try {
        return await task(fresh);
      } finally {
        await Promise.all(fresh.map((server) => server.stop()));
      }
    },
    withProxies: async (behind, task) => {
      const proxies = await startProxies(
        behind.map(({ port }) => port),
        bundled.file('proxies'),
      );
      try {
        return await task(proxies);
      } finally {
        proxies.stop();
      }
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.stop()));
      await Promise.all([bundled.remove(), based?.remove()]);
    },
  };
}

export function urlsOf(servers: readonly RedisServer[]): string[] {
  return servers.map(({ url }) => url);
}
