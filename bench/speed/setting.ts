import type { Random } from '../../src/random.ts';
import { type RedisServer, startRedises } from '../../test/support/redis-server.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import type { Budget } from './budget.ts';
import type { Contestant, Open, Terms } from './contestants/contestant.ts';
import { openerOf } from './contestants/contestants.ts';
import type { Progress } from './progress.ts';
import { empty } from './servers.ts';

/** Long enough that no lock of a load expires. */
export const TERMS: Terms = { ttl: 10_000, autoExtend: false };

/** Servers, and what everybody needs to measure something on them. */
export interface Setting {
  readonly budget: Budget;
  readonly random: Random;
  readonly progress: Progress;
  /** A resource that nobody has used yet. */
  readonly fresh: () => string;
  servers(count: number): Promise<readonly RedisServer[]>;
  /** Runs `task` with a contestant that is opened for it, on servers that are empty. */
  with<T>(
    contestant: string | Open,
    servers: readonly RedisServer[],
    task: (client: Contestant) => Promise<T>,
    terms?: Partial<Terms>,
  ): Promise<T>;
  close(): Promise<void>;
}

export function openSetting(seed: number, budget: Budget, progress: Progress): Setting {
  const random = seededRandom(seed);
  const running: RedisServer[] = [];
  let serial = 0;
  return {
    budget,
    random,
    progress,
    fresh: () =>
      `resource ${Math.floor(random.fraction() * 2 ** 32).toString(36)} ${(serial++).toString(36)}`,
    servers: async (count) => {
      if (running.length < count) running.push(...(await startRedises(count - running.length)));
      return running.slice(0, count);
    },
    with: async (contestant, servers, task, terms) => {
      await empty(servers);
      const open = typeof contestant === 'string' ? openerOf(contestant) : contestant;
      const client = await open(
        servers.map(({ url }) => url),
        { ...TERMS, ...terms },
      );
      try {
        return await task(client);
      } finally {
        await client.close();
      }
    },
    close: async () => {
      await Promise.all(running.splice(0).map((server) => server.stop()));
    },
  };
}
