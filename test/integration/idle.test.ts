import { Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { LONG_LOCK } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';

enforceNoLeaks();

let servers: RedisServer[];
beforeAll(async () => {
  servers = await startRedises(3);
});
afterAll(() => Promise.all(servers.map((server) => server.stop())));
afterEach(() => expectNoKeys(servers));

const open = (): Redlock =>
  new Redlock(
    servers.map(({ url }) => url),
    LONG_LOCK,
  );

/** All servers close all connections; resolves when the client is about to have new ones. */
async function closeAll(): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      // The one that asks, and one more. A request that leaves before the end is known would be lost.
      await eventually(
        async () => String(await server.cli('CLIENT', 'LIST')).split('\n').length > 2 || undefined,
      );
    }),
  );
}

describe('a server that closes idle connections', () => {
  it('fails no call', async () => {
    await using redlock = open();
    await (await redlock.acquire('warm')).release();
    for (let i = 0; i < 5; i++) {
      await closeAll();
      const lock = await redlock.tryAcquire('r');
      expect((await lock?.release())?.outcome).toBe('released');
      // A connection is made again at once every 250 ms only.
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  });

  it('costs a lock that is held nothing', async () => {
    await using redlock = open();
    const lock = await redlock.acquire('r');
    await closeAll();
    await lock.extend();
    expect((await lock.release()).outcome).toBe('released');
  });
});
