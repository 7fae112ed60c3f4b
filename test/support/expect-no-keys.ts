import { setTimeout as sleep } from 'node:timers/promises';
import { COUNTER_SUFFIX } from '../../src/node/counter.ts';
import type { RedisServer } from './redis-server.ts';

/** Each takes a connection of its own, so of many counters no more than these are asked for their expiry. */
const SAMPLE = 20;
/** Between two looks, in ms. */
const PAUSE = 5;

/**
 * Asserts that all servers that can be reached are empty, or become so within `patience` ms. Fencing counters outlive
 * their locks by design, but not for ever: one without an expiry is left behind too.
 */
export async function expectNoKeys(servers: readonly RedisServer[], patience = 1000): Promise<void> {
  const deadline = performance.now() + patience;
  let found = await keysOn(servers);
  while (found.length > 0 && performance.now() < deadline) {
    await sleep(PAUSE);
    found = await keysOn(servers);
  }
  if (found.length > 0) throw new Error(`keys left behind:\n${found.join('\n')}`);
}

async function keysOn(servers: readonly RedisServer[]): Promise<string[]> {
  const reachable = servers.filter((server) => server.reachable);
  const found = await Promise.all(
    reachable.map(async (server) => {
      const keys = await leftoversOn(server);
      return keys.map((key) => `${server.port}: ${key}`);
    }),
  );
  return found.flat();
}

async function leftoversOn(server: RedisServer): Promise<string[]> {
  // KEYS, not DBSIZE: that one counts expired keys which Redis has not yet removed.
  const keys = (await server.cli('KEYS', '*')) as string[];
  const some = keys.filter(isCounter).slice(0, SAMPLE);
  const expiries = await Promise.all(some.map((key) => server.cli('PTTL', key)));
  const lasting = some.filter((_, index) => expiries[index] === -1);
  return [...keys.filter((key) => !isCounter(key)), ...lasting.map((key) => `${key} (no expiry)`)];
}

function isCounter(key: string): boolean {
  return key.endsWith(COUNTER_SUFFIX);
}
