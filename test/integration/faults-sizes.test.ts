import { describe, expect, it } from 'vitest';
import { QuorumUnreachableError } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { connected, openRedlock, rejection, startNodes, takenOnAll, timed } from './fixtures/nodes.ts';

enforceNoLeaks();

/** A round that waited for its time to be up would take this long, in ms. */
const NODE_TIMEOUT = 1_500;
const AT_ONCE = NODE_TIMEOUT / 3;

describe.each([1, 2, 3, 4, 5, 7])('%i nodes', (count) => {
  const quorum = Math.floor(count / 2) + 1;

  it('do everything', async () => {
    const servers = await startNodes(count);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    await connected(one, servers);
    await connected(two, servers);

    const lock = await one.acquire('r', { ttl: 5_000 });
    await takenOnAll(servers, 'r');
    expect(await two.tryAcquire('r')).toBeNull();
    const held = await two.inspect('r');
    expect(held).toMatchObject({ state: 'held' });
    expect(held.remaining).toBeGreaterThanOrEqual(lock.remaining());
    await lock.extend(10_000);
    expect(lock.remaining()).toBeGreaterThan(5_000);
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    expect(lock.state).toBe('released');

    expect(await two.using(['a', 'b'], ({ resources }) => resources)).toEqual(['a', 'b']);
    expect(await one.inspect('r')).toMatchObject({ state: 'free', remaining: 0 });
  });

  it('go on without a minority', async () => {
    const servers = await startNodes(count);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT, ttl: 20_000 });
    await connected(redlock, servers);
    await Promise.all(servers.slice(quorum).map((server) => server.kill()));
    const { ms, outcome } = await timed(redlock.using('r', (lock) => lock.extend()));
    expect(outcome).toMatchObject({ status: 'fulfilled' });
    expect(ms).toBeLessThan(AT_ONCE);
  });

  it('give no lock without a majority, and say so at once', async () => {
    const servers = await startNodes(count);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT, ttl: 20_000 });
    await connected(redlock, servers);
    await Promise.all(servers.slice(quorum - 1).map((server) => server.kill()));
    const { ms, outcome } = await timed(rejection(redlock.tryAcquire('r')));
    expect(outcome).toMatchObject({ value: expect.any(QuorumUnreachableError) });
    expect(ms).toBeLessThan(AT_ONCE);
  });
});

describe.each([2, 4])('a vote of %i nodes that is split in half', (count) => {
  it('settles at once', async () => {
    const servers = await startNodes(count);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT, ttl: 20_000 });
    await connected(redlock, servers);
    const others = servers.slice(count / 2);
    await Promise.all(others.map((server) => server.cli('SET', 'r', 'another', 'PX', 60_000)));
    const { ms, outcome } = await timed(redlock.tryAcquire('r'));
    expect(outcome).toEqual({ status: 'fulfilled', value: null });
    expect(ms).toBeLessThan(AT_ONCE);
    for (const server of others) expect(await server.cli('GETDEL', 'r')).toBe('another');
  });

  it('is decided by whoever comes next', async () => {
    const servers = await startNodes(count);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    await connected(one, servers);
    await connected(two, servers);
    let inside = 0;
    const visit = async (): Promise<void> => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    const calls = Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two).using('r', visit));
    await Promise.all(calls);
  });
});
