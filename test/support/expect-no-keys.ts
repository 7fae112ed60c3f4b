import type { RedisServer } from './redis-server.ts';

/** Asserts that all servers that can be reached are empty, or become so within `patience` ms. */
export async function expectNoKeys(servers: readonly RedisServer[], patience = 1000): Promise<void> {
  const deadline = performance.now() + patience;
  let found = await keysOn(servers);
  while (found.length > 0 && performance.now() < deadline) found = await keysOn(servers);
  if (found.length > 0) throw new Error(`keys left behind:\n${found.join('\n')}`);
}

async function keysOn(servers: readonly RedisServer[]): Promise<string[]> {
  const reachable = servers.filter((server) => server.reachable);
  const found = await Promise.all(
    reachable.map(async (server) => {
      // KEYS, not DBSIZE: that one counts expired keys which Redis has not yet removed.
      const keys = (await server.cli('KEYS', '*')) as string[];
      return keys.map((key) => `${server.port}: ${key}`);
    }),
  );
  return found.flat();
}
