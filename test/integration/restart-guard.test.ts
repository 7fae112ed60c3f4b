import { describe, expect, it } from 'vitest';
import {
  AcquireTimeoutError,
  type Lock,
  NodesQuarantinedError,
  QuorumUnreachableError,
  type Redlock,
  type RedlockOptions,
} from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { aged, SHORT, SHORT_TTL, saidOf, startServer } from './fixtures/guarded.ts';
import {
  connected,
  openRedlock,
  rejection,
  startNodes,
  startProxies,
  takenOnAll,
  UNGUARDED,
} from './fixtures/nodes.ts';

enforceNoLeaks();

/** A way for a node to lose a lock. Made ready before the lock is taken; returns what then happens. */
type Forgetting = (third: RedisServer) => Promise<() => Promise<unknown>>;

const restarted: Forgetting = async (third) => async () => {
  await third.kill();
  await third.restart();
};

const restartedFromAnOldFile: Forgetting = async (third) => {
  await third.cli('SET', 'old', 'key', 'PX', 60_000);
  await third.cli('SAVE');
  return async () => {
    await third.kill();
    await third.restart();
    expect(await third.cli('GETDEL', 'old')).toBe('key');
  };
};

/** The replica is older than any quarantine, and has lost its master before the lock is taken. */
const replacedByReplica: Forgetting = async (third) => {
  const replica = await startServer({ config: { replicaof: `127.0.0.1 ${third.port}` } });
  await linked(replica);
  await aged([replica]);
  await replica.cli('REPLICAOF', '127.0.0.1', 1);
  return async () => {
    await third.kill();
    await replica.cli('REPLICAOF', 'NO', 'ONE');
    await replica.cli('CONFIG', 'SET', 'port', third.port);
  };
};

/** It takes over another server's memory, without locks, and keeps its scripts. */
const demotedByHand: Forgetting = async (third) => {
  const other = await startServer({ config: { 'repl-diskless-sync-delay': '0' } });
  return async () => {
    await third.cli('REPLICAOF', '127.0.0.1', other.port);
    await linked(third);
    await third.cli('REPLICAOF', 'NO', 'ONE');
  };
};

/** As a Sentinel does it: a server whose role it changes loses its clients. */
const demoted: Forgetting = async (third) => {
  const byHand = await demotedByHand(third);
  return async () => {
    await byHand();
    await third.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  };
};

/** It never was a replica of anybody. */
const replacedByStranger: Forgetting = async (third) => {
  const other = await startServer();
  await aged([other]);
  return async () => {
    await third.kill();
    await other.cli('CONFIG', 'SET', 'port', third.port);
  };
};

const FORGETTINGS: [string, Forgetting][] = [
  ['was killed and started again', restarted],
  ['was killed and read an old file', restartedFromAnOldFile],
  ['was replaced by a replica that is older', replacedByReplica],
  ['was demoted and promoted again', demoted],
];

function linked(replica: RedisServer): Promise<true> {
  return eventually(async () => (await replica.info('master_link_status')) === 'up' || undefined);
}

interface Scene {
  servers: RedisServer[];
  /** Held on the first three of five nodes. */
  lock: Lock;
  holder: Redlock;
  forget: () => Promise<unknown>;
  /** Another client of the same nodes. */
  open: () => Redlock;
}

/** Five nodes that have all been admitted; the holder was cut off from the last two as it took its lock. */
async function heldOnThree(options: RedlockOptions, forgetting: Forgetting): Promise<Scene> {
  const servers = await startNodes(5);
  const proxies = await startProxies(servers.slice(3));
  const holder = openRedlock([...servers.slice(0, 3), ...proxies], options);
  await connected(holder, servers);
  const forget = await forgetting(servers[2] as RedisServer);
  for (const proxy of proxies) proxy.refuse();
  const lock = await holder.acquire('r');
  await takenOnAll(servers.slice(0, 3), 'r');
  for (const server of servers.slice(3)) expect(await server.cli('EXISTS', 'r')).toBe(0);
  return { servers, lock, holder, forget, open: () => openRedlock(servers, options) };
}

const FAILURES = [AcquireTimeoutError, NodesQuarantinedError, QuorumUnreachableError];

/**
 * Tries to take the lock without waiting. While a node may have forgotten that it is held, two that deny are no proof; and on a busy machine nodes
 * may answer too late.
 */
async function tryToTake(redlock: Redlock): Promise<Lock | null> {
  try {
    return await redlock.tryAcquire('r');
  } catch (error) {
    if (FAILURES.some((each) => error instanceof each)) return null;
    throw error;
  }
}

/** Nobody gets the lock while the third node is being found out about, nor once it is in quarantine. */
async function expectExclusion(redlock: Redlock, lock: Lock): Promise<void> {
  let said: string | undefined;
  do {
    expect(await tryToTake(redlock)).toBeNull();
    said = (await saidOf(redlock, 'r'))[2];
    expect(said).not.toBe('free');
  } while (said !== 'quarantined');
  expect(await tryToTake(redlock)).toBeNull();
  expect(lock.state).toBe('held');
}

describe.each(FORGETTINGS)('when one of three nodes that hold a lock %s', (_, forgetting) => {
  it('it gives the lock to nobody who knew it before', async () => {
    const { servers, lock, forget, open } = await heldOnThree(SHORT, forgetting);
    const other = open();
    await connected(other, servers);
    await forget();
    await expectExclusion(other, lock);
  });

  it('it gives the lock to no newcomer', async () => {
    const { lock, forget, open } = await heldOnThree(SHORT, forgetting);
    await forget();
    await expectExclusion(open(), lock);
  });

  it('whoever waits gets the lock when it is given back', async () => {
    const { lock, forget, open } = await heldOnThree(SHORT, forgetting);
    await forget();
    const other = open();
    const waiting = other.acquire('r', { acquireTimeout: 20_000, retry: { maxTimeout: 50 } });
    await lock.release();
    await using next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  });

  it('without the guard a second holder gets in', async () => {
    const { servers, lock, forget, open } = await heldOnThree({ ...SHORT, ...UNGUARDED }, forgetting);
    const other = open();
    await connected(other, servers);
    await forget();
    await using second = await eventually(async () => (await tryToTake(other)) ?? undefined);
    expect([lock.state, second.state]).toEqual(['held', 'held']);
  });
});

describe('when another server that is older takes the place of one of three nodes that hold a lock', () => {
  it('it gives the lock to nobody who knew the one before', async () => {
    const { servers, lock, forget, open } = await heldOnThree(SHORT, replacedByStranger);
    const other = open();
    await connected(other, servers);
    await forget();
    await expectExclusion(other, lock);
  });
});

describe('when one of three nodes that hold a lock is demoted and promoted by hand', () => {
  it('a client that stays connected does not notice: its connections have to be dropped, as a Sentinel does', async () => {
    const { servers, lock, forget, open } = await heldOnThree(SHORT, demotedByHand);
    const other = open();
    await connected(other, servers);
    await forget();
    await using second = await other.acquire('r', { acquireTimeout: 0 });
    expect([lock.state, second.state]).toEqual(['held', 'held']);
  });

  it('it gives the lock to no newcomer', async () => {
    const { lock, forget, open } = await heldOnThree(SHORT, demotedByHand);
    await forget();
    await expectExclusion(open(), lock);
  });
});

describe('nodes that have just been started', () => {
  // Longer than any test by default: nobody waits for its end here.
  it('vote for a newcomer because others have admitted them, though one is missing that would have to be new as well', async () => {
    const servers = await startNodes(3);
    const first = openRedlock(servers);
    await connected(first, servers);
    await servers[2]?.kill();
    await using lock = await openRedlock(servers).acquire('r', { acquireTimeout: 20_000 });
    expect(lock.state).toBe('held');
  });

  it('do not vote for a newcomer while one is missing, if nobody has admitted them', async () => {
    const servers = await startNodes(3);
    await servers[2]?.kill();
    const error = await rejection(openRedlock(servers).tryAcquire('r'));
    expect(error).toMatchObject({ votes: [{ kind: 'quarantined' }, { kind: 'quarantined' }, {}] });
  });
});

describe('a node in quarantine', () => {
  it('is out of it for a call that waits, as soon as another call learns that others have admitted it', async () => {
    const servers = await startNodes(3);
    // `strict` admits no new node before its quarantine ends, which with the default maxTtl no call here waits for.
    const strict = openRedlock(servers, { restartGuard: 'strict' });
    const waiting = strict.acquire('r', { acquireTimeout: 20_000 });
    waiting.catch(() => {});
    expect(await rejection(strict.tryAcquire('s'))).toBeInstanceOf(NodesQuarantinedError);
    await connected(openRedlock(servers), servers);
    await (await strict.acquire('s', { acquireTimeout: 0 })).release();
    await (await waiting).release();
  });

  it('votes again when every lock that it may have forgotten is over', async () => {
    const { servers, lock, forget, open } = await heldOnThree(SHORT, restarted);
    await forget();
    const other = open();
    const next = await other.acquire('r', { acquireTimeout: 20_000, retry: { maxTimeout: 50 } });
    expect(lock.state).toBe('lost');
    await next.release();
    await eventually(async () => {
      await using each = await other.tryAcquire('s').catch(() => null);
      return each && (await servers[2]?.cli('EXISTS', 's')) === 1 ? true : undefined;
    });
    expect(Number(await servers[2]?.info('uptime_in_seconds')) * 1_000).toBeGreaterThanOrEqual(SHORT_TTL);
  });

  it('is named by every inspection that is made meanwhile, whichever node is the slowest to answer', async () => {
    const servers = await startNodes(5);
    const third = servers[2] as RedisServer;
    const redlock = openRedlock(servers, { nodeTimeout: 5_000 });
    await connected(redlock, servers);
    await third.restart();
    await eventually(async () => (await saidOf(redlock, 's'))[2] === 'quarantined' || undefined);
    for (let time = 0; time < 60; time++) {
      expect(await redlock.inspect('s')).toMatchObject({
        state: 'free',
        nodes: [
          { kind: 'free' },
          { kind: 'free' },
          { kind: 'quarantined', remaining: expect.any(Number) },
          { kind: 'free' },
          { kind: 'free' },
        ],
      });
    }
  });

  it('is given back the lock that it has forgotten when it votes again, and not before', async () => {
    const servers = await startNodes(5);
    const third = servers[2] as RedisServer;
    const redlock = openRedlock(servers, SHORT);
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r', { autoExtend: true });
    await takenOnAll(servers, 'r');
    await third.restart();
    await eventually(async () => (await saidOf(redlock, 's'))[2] === 'quarantined' || undefined);
    for (let time = 0; time < 10; time++) {
      await lock.extend();
      expect(await third.cli('EXISTS', 'r', '{r}:quorlock:fence')).toBe(0);
    }
    await takenOnAll([third], 'r');
    expect(Number(await third.info('uptime_in_seconds')) * 1_000).toBeGreaterThanOrEqual(SHORT_TTL);
    expect(await third.cli('GET', 'r')).toBe(lock.ownerToken);
    expect(await third.cli('GET', '{r}:quorlock:fence')).toBe(String(lock.fencingToken));
  });
});
