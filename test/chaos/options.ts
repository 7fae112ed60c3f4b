import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { RestartGuard } from '../../src/node/redis/quarantine.ts';

/** Which Redis client processes use; `mixed`: one half of them this, the other half that. */
export type RedisClientChoice = 'ioredis' | 'node-redis' | 'mixed';

export interface ChaosOptions {
  /** undefined: what there is. */
  readonly driver: 'compose' | 'process' | undefined;
  readonly seconds: number;
  readonly seed: number;
  readonly clients: number;
  readonly out: string;
  readonly limits: 'kept' | 'broken';
  readonly restartGuard: RestartGuard;
  readonly redisClient: RedisClientChoice;
  readonly store: 'guarded' | 'unguarded';
}

export const HELP = `Clients in processes of their own work under locks, while the nodes that keep the locks fail in every way.

npm run chaos -- [options]

  --driver compose|process  five containers by compose.yaml, or five redis-servers on loopback
                            (compose if a Docker engine answers; with --driver compose one is started if need be)
  --seconds S               for how long faults go on, 1 to 86400 (30)
  --seed N                  which faults, and what clients do (drawn, and printed)
  --clients C               how many processes, 1 to 64 (6)
  --out DIR                 where the report goes (chaos-report)
  --break-limits            now and then a majority of the nodes is faulty at once
  --restart-guard GUARD     auto, strict or off (auto)
  --redis-client CLIENT     ioredis, node-redis or mixed: half of the processes use the one, half the other (mixed)
  --store guarded|unguarded whose lost writes count: with fencing tokens, none may be lost (guarded)
  --help

Exits with 0 if nothing was violated, 1 if something was, 2 for a bad option, 3 if no Docker engine can run.
`;

const GUARDS = ['auto', 'strict', 'off'] as const;
const REDIS_CLIENTS = ['ioredis', 'node-redis', 'mixed'] as const;
const DRIVERS = ['compose', 'process'] as const;
const STORES = ['guarded', 'unguarded'] as const;

/** @throws {Error} whose message says which option is wrong, and why. */
export function readOptions(args: string[]): ChaosOptions | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      driver: { type: 'string' },
      seconds: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(randomInt(1, 1_000_000)) },
      clients: { type: 'string', default: '6' },
      out: { type: 'string', default: 'chaos-report' },
      'break-limits': { type: 'boolean', default: false },
      'restart-guard': { type: 'string', default: 'auto' },
      'redis-client': { type: 'string', default: 'mixed' },
      store: { type: 'string', default: 'guarded' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.out === '') throw new Error('--out must be a directory, not ""');
  return {
    driver: values.driver === undefined ? undefined : oneOf('--driver', values.driver, DRIVERS),
    seconds: wholeNumber('--seconds', values.seconds, 1, 86_400),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 31 - 1),
    clients: wholeNumber('--clients', values.clients, 1, 64),
    out: values.out,
    limits: values['break-limits'] ? 'broken' : 'kept',
    restartGuard: oneOf('--restart-guard', values['restart-guard'], GUARDS),
    redisClient: oneOf('--redis-client', values['redis-client'], REDIS_CLIENTS),
    store: oneOf('--store', values.store, STORES),
  };
}

/** The command that does it again, with the same faults at the same times. */
export function commandOf(options: ChaosOptions, driver: 'compose' | 'process'): string {
  const { seconds, seed, clients, out, limits, restartGuard, redisClient, store } = options;
  const words = [
    `npm run chaos -- --driver ${driver} --seconds ${seconds} --seed ${seed} --clients ${clients}`,
    ...(out === 'chaos-report' ? [] : [`--out ${JSON.stringify(out)}`]),
    ...(limits === 'broken' ? ['--break-limits'] : []),
    ...(restartGuard === 'auto' ? [] : [`--restart-guard ${restartGuard}`]),
    ...(redisClient === 'mixed' ? [] : [`--redis-client ${redisClient}`]),
    ...(store === 'guarded' ? [] : [`--store ${store}`]),
  ];
  return words.join(' ');
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return found;
  throw new Error(`${name} must be ${allowed.join(' or ')}, not ${JSON.stringify(text)}`);
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}
