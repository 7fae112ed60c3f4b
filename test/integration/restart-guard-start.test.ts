import { describe, expect, it } from 'vitest';
import {
  AcquireTimeoutError,
  NodesQuarantinedError,
  type Redlock,
  type RedlockOptions,
} from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { DEAD_PORT } from '../support/free-port.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { commandsOf, commandsSince } from './fixtures/command-counts.ts';
import { QUARANTINE, quarantinesIn, SHORT, SHORT_TTL, saidOf } from './fixtures/guarded.ts';
import { calls, connected, openRedlock, rejection, SLACK, startNodes, timed } from './fixtures/nodes.ts';

enforceNoLeaks();

/** What comes within a test has not waited for the end of a quarantine as long as this. */
const LONG_QUARANTINE = 61_600;
const LONG: RedlockOptions = { maxTtl: 60_000 };

describe('servers that are all new', () => {
  it.each([1, 2, 8])('serve %i clients that start at the same moment at once', async (count) => {
    for (let round = 0; round < 3; round++) {
      const servers = await startNodes(5);
      const clients = Array.from({ length: count }, () => openRedlock(servers, LONG));
      const locks = await Promise.all(clients.map((client, i) => client.tryAcquire(`r${i}`)));
      expect(locks.map((lock) => lock?.state)).toEqual(locks.map(() => 'held'));
      for (const lock of locks) await lock?.release();
      await Promise.all(clients.map((client) => connected(client, servers)));
    }
  });

  it('serve a client that comes while others are being served', async () => {
    const servers = await startNodes(5);
    const early = openRedlock(servers, LONG);
    const acquiring = early.tryAcquire('r');
    await eventually(async () => (await calls(servers[0] as RedisServer, 'script|load')) > 0 || undefined);
    await using late = await openRedlock(servers, LONG).tryAcquire('s');
    await using lock = await acquiring;
    expect([lock?.state, late?.state]).toEqual(['held', 'held']);
  });

  it('of which there is only one vote at once', async () => {
    const [server] = await startNodes(1);
    await using lock = await openRedlock([server as RedisServer], LONG).tryAcquire('r');
    expect(lock?.state).toBe('held');
  });

  it('wait for the end of their quarantine if that is wanted', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ...SHORT, restartGuard: 'strict' });
    const error = (await rejection(redlock.tryAcquire('r'))) as NodesQuarantinedError;
    expect(error).toBeInstanceOf(NodesQuarantinedError);
    expect(error.remaining).toBeGreaterThan(0);
    expect(error.remaining).toBeLessThanOrEqual(QUARANTINE);
    await using lock = await redlock.acquire('r', { acquireTimeout: 20_000 });
    expect(lock.state).toBe('held');
    for (const server of servers) {
      expect(Number(await server.info('uptime_in_seconds')) * 1_000).toBeGreaterThanOrEqual(SHORT_TTL);
      // The attempt above, the first of those that wait, the one that has got it, and some when the others end.
      expect(await calls(server, 'evalsha')).toBeLessThan(8);
    }
  });
});

describe('servers that have all come back without memory', () => {
  it.each(['was there when they were', 'came later'])(
    'are not taken for new by a client that %s',
    async (who) => {
      const servers = await startNodes(3);
      const first = openRedlock(servers, SHORT);
      await connected(first, servers);
      const redlock = who === 'came later' ? openRedlock(servers, SHORT) : first;
      await connected(redlock, servers);
      const lock = await redlock.acquire('r');
      await Promise.all(servers.map((server) => server.restart()));
      const error = await eventually(async () => {
        const failure = await rejection(redlock.tryAcquire('r'));
        return failure instanceof NodesQuarantinedError ? failure : undefined;
      });
      expect(lock.state).toBe('held');
      expect(error.remaining).toBeLessThanOrEqual(QUARANTINE);
      await using _next = await redlock.acquire('r', { acquireTimeout: 20_000 });
      expect(lock.state).toBe('lost');
    },
  );

  it('of which there is only one vote at once: none can tell it from a new one', async () => {
    const [server] = (await startNodes(1)) as [RedisServer];
    const redlock = openRedlock([server], { ...LONG, restartGuard: 'auto' });
    await connected(redlock, [server]);
    await server.restart();
    await using lock = await redlock.acquire('r', { acquireTimeout: 20_000 });
    expect(lock.state).toBe('held');
  });
});

/** Five new servers, one of which is not there yet. */
async function oneMissing(): Promise<{ servers: RedisServer[]; missing: RedisServer; redlock: Redlock }> {
  const servers = await startNodes(5);
  const missing = servers[4] as RedisServer;
  await missing.kill();
  return { servers, missing, redlock: openRedlock(servers, LONG) };
}

/** Resolves once so many nodes have been looked at, and say that they are in quarantine. */
async function quarantinedOn(redlock: Redlock, count: number): Promise<void> {
  await eventually(
    async () =>
      (await saidOf(redlock, 's')).filter((kind) => kind === 'quarantined').length === count || undefined,
  );
}

describe('servers that are all new but for one that is missing', () => {
  it('do not vote, and say which one they wait for, and for how long', async () => {
    const { redlock, missing } = await oneMissing();
    const error = (await rejection(redlock.tryAcquire('r'))) as NodesQuarantinedError;
    expect(error).toBeInstanceOf(NodesQuarantinedError);
    expect(error.code).toBe('NODES_QUARANTINED');
    // One more may be on its way when it is certain.
    expect(quarantinesIn(error.votes).length).toBeGreaterThanOrEqual(3);
    for (const remaining of [...quarantinesIn(error.votes), error.remaining]) {
      expect(remaining).toBeGreaterThan(LONG_QUARANTINE - 30_000);
      expect(remaining).toBeLessThanOrEqual(LONG_QUARANTINE);
    }
    expect(error.message).toMatch(
      /^cannot lock "r": \S+ is unreachable, and new nodes are admitted only when all 5 answer \(.*quarantined for \d+ ms/,
    );
    expect(error.message).toContain(`"r": 127.0.0.1:${missing.port} is unreachable`);
    for (const vote of error.votes)
      if (vote.kind === 'quarantined') expect(vote.awaiting).toContain(`127.0.0.1:${missing.port}`);
  });

  it('name an address that nobody listens at', async () => {
    const servers = await startNodes(2);
    const redlock = openRedlock([...servers, `redis://127.0.0.1:${DEAD_PORT}`]);
    const error = await rejection(redlock.tryAcquire('r'));
    expect(error.message).toMatch(
      new RegExp(
        `^cannot lock "r": 127.0.0.1:${DEAD_PORT} is unreachable, and new nodes are admitted only when all 3 answer \\(.*ECONNREFUSED`,
      ),
    );
  });

  it('are said to have forgotten once another node remembers', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    await connected(redlock, servers);
    await Promise.all(servers.slice(1).map((server) => server.restart()));
    const error = await eventually(async () => {
      const failure = await rejection(redlock.tryAcquire('r'));
      return failure instanceof NodesQuarantinedError ? failure : undefined;
    });
    expect(error.message).toContain('too many nodes may have forgotten locks in a restart');
    for (const vote of error.votes) expect(vote).not.toHaveProperty('awaiting');
  });

  it('let a call that waits go at its deadline, with that as the cause', async () => {
    const { redlock } = await oneMissing();
    const { ms, outcome } = await timed(redlock.acquire('r', { acquireTimeout: 700 }));
    if (outcome.status === 'fulfilled') throw new Error('it was acquired');
    expect(outcome.reason).toBeInstanceOf(AcquireTimeoutError);
    expect(outcome.reason.cause).toBeInstanceOf(NodesQuarantinedError);
    expect(outcome.reason.cause.remaining).toBeGreaterThan(LONG_QUARANTINE - 30_000);
    expect(ms).toBeLessThan(700 + SLACK);
  });

  it('say by inspection that they are in quarantine', async () => {
    const { redlock } = await oneMissing();
    await rejection(redlock.tryAcquire('r'));
    const inspection = await redlock.inspect('r');
    expect(inspection.state).toBe('indeterminate');
    const remainings = quarantinesIn(inspection.nodes as never);
    expect(remainings).toHaveLength(4);
    for (const remaining of remainings) expect(remaining).toBeGreaterThan(LONG_QUARANTINE - 30_000);
  });

  it('are admitted at once when it comes up, and a call that waits wakes', async () => {
    const { servers, missing, redlock } = await oneMissing();
    const acquiring = redlock.acquire('r', { acquireTimeout: 25_000 });
    await quarantinedOn(redlock, 4);
    await missing.restart();
    // It would sleep until the end of the quarantine, far beyond its deadline.
    await using lock = await acquiring;
    expect(lock.state).toBe('held');
    // The last of them may have been a few milliseconds late for it.
    await connected(redlock, servers);
  });

  it('are admitted for everybody who waits', async () => {
    const { servers, missing, redlock } = await oneMissing();
    const other = openRedlock(servers, LONG);
    const waiting = [
      redlock.acquire('r', { acquireTimeout: 25_000 }),
      other.acquire('s', { acquireTimeout: 25_000 }),
    ];
    await rejection(redlock.tryAcquire('x'));
    await rejection(other.tryAcquire('x'));
    await missing.restart();
    for (const lock of await Promise.all(waiting)) await lock.release();
  });

  it('are looked at once a second while a call waits for them, and asked for no lock', async () => {
    const { servers, redlock } = await oneMissing();
    await quarantinedOn(redlock, 4);
    const before = await Promise.all(servers.slice(0, 4).map(commandsOf));
    await rejection(redlock.acquire('r', { acquireTimeout: 3_000 }));
    for (const [index, server] of servers.slice(0, 4).entries()) {
      const counts = await commandsSince(before[index], server);
      const { evalsha = 0, info = 0, 'script|exists': exists = 0, getrange = 0, ...others } = counts;
      expect(evalsha).toBeLessThanOrEqual(2);
      // By the release that undoes the attempt where the answer was late.
      expect(getrange).toBeLessThanOrEqual(1);
      // And by counting.
      expect(info - 1).toBeLessThanOrEqual(4);
      // Who counts may come between the two commands of a look.
      expect(Math.abs(exists - (info - 1))).toBeLessThanOrEqual(1);
      expect(others).toEqual({});
    }
  });
});
