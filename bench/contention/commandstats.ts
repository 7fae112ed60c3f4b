import { setTimeout } from 'node:timers/promises';
import type { RedisServer } from '../../test/support/redis-server.ts';
import { now } from '../support/monotonic.ts';
import type { Window } from './turns.ts';

/** How many scripts each server has run for clients. */
export function scriptsRun(servers: readonly RedisServer[]): Promise<number[]> {
  return counted(servers, /^cmdstat_evalsha:calls=(\d+)/gm);
}

/** How many scripts all servers together run for clients in a window that is still to come. */
export async function scriptsIn(servers: readonly RedisServer[], { from, until }: Window): Promise<number> {
  await setTimeout(from - now());
  const before = total(await scriptsRun(servers));
  await setTimeout(until - now());
  return total(await scriptsRun(servers)) - before;
}

/** How many commands each server has executed, those that scripts call included, but not those by which it is asked here. */
export function commandsExecuted(servers: readonly RedisServer[]): Promise<number[]> {
  return counted(servers, /^cmdstat_(?!info:)[^:]+:calls=(\d+)/gm);
}

export function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function counted(servers: readonly RedisServer[], pattern: RegExp): Promise<number[]> {
  return Promise.all(
    servers.map(async (server) => {
      const stats = String(await server.cli('INFO', 'commandstats'));
      return total([...stats.matchAll(pattern)].map(([, calls]) => Number(calls)));
    }),
  );
}
