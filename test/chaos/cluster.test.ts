import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';
import { ProcessServers } from './process-cluster.ts';

describe('a cluster of processes', () => {
  let servers: ProcessServers;
  let cluster: Cluster;
  beforeAll(async () => {
    servers = await ProcessServers.start(5);
    cluster = await Cluster.over(servers);
  });
  afterAll(async () => {
    await cluster.close();
    await servers.close();
  });

  const value = (node: number): Promise<unknown> => cluster.call(node, 'GET', 'k');

  it('starts a node with what was saved, and the next time with nothing', async () => {
    await cluster.call(0, 'SET', 'k', 'old');
    await cluster.save(0);
    await cluster.call(0, 'SET', 'k', 'new');
    await servers.kill(0);
    await servers.start(0, 'old');
    expect(await value(0)).toBe('old');
    await servers.stop(0);
    await servers.start(0, 'empty');
    expect(await value(0)).toBe(null);
  });

  it('lets keys expire early only where a lock can spare the vote', async () => {
    for (const node of [0, 1, 2]) await cluster.call(node, 'SET', 'k', 'owner', 'PX', 60_000);
    expect(await cluster.expireEarly(0, ['k'], 'kept')).toBe(0);
    await cluster.call(3, 'SET', 'k', 'owner', 'PX', 60_000);
    expect(await cluster.expireEarly(0, ['k'], 'kept')).toBe(1);
    expect(await cluster.expireEarly(1, ['k'], 'kept')).toBe(0);
    expect(await cluster.expireEarly(1, ['k'], 'broken')).toBe(1);
  });
});
