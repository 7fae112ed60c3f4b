import { type NodeSpec, Redlock } from 'quorlock';
import { expect } from 'vitest';
import { LONG_LOCK } from './faulty-node.ts';
import type { RedisServer } from './redis-server.ts';

/** Takes a lock on one node and gives it back; meanwhile its key has to be on that server, in that database. */
export async function expectLockOn(spec: NodeSpec, server: RedisServer, database = 0): Promise<void> {
  await using redlock = new Redlock([spec], LONG_LOCK);
  await expectLockBy(redlock, server, database);
}

/** The same by a Redlock that is there. */
export async function expectLockBy(redlock: Redlock, server: RedisServer, database = 0): Promise<void> {
  const lock = await redlock.acquire('r', { acquireTimeout: 0 });
  expect(await read(server, 'r', database)).toBe(lock.ownerToken);
  expect((await lock.release()).outcome).toBe('released');
  expect(await read(server, 'r', database)).toBeNull();
}

async function read(server: RedisServer, key: string, database: number): Promise<unknown> {
  // A SELECT in a script lasts no longer than the script.
  const script = "redis.call('SELECT', ARGV[1]) return redis.call('GET', KEYS[1])";
  return database === 0 ? server.cli('GET', key) : server.cli('EVAL', script, 1, key, database);
}
