import type { Random } from '../../src/random.ts';
import { type RedisServer, startRedises } from '../../test/support/redis-server.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import type { Budget } from './budget.ts';
import type { Load } from './closed-loop.ts';
import type { Contestant, Open, Terms } from './contestants/contestant.ts';
import { openerOf } from './contestants/contestants.ts';
import { measure, type Sample } from './measure.ts';
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
  /**
   * Measures a contestant on servers that are empty. It is opened for its first round and stays open for the others, as in a
   * service: what the compiler has learned of a client's objects it forgets with the last of them.
   */
  measure(
    contestant: string | Open,
    servers: readonly RedisServer[],
    load: Omit<Load, 'fresh'>,
  ): Promise<Sample>;
  /** Closes whoever was measured. */
  dismiss(): Promise<void>;
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
  const opened = new Map<Open, Map<number, Contestant>>();
  let serial = 0;
  const fresh = (): string =>
    `resource ${Math.floor(random.fraction() * 2 ** 32).toString(36)} ${(serial++).toString(36)}`;
  const dismiss = async (): Promise<void> => {
    const clients = [...opened.values()].flatMap((byCount) => Array.from(byCount.values()));
    opened.clear();
    await Promise.all(clients.map((client) => client.close()));
  };
  return {
    budget,
    random,
    progress,
    fresh,
    servers: async (count) => {
      if (running.length < count) running.push(...(await startRedises(count - running.length)));
      return running.slice(0, count);
    },
    measure: async (contestant, servers, load) => {
      const open = typeof contestant === 'string' ? openerOf(contestant) : contestant;
      const byCount = opened.get(open) ?? new Map<number, Contestant>();
      opened.set(open, byCount);
      const client =
        byCount.get(servers.length) ??
        (await open(
          servers.map(({ url }) => url),
          TERMS,
        ));
      byCount.set(servers.length, client);
      await empty(servers);
      return measure(client, servers, { ...load, fresh });
    },
    dismiss,
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
      await dismiss();
      await Promise.all(running.splice(0).map((server) => server.stop()));
    },
  };
}
