import { describe, expect, it } from 'vitest';
import type { Lock, Redlock } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { arbitersFor, notifiedOnly, openRedlocks, queueUp } from './fixtures/line.ts';
import { rejection, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

describe('a lock that another process waits for', () => {
  it('is got by it, though a call of the holder’s process that is aborted as it is released was to have it', async () => {
    const servers = await startNodes(3);
    const { options, begin } = notifiedOnly();
    const [holder, other] = (await openRedlocks(2, servers, options)) as [Redlock, Redlock];
    begin();
    const lock = await holder.acquire('r', { ttl: 30_000 });
    const controller = new AbortController();
    const heir = rejection(holder.acquire('r', { signal: controller.signal }));
    const [arbiter] = arbitersFor(servers) as [RedisServer];
    const [call] = (await queueUp([other], arbiter)) as [Promise<Lock>];
    const reason = new Error('not wanted any more');
    const released = lock.release();
    controller.abort(reason);
    await (await call).release();
    expect(await heir).toBe(reason);
    await released;
  });
});
