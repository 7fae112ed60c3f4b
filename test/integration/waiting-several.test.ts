import { describe, expect, it } from 'vitest';
import type { Redlock } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { arbitersFor, lineIs, openRedlocks } from './fixtures/line.ts';
import { startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

/**
 * How many locks on one of the resources others may have before a call for both gets its own. Some ten are usual; a busy machine
 * that lets a reservation run out lets others have some more.
 */
const MOST_OVERTAKINGS = 300;

/** Who is where: fails if two are. */
class Rooms {
  readonly #inside = new Set<string>();
  entered = 0;

  async visit(rooms: readonly string[]): Promise<void> {
    expect(rooms.filter((room) => this.#inside.has(room))).toEqual([]);
    for (const room of rooms) this.#inside.add(room);
    this.entered++;
    await new Promise((resolve) => setImmediate(resolve));
    for (const room of rooms) this.#inside.delete(room);
  }
}

describe('calls for several resources', () => {
  it.each([1, 3, 5])('that overlap are all served: %d nodes', async (nodes) => {
    const servers = await startNodes(nodes);
    const sets = [['a', 'b'], ['b', 'c'], ['c', 'a'], ['a', 'b', 'c'], ['a'], ['c']];
    const redlocks = await openRedlocks(sets.length, servers);
    const rooms = new Rooms();
    const times = 5;
    await Promise.all(
      redlocks.map(async (redlock, i) => {
        const set = sets[i] ?? [];
        for (let time = 0; time < times; time++) await redlock.using(set, () => rooms.visit(set));
      }),
    );
    expect(rooms.entered).toBe(times * sets.length);
    for (const server of servers) for (const key of ['a', 'b', 'c']) await lineIs(server, 0, key);
  });

  it('drawn at random, in any order of the names, are all served', async () => {
    const servers = await startNodes(5);
    const redlocks = await openRedlocks(4, servers);
    const random = seededRandom(7);
    const rooms = new Rooms();
    await Promise.all(
      redlocks.map(async (redlock) => {
        for (let time = 0; time < 8; time++) {
          const shuffled = ['a', 'b', 'c', 'd']
            .map((name) => [random.fraction(), name] as const)
            .sort(([a], [b]) => a - b);
          const set = shuffled.slice(0, 1 + Math.floor(random.fraction() * 3)).map(([, name]) => name);
          await redlock.using(set, () => rooms.visit(set));
        }
      }),
    );
    expect(rooms.entered).toBe(32);
    for (const server of servers) for (const key of ['a', 'b', 'c', 'd']) await lineIs(server, 0, key);
  });

  it('get their turn although others take one of them again and again', async () => {
    const servers = await startNodes(5);
    const [both, ...single] = (await openRedlocks(5, servers)) as [Redlock, ...Redlock[]];
    const rooms = new Rooms();
    const over = new AbortController();
    const loops = single.map(async (redlock, i) => {
      const set = [i % 2 === 0 ? 'a' : 'b'];
      while (!over.signal.aborted) await redlock.using(set, () => rooms.visit(set));
    });
    const overtakings: number[] = [];
    for (let time = 0; time < 3; time++) {
      const before = rooms.entered;
      await both.using(['a', 'b'], async () => {
        overtakings.push(rooms.entered - before);
        await rooms.visit(['a', 'b']);
      });
    }
    over.abort();
    await Promise.all(loops);
    expect(Math.max(...overtakings)).toBeLessThanOrEqual(MOST_OVERTAKINGS);
  });

  it('wait in the line of the one that is held, and keep the others free', async () => {
    const servers = await startNodes(5);
    const [holder, both, other] = (await openRedlocks(3, servers)) as [Redlock, Redlock, Redlock];
    const [arbiter] = arbitersFor(servers, 'b') as [RedisServer];
    const lock = await holder.acquire('b');
    const call = both.acquire(['a', 'b']);
    await lineIs(arbiter, 1, 'b');
    await other.using('a', () => {});
    await lock.release();
    await (await call).release();
  });
});
