import { expect, it } from 'vitest';
import type { Redlock } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { arbitersFor, openRedlocks, queueUp, served } from './fixtures/line.ts';
import { startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

const WAITERS = 20;

/** What each may send in a second. */
const MOST_PER_SECOND = 0.5;

it('those that wait in line send at most one command in two seconds each', async () => {
  const servers = await startNodes(5);
  const [holder, ...others] = (await openRedlocks(WAITERS + 1, servers)) as [Redlock, ...Redlock[]];
  const lock = await holder.acquire('r', { ttl: 30_000 });
  const calls = await queueUp(others, arbitersFor(servers)[0] as RedisServer);
  // The first in line have asked again a few times, each time later than before.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const before = await Promise.all(servers.map(commandsOf));
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const sent = await Promise.all(servers.map((server, i) => commandsSince(before[i], server)));
  const seconds = (performance.now() - began) / 1_000;
  const all = sent.flatMap((commands) => Object.entries(commands)).filter(([name]) => name !== 'info');
  const total = all.reduce((sum, [, times]) => sum + times, 0);
  expect(total).toBeLessThanOrEqual(MOST_PER_SECOND * WAITERS * seconds);
  await lock.release();
  expect(await served(calls)).toHaveLength(WAITERS);
});
