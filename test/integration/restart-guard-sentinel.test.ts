import { expect, it, onTestFinished, vi } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { callRedis } from '../support/resp.ts';
import { startSentinel } from '../support/sentinel.ts';
import { aged, SHORT, saidOf, startServer } from './fixtures/guarded.ts';

enforceNoLeaks();

it('a replica that a Sentinel promotes does not vote for the length of a quarantine, old as it is', async () => {
  const setup = await startSentinel();
  onTestFinished(() => setup.stop());
  const { sentinels, name, master, replica } = setup;
  const others = [await startServer(), await startServer()];
  await using redlock = new Redlock([{ sentinels, name }, ...others.map(({ url }) => url)], SHORT);
  await (await redlock.acquire('r')).release();
  await aged([replica]);
  expect(await saidOf(redlock, 'r')).not.toContain('quarantined');

  await callRedis({ port: sentinels[0]?.port ?? 0 }, ['SENTINEL', 'FAILOVER', name]);
  // A Sentinel tells clients of the new master only once it has read its INFO, every ten seconds.
  const demoted = async (): Promise<boolean> => (await master.info('role').catch(() => '')) === 'slave';
  await vi.waitUntil(demoted, { timeout: 60_000, interval: 50 });
  await eventually(async () => (await saidOf(redlock, 's'))[0] === 'quarantined' || undefined);
  const lock = await redlock.acquire('s', { acquireTimeout: 0, autoExtend: true });
  for (let time = 0; time < 5; time++) {
    await lock.extend();
    expect(await replica.cli('EXISTS', 's')).toBe(0);
  }
  // It is over, and the next extension sets the lock there too.
  await eventually(async () => (await replica.cli('EXISTS', 's')) === 1 || undefined);
  expect(await replica.cli('GET', 's')).toBe(lock.ownerToken);
  await lock.release();
});
