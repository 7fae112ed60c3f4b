/*
 * What fencing tokens cost: how many acquisitions need a second round trip, because the nodes' counters differ, alone and
 * under contention; and what a server does for one grant and its release, with and without a counter. A measurement, not a
 * test.
 *
 *   npm run bench:tokens [-- --json] [-- --seed=S]     (the seed of all jitter; when servers answer is their own)
 */
import { randomInt } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { type LockNode, Redlock } from '../src/index.ts';
import { createNodes } from '../src/nodes.ts';
import { resolveSettings } from '../src/options.ts';
import type { Random } from '../src/random.ts';
import { type RedisServer, startRedises } from '../test/support/redis-server.ts';
import { seededRandom } from '../test/support/seeded-random.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});
const seed = Number(options.seed);
if (!Number.isInteger(seed)) throw new RangeError(`--seed must be a whole number, not ${options.seed}`);

const NODES = 5;
const ALONE = 2_000;
const CONTENDED = 1_000;
const CONTENDERS = [2, 8, 32];
const GRANTS = 10_000;

/** A client, and the owner tokens of its attempts whose fencing token had to be confirmed. */
interface Client {
  readonly redlock: Redlock;
  readonly confirmed: Set<string>;
  readonly random: Random;
  close(): Promise<void>;
}

let opened = 0;

function open(servers: readonly RedisServer[]): Client {
  // A seed for each client, so that no two draw the same owner tokens.
  const random = seededRandom(seed + opened++);
  const confirmed = new Set<string>();
  const own = createNodes(
    servers.map(({ url }) => url),
    resolveSettings({ random }),
  ).all;
  const watched = own.map(
    (node) =>
      new Proxy(node, {
        get(target, name: keyof LockNode) {
          if (name !== 'confirm') {
            const value: unknown = target[name];
            return typeof value === 'function' ? value.bind(target) : value;
          }
          return ((request, deliver) => {
            confirmed.add(request.ownerToken);
            target.confirm(request, deliver);
          }) satisfies LockNode['confirm'];
        },
      }),
  );
  const redlock = new Redlock(watched, { random });
  return {
    redlock,
    confirmed,
    random,
    close: async () => {
      await redlock.close();
      await Promise.all(own.map((node) => node.close(500)));
    },
  };
}

interface Share {
  readonly contenders: number;
  readonly acquired: number;
  /** How many of them had their token after one round trip. */
  readonly inOneRound: number;
}

/** So many clients want the same lock, again and again, for as short as can be. */
async function shareOf(servers: readonly RedisServer[], contenders: number, total: number): Promise<Share> {
  const clients = Array.from({ length: contenders }, () => open(servers));
  let acquired = 0;
  let inOneRound = 0;
  await Promise.all(
    clients.map(async ({ redlock, confirmed, random }) => {
      while (acquired < total) {
        const lock = await redlock.acquire('contended', {
          acquireTimeout: Number.POSITIVE_INFINITY,
          retry: { minTimeout: 5, maxTimeout: 50 },
        });
        acquired++;
        if (!confirmed.has(lock.ownerToken)) inOneRound++;
        await lock.release();
        if (contenders > 1) await setTimeout(random.fraction() * 5);
      }
    }),
  );
  await Promise.all(clients.map((client) => client.close()));
  return { contenders, acquired, inOneRound };
}

interface Cost {
  readonly fencing: boolean;
  /** Of one grant and one release, on one server. */
  readonly microseconds: number;
  readonly commands: number;
}

async function costOf(server: RedisServer, fencing: boolean): Promise<Cost> {
  const admin = new Redis(server.url);
  const redlock = new Redlock([server.url], { fencing });
  await (await redlock.acquire('cost')).release();
  await admin.config('RESETSTAT');
  for (let i = 0; i < GRANTS; i++) await (await redlock.acquire('cost')).release();
  const stats = await admin.info('commandstats');
  await redlock.close();
  admin.disconnect();
  const of = (command: string, field: string): number =>
    Number(new RegExp(`cmdstat_${command}:.*?${field}=([\\d.]+)`).exec(stats)?.[1] ?? 0);
  const inner = ['set', 'get', 'del', 'exists', 'pttl', 'time'].map((command) => of(command, 'calls'));
  return {
    fencing,
    microseconds: of('evalsha', 'usec') / GRANTS,
    commands: inner.reduce((sum, calls) => sum + calls, 0) / GRANTS,
  };
}

const servers = await startRedises(NODES);
try {
  const shares = [await shareOf(servers, 1, ALONE)];
  for (const contenders of CONTENDERS) shares.push(await shareOf(servers, contenders, CONTENDED));
  const [server] = servers as [RedisServer];
  const costs = [await costOf(server, false), await costOf(server, true)];
  if (options.json) {
    console.log(JSON.stringify({ seed, shares, costs }, undefined, 2));
  } else {
    console.log(`seed ${seed}`);
    for (const { contenders, acquired, inOneRound } of shares)
      console.log(
        `${String(contenders).padStart(2)} clients: ${((100 * inOneRound) / acquired).toFixed(2)} % of ${acquired} acquisitions in one round trip`,
      );
    for (const { fencing, microseconds, commands } of costs)
      console.log(
        `fencing ${fencing ? 'on: ' : 'off:'} ${commands.toFixed(2)} commands in Lua and ${microseconds.toFixed(1)} µs of a server for a grant and its release`,
      );
  }
} finally {
  await Promise.all(servers.map((server) => server.stop()));
}
