import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { calls, connected, openRedlock, rejection, startNodes, timed } from './fixtures/nodes.ts';
import { waiter } from './fixtures/waiters.ts';

enforceNoLeaks();

/** Resolves once nobody has asked the servers for anything for longer than an attempt and its pause take, while all is well. */
async function quiet(servers: readonly RedisServer[]): Promise<void> {
  let [asked, since] = ['', performance.now()];
  await eventually(async () => {
    const now = String(await Promise.all(servers.map((server) => calls(server, 'evalsha'))));
    if (now !== asked) [asked, since] = [now, performance.now()];
    return performance.now() - since > 200 || undefined;
  });
}

describe('a lock that another process waits for', () => {
  it('is got by it soon, though an heir that is aborted as it is released was to have it', async () => {
    const servers = await startNodes(3);
    const [holder, other] = [openRedlock(servers), openRedlock(servers)];
    await connected(holder, servers);
    await connected(other, servers);
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const controller = new AbortController();
    const heir = rejection(holder.acquire('r', { signal: controller.signal }));
    const { call } = await waiter(other, servers);
    await quiet(servers);
    const reason = new Error('not wanted any more');
    const released = lock.release();
    controller.abort(reason);
    // If nobody tells it, it sleeps for at least 10 s.
    expect((await timed(call)).ms).toBeLessThan(1_000);
    await (await call).release();
    expect(await heir).toBe(reason);
    await released;
  });
});
