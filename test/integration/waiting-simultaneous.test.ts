import { describe, expect, it } from 'vitest';
import type { Lock } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { openRedlocks } from './fixtures/line.ts';
import { startNodes, UNGUARDED } from './fixtures/nodes.ts';

enforceNoLeaks();

const CALLERS = 4;

/** How many rounds: every other is on a resource that was locked before. */
const ROUNDS = 40;

describe('of simultaneous calls that do not wait, one gets a free lock', () => {
  it.each([
    ['all five nodes answer', 5, 0],
    ['two of five nodes are down', 5, 2],
    ['there are four nodes', 4, 0],
    ['there are two nodes', 2, 0],
  ])('when %s', async (_what, count, down) => {
    const servers = await startNodes(count);
    const redlocks = await openRedlocks(CALLERS, servers, UNGUARDED);
    await Promise.all(servers.slice(0, down).map((server) => server.kill()));
    const winners: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const resource = round % 2 === 0 ? 'r' : `r${round}`;
      const locks = await Promise.all(redlocks.map((redlock) => redlock.tryAcquire(resource)));
      const won = locks.filter((lock): lock is Lock => lock !== null);
      winners.push(won.length);
      await Promise.all(won.map((lock) => lock.release()));
    }
    expect(winners).toEqual(new Array(ROUNDS).fill(1));
  });
});
