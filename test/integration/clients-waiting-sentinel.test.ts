import { type Lock, Redlock } from 'quorlock';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { callRedis } from '../support/resp.ts';
import { type SentinelSetup, startSentinel } from '../support/sentinel.ts';
import { heardOn, inboxesOn, UNWOKEN, wokenByRelease } from './fixtures/waiters.ts';

enforceNoLeaks();

let setup: SentinelSetup;

beforeAll(async () => {
  setup = await startSentinel();
});
afterAll(() => setup.stop());

async function expectWoken(lock: Lock, call: Promise<Lock>, master: RedisServer): Promise<void> {
  await heardOn([master]);
  const won = await wokenByRelease(lock, call);
  expect(await won.release()).toMatchObject({ outcome: 'released' });
}

it('a call that waits for a lock on a master behind a Sentinel is woken by its release', async () => {
  const { sentinels, name, master } = setup;
  await using holder = new Redlock([{ sentinels, name }]);
  await using redlock = new Redlock([{ sentinels, name }]);
  const lock = await holder.acquire('r');
  await expectWoken(lock, redlock.acquire('r', UNWOKEN), master);
});

it('a call that waits hears of its turn at the new master after a failover', async () => {
  const { sentinels, name, master, replica } = setup;
  await using holder = new Redlock([{ sentinels, name }]);
  await using redlock = new Redlock([{ sentinels, name }]);
  const before = await holder.acquire('r', { ttl: 30_000 });
  const call = redlock.acquire('r', { acquireTimeout: 80_000, retry: { maxTimeout: 500 } });
  call.catch(() => {});
  await heardOn([master]);
  await callRedis({ port: sentinels[0]?.port ?? 0 }, ['SENTINEL', 'FAILOVER', name]);
  const demoted = async (): Promise<boolean> => (await master.info('role').catch(() => '')) === 'slave';
  await vi.waitUntil(demoted, { timeout: 60_000, interval: 50 });
  await eventually(async () => (await inboxesOn(replica)).length > 0 || undefined);
  await before.release();
  await (await call).release();
  const lock = await holder.acquire('r', { ttl: 30_000 });
  await expectWoken(lock, redlock.acquire('r', UNWOKEN), replica);
});
