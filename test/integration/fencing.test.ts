import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Lock, NodeMisconfiguredError, type Redlock, type RedlockOptions } from '../../src/index.ts';
import { counterOf } from '../../src/node/counter.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import {
  aborted,
  connected,
  openRedlock,
  rejection,
  startNodes,
  startProxies,
  takenOnAll,
} from './fixtures/nodes.ts';

enforceNoLeaks();

const SEED = Number(process.env['SEED'] ?? 20_261_123);
const HOUR = 3_600_000;
/** How far the wall clocks of clients are off, in ms: any time behind, and almost as far ahead as nodes follow. */
const SKEWS = [0, -HOUR, HOUR / 2, -24 * HOUR, 0.9 * HOUR, -30_000 * HOUR];

/** Options of a client whose wall clock is off. */
function skewed(skew: number): RedlockOptions {
  return { clock: { ...systemClock, wallTime: () => Date.now() + skew } };
}

async function countersOn(servers: readonly RedisServer[], resource: string): Promise<(number | null)[]> {
  const texts = await Promise.all(servers.map((server) => server.cli('GET', counterOf(resource))));
  return texts.map((text) => (text === null ? null : Number(text)));
}

/** The last token of each resource. */
class Tokens {
  readonly #last = new Map<string, number>();

  expectNext({ resources, fencingToken }: Lock): void {
    expect(Number.isSafeInteger(fencingToken)).toBe(true);
    for (const resource of resources) {
      expect(fencingToken).toBeGreaterThan(this.#last.get(resource) ?? 0);
      this.#last.set(resource, fencingToken);
    }
  }
}

describe('each lock has a larger token than those before it', () => {
  it(`whoever takes it, and whatever clients think that time it is (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random.fraction() * list.length)] as T;
    const servers = await startNodes(5);
    const clients = SKEWS.map((skew) => openRedlock(servers, skewed(skew)));
    for (const client of clients) await connected(client, servers);
    const tokens = new Tokens();
    for (let time = 0; time < 400; time++) {
      const lock = await pick(clients).acquire(pick(['a', 'b', 'c', ['a', 'b'], ['c', 'a']]));
      tokens.expectNext(lock);
      if (random.fraction() < 0.2) await lock.extend();
      await lock.release();
    }
  });

  it('whichever majority grants it', async () => {
    const servers = await startNodes(5);
    const majorities = [
      [0, 1, 2],
      [2, 3, 4],
      [0, 3, 4],
      [0, 1, 3],
      [1, 2, 4],
    ];
    const clients: Redlock[] = [];
    for (const [i, majority] of majorities.entries())
      clients.push(await connectedTo(servers, majority, SKEWS[i] ?? 0));
    const tokens = new Tokens();
    for (let time = 0; time < 60; time++)
      for (const client of clients) {
        const lock = await client.acquire('r', { acquireTimeout: 2_000 });
        tokens.expectNext(lock);
        await lock.release();
      }
  });

  it('also than that of a holder who was too slow', async () => {
    const servers = await startNodes(5);
    const [ahead, behind] = [
      openRedlock(servers, skewed(HOUR / 2)),
      openRedlock(servers, skewed(-24 * HOUR)),
    ];
    await connected(ahead, servers);
    await connected(behind, servers);
    const tokens = new Tokens();
    for (let time = 0; time < 5; time++) {
      const late = await ahead.acquire('r', { ttl: 100, nodeTimeout: 50 });
      tokens.expectNext(late);
      await aborted(late.signal);
      await using next = await behind.acquire('r', { ttl: 100, nodeTimeout: 50 });
      tokens.expectNext(next);
    }
  });

  it('though a minority of nodes has lost its counters', async () => {
    const servers = await startNodes(5);
    const [ahead, behind] = [
      openRedlock(servers, skewed(HOUR / 2)),
      openRedlock(servers, skewed(-24 * HOUR)),
    ];
    await connected(ahead, servers);
    await connected(behind, servers);
    const tokens = new Tokens();
    for (const lost of [
      [0, 1],
      [2, 3],
      [4, 0],
    ]) {
      const lock = await ahead.acquire('r');
      await takenOnAll(servers, 'r');
      tokens.expectNext(lock);
      await lock.release();
      for (const index of lost) await servers[index]?.cli('DEL', counterOf('r'));
      await using next = await behind.acquire('r');
      tokens.expectNext(next);
      await takenOnAll(servers, 'r');
    }
  });

  it('also when eight contend for it', async () => {
    const servers = await startNodes(5);
    const options = { acquireTimeout: 20_000, retry: { minTimeout: 5, maxTimeout: 50 } };
    const clients = Array.from({ length: 8 }, (_, i) =>
      openRedlock(servers, { ...skewed(SKEWS[i % SKEWS.length] ?? 0), ...options }),
    );
    for (const client of clients) await connected(client, servers);
    const tokens = new Tokens();
    await Promise.all(
      clients.map(async (client) => {
        for (let time = 0; time < 10; time++) await client.using('r', (lock) => tokens.expectNext(lock));
      }),
    );
  });
});

/** A client that has seen all nodes, and then only reaches some of them. */
async function connectedTo(
  servers: readonly RedisServer[],
  some: readonly number[],
  skew: number,
): Promise<Redlock> {
  const proxies = await startProxies(servers);
  const client = openRedlock(proxies, skewed(skew));
  await connected(client, servers);
  for (const [index, proxy] of proxies.entries()) if (!some.includes(index)) proxy.refuse();
  return client;
}

describe('the token of a lock', () => {
  it('stays when it is extended', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r');
    const { fencingToken } = lock;
    await takenOnAll(servers, 'r');
    for (let time = 0; time < 3; time++) await lock.extend();
    expect(lock.fencingToken).toBe(fencingToken);
    expect(await countersOn(servers, 'r')).toEqual(servers.map(() => fencingToken));
  });

  it('is one for all of its resources, on every node', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    for (let time = 0; time < 3; time++) await (await redlock.acquire('b')).release();
    await using lock = await redlock.acquire(['a', 'b', '{c}d']);
    await takenOnAll(servers, 'b');
    for (const resource of lock.resources)
      expect(await countersOn(servers, resource)).toEqual(servers.map(() => lock.fencingToken));
  });

  it('goes to the nodes that its lock grows back to', async () => {
    const servers = await startNodes(5);
    const proxies = await startProxies(servers.slice(3));
    const redlock = openRedlock([...servers.slice(0, 3), ...proxies]);
    await connected(redlock, servers);
    for (const proxy of proxies) proxy.refuse();
    await using lock = await redlock.acquire('r', { ttl: 30_000 });
    await takenOnAll(servers.slice(0, 3), 'r');
    expect(await countersOn(servers.slice(3), 'r')).toEqual([null, null]);
    for (const proxy of proxies) await proxy.accept();
    await connected(redlock, servers);
    await lock.extend();
    await takenOnAll(servers, 'r');
    for (const server of servers) expect(await server.cli('GET', 'r')).toBe(lock.ownerToken);
    expect(await countersOn(servers, 'r')).toEqual(servers.map(() => lock.fencingToken));
  });
});

const RETENTION = 20_000;

/** For how long the counter of one resource is still kept, in ms. */
function retained(servers: readonly RedisServer[]): Promise<number[]> {
  return Promise.all(servers.map(async (server) => (await server.cli('PTTL', counterOf('r'))) as number));
}

describe('counters', () => {
  it('are kept for as long as they should be, from every grant and extension on', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { maxTtl: 10_000, fenceRetention: RETENTION });
    await connected(redlock, servers);
    const expectFull = async (): Promise<void> => {
      for (const left of await retained(servers)) {
        expect(left).toBeGreaterThan(RETENTION - 5_000);
        expect(left).toBeLessThanOrEqual(RETENTION);
      }
    };
    const age = (): Promise<unknown> =>
      Promise.all(servers.map((server) => server.cli('PEXPIRE', counterOf('r'), 5_000)));
    const first = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    await expectFull();
    await age();
    await first.extend();
    await eventually(async () => (await retained(servers)).every((left) => left > 5_000) || undefined);
    await expectFull();
    await first.release();
    await age();
    await using _second = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    await expectFull();
  });

  it('stay when the lock goes', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    await lock.release();
    await eventually(async () => (await servers[2]?.cli('EXISTS', 'r')) === 0 || undefined);
    expect(await countersOn(servers, 'r')).toEqual(servers.map(() => lock.fencingToken));
  });

  it('stay for fenceRetention where an attempt was granted that others denied, and cost no order', async () => {
    const servers = await startNodes(3);
    const proxies = await startProxies(servers.slice(2));
    const [one, two] = [
      openRedlock([...servers.slice(0, 2), ...proxies]),
      openRedlock(servers, { maxTtl: 10_000, fenceRetention: RETENTION }),
    ];
    await connected(one, servers);
    await connected(two, servers);
    for (const proxy of proxies) proxy.refuse();
    const lock = await one.acquire('r');
    await takenOnAll(servers.slice(0, 2), 'r');
    expect(await countersOn(servers, 'r')).toEqual([lock.fencingToken, lock.fencingToken, null]);
    const third = servers[2] as RedisServer;
    await eventually(async () => {
      expect(await two.tryAcquire('r')).toBeNull();
      return (await third.cli('EXISTS', counterOf('r'))) === 1 || undefined;
    });
    await eventually(async () => (await third.cli('EXISTS', 'r')) === 0 || undefined);
    expect((await countersOn(servers, 'r')).slice(0, 2)).toEqual([lock.fencingToken, lock.fencingToken]);
    expect((await retained(servers))[2]).toBeLessThanOrEqual(RETENTION);
    await lock.release();
    await using next = await two.acquire('r');
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  });

  it('are left alone by an attempt that is denied', async () => {
    const servers = await startNodes(3);
    const [one, two] = [openRedlock(servers), openRedlock(servers)];
    await connected(one, servers);
    await connected(two, servers);
    await using lock = await one.acquire('r');
    await takenOnAll(servers, 'r');
    for (let time = 0; time < 5; time++) expect(await two.tryAcquire('r')).toBeNull();
    expect(await countersOn(servers, 'r')).toEqual(servers.map(() => lock.fencingToken));
  });

  it('are not even made without fencing', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { fencing: false });
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r');
    await lock.extend();
    await takenOnAll(servers, 'r');
    expect(() => lock.fencingToken).toThrow(TypeError);
    for (const server of servers) expect(await server.cli('KEYS', '*')).toEqual(['r']);
  });

  it('are not touched by a lock without a token', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    const fenced = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    await fenced.release();
    await Promise.all(servers.map((server) => server.cli('PEXPIRE', counterOf('r'), 50_000)));
    await using lock = await redlock.acquire('r', { fencing: false });
    await takenOnAll(servers, 'r');
    await lock.extend();
    expect(await countersOn(servers, 'r')).toEqual(servers.map(() => fenced.fencingToken));
    for (const left of await retained(servers)) expect(left).toBeLessThanOrEqual(50_000);
  });

  it('that are lost are not begun again on servers whose clocks are hours behind, and the clocks are named', async () => {
    const servers = await startNodes(3);
    // To a client, that is what a server looks like when the client is ahead of it.
    const redlock = openRedlock(servers, skewed(2 * HOUR));
    const error = await rejection(redlock.tryAcquire('r'));
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(error.message).toContain(
      'the clock of this server is more than an hour behind that of the client',
    );
    expect(await redlock.acquire('r', { fencing: false }).then((lock) => lock.release())).toMatchObject({
      outcome: 'released',
    });
  });

  it('that are there are counted on by servers whose clocks are hours behind', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, skewed(2 * HOUR));
    const last = (Date.now() + 1.5 * HOUR) * 1_000;
    for (const server of servers) await server.cli('SET', counterOf('r'), last, 'PX', 60_000);
    await using lock = await redlock.acquire('r');
    expect(lock.fencingToken).toBeGreaterThan(last);
  });

  it.each([
    ['are at their end', String(Date.UTC(2200, 0) * 1_000), /no fencing token is left/],
    ['are beyond their end', String(Number.MAX_SAFE_INTEGER), /beyond the year 2200/],
    ['are no numbers', 'seven', /is no fencing counter/],
  ])('that %s cost the vote, and are named', async (_, value, why) => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    for (const server of servers) await server.cli('SET', counterOf('r'), value, 'PX', 60_000);
    const error = await rejection(redlock.tryAcquire('r'));
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(error.message).toMatch(why);
    for (const server of servers) expect(await server.cli('GET', counterOf('r'))).toBe(value);
  });
});
