import { type NodeSpec, Redlock, type RedlockError, type Vote } from 'quorlock';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { eventually } from './eventually.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import { type RedisOptions, type RedisServer, startRedis, startRedises } from './redis-server.ts';

/**
 * A lock that outlives every test, unless it is released. Its tests are about other faults than restarts: with the
 * guard, servers as new as theirs would not vote beside one that cannot be asked whether it is new, too.
 */
export const LONG_LOCK = {
  ttl: 30_000,
  nodeTimeout: 5_000,
  connectTimeout: 10_000,
  restartGuard: 'off',
} as const;

/** Three servers for the tests of a file, one of them to be spoiled; without keys before and after each test. */
export function serversOneFaulty(options: RedisOptions = {}): {
  readonly faulty: RedisServer;
  readonly healthy: readonly [RedisServer, RedisServer];
} {
  let faulty: RedisServer;
  let healthy: [RedisServer, RedisServer];
  const all = (): RedisServer[] => [faulty, ...healthy];
  beforeAll(async () => {
    faulty = await startRedis(options);
    healthy = (await startRedises(2)) as [RedisServer, RedisServer];
  });
  afterAll(() => Promise.all(all().map((server) => server.stop())));
  beforeEach(() => Promise.all(all().map((server) => server.cli('FLUSHALL'))));
  afterEach(() => expectNoKeys(all()));
  return {
    get faulty() {
      return faulty;
    },
    get healthy() {
      return healthy;
    },
  };
}

/** The error of an attempt that fails. */
export async function failureOf(redlock: Redlock, resources: string | string[] = 'r'): Promise<RedlockError> {
  const error: unknown = await redlock.tryAcquire(resources).then(
    (lock) => new Error(`got ${lock === null ? 'null' : 'the lock'}`),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ votes: expect.any(Array) });
  return error as RedlockError;
}

/** Tries a node together with a healthy one, where both are needed: the error, after the healthy one's grant is checked. */
export async function failureWith(faulty: NodeSpec, healthy: RedisServer): Promise<RedlockError> {
  await using redlock = new Redlock([faulty, healthy.url], LONG_LOCK);
  const error = await failureOf(redlock);
  expect(error.votes[1]).toMatchObject({ kind: 'granted' });
  return error;
}

/** Expects that the lock is got from two healthy nodes, and nothing of it on the third. */
export async function expectSpared(faulty: NodeSpec, healthy: readonly RedisServer[]): Promise<void> {
  await using redlock = new Redlock([faulty, ...healthy.map(({ url }) => url)], LONG_LOCK);
  await using lock = await redlock.acquire('r', { acquireTimeout: 0 });
  expect(healthy.length).toBe(2);
  for (const server of healthy) expect(await server.cli('GET', 'r')).toBe(lock.ownerToken);
  expect((await lock.release()).outcome).toBe('released');
}

/** Waits until the nodes of a Redlock are good enough to get the lock, and gives it back. */
export function recovered(redlock: Redlock): Promise<true> {
  return eventually(async () => {
    const lock = await redlock.tryAcquire('r').catch(() => null);
    await lock?.release();
    return lock ? true : undefined;
  });
}

/** A vote without the fields that tests do not look at. */
export function reasonOf(vote: Vote | undefined): string | undefined {
  if (vote?.kind === 'unusable') return `unusable: ${vote.why}`;
  return vote?.kind === 'unreachable' ? `unreachable: ${vote.cause.message}` : vote?.kind;
}
