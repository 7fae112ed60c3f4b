import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RedlockError } from '../../src/index.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { runFixture } from './fixtures/child.ts';
import { connected, openRedlock, startNodes, UNGUARDED } from './fixtures/nodes.ts';

enforceNoLeaks();

describe('two Redlocks in one process', () => {
  it('exclude each other', async () => {
    const servers = await startNodes(3);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    await connected(one, servers);
    await connected(two, servers);
    const lock = await one.acquire('r');
    expect(await two.tryAcquire('r')).toBeNull();
    await lock.release();
    await using next = await two.acquire('r');
    expect(await one.tryAcquire('r')).toBeNull();
    expect(next.ownerToken).not.toBe(lock.ownerToken);
  });

  it('closing one leaves the other and its locks alone', async () => {
    const servers = await startNodes(3);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    const [mine, other] = await Promise.all([one.acquire('a'), two.acquire('b')]);
    await one.close();
    expect(mine.state).toBe('lost');
    await other.extend();
    expect(other.state).toBe('held');
    expect(await other.release()).toMatchObject({ outcome: 'released' });
  });
});

describe('one Redlock', () => {
  it('does not let itself in twice, and leaves the lock that stands as it is', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const lock = await redlock.acquire('r');
    expect(await redlock.tryAcquire('r')).toBeNull();
    await expect(redlock.acquire('r', { acquireTimeout: 100 })).rejects.toMatchObject({
      code: 'ACQUIRE_TIMEOUT',
      cause: { code: 'RESOURCE_HELD' },
    });
    expect(await redlock.inspect('r')).toMatchObject({ state: 'held' });
    await lock.extend();
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    await using next = await redlock.acquire('r');
    expect(next).not.toBe(lock);
    expect(lock.state).toBe('released');
  });

  it('holds a thousand locks at the same time', async () => {
    const servers = await startNodes(5);
    // It is about how many, not about how fast a busy machine is.
    const redlock = openRedlock(servers, { ttl: 30_000, nodeTimeout: 20_000 });
    await connected(redlock, servers);
    const locks = await Promise.all(Array.from({ length: 1_000 }, (_, i) => redlock.acquire(`r${i}`)));
    expect(new Set(locks.map(({ ownerToken }) => ownerToken)).size).toBe(1_000);
    await Promise.all(locks.map((lock) => lock.extend()));
    expect(locks.every(({ state }) => state === 'held')).toBe(true);
    const releases = await Promise.all(locks.map((lock) => lock.release()));
    expect(releases.every(({ outcome }) => outcome === 'released')).toBe(true);
  });

  it('serves a thousand calls of using on ten resources, one by one on each', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, {
      acquireTimeout: 60_000,
      retry: { minTimeout: 50, maxTimeout: 500 },
    });
    await connected(redlock, servers);
    const inside = new Array<number>(10).fill(0);
    const served = new Array<number>(10).fill(0);
    let overlaps = 0;
    const visit = (r: number) => async (): Promise<void> => {
      if (++inside[r]! > 1) overlaps++;
      await new Promise((resolve) => setImmediate(resolve));
      inside[r]!--;
      served[r]!++;
    };
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => redlock.using(`r${i % 10}`, visit(i % 10))));
    expect(overlaps).toBe(0);
    expect(served).toEqual(new Array(10).fill(100));
  }, 60_000);
});

describe('several processes', () => {
  it('lose no update of a counter in a file', async () => {
    const PROCESSES = 4;
    const ROUNDS = 25;
    const servers = await startNodes(5);
    const dir = await mkdtemp(join(tmpdir(), 'quorlock-counter-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const file = join(dir, 'counter');
    await writeFile(file, '0');
    const urls = servers.map(({ url }) => url).join(',');
    const children = Array.from({ length: PROCESSES }, () =>
      runFixture('increment.ts', [urls, file, String(ROUNDS)]),
    );
    for (const child of children) expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(await readFile(file, 'utf8')).toBe(String(PROCESSES * ROUNDS));
  });
});

it('a lock that is being won while its Redlock is closed is not left behind', async () => {
  const servers = await startNodes(3);
  for (let turns = 0; turns < 12; turns++) {
    const redlock = openRedlock(servers, UNGUARDED);
    await connected(redlock, servers);
    const call = redlock.acquire('r').then(
      ({ state }) => state,
      (error: RedlockError) => error.code,
    );
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    await redlock.close();
    expect(['CLOSED', 'held', 'lost']).toContain(await call);
    await expectNoKeys(servers);
  }
});
