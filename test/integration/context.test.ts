import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { createMemoryNodes } from '../../src/testing.ts';
import { CONTEXTS, type Contexts, passing } from '../support/contexts.ts';
import { eventually } from '../support/eventually.ts';
import { collectGarbage } from '../support/garbage.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { aborted, connected, openRedlock, startNodes, UNGUARDED } from './fixtures/nodes.ts';
import { heardOn } from './fixtures/waiters.ts';

enforceNoLeaks();

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The name of each command in RESP. */
const COMMAND = /\*\d+\r\n\$\d+\r\n([A-Z]+)\r\n/gi;

/** One call waits for the lock of another, with a connection for that if it is the first. */
async function wait(redlock: Redlock, servers: readonly RedisServer[], theirs: Redlock): Promise<void> {
  const lock = await theirs.acquire('b');
  const waiting = redlock.acquire('b');
  await heardOn(servers, 1, 'b');
  await lock.release();
  await (await waiting).release();
}

/** Resolves once nothing refers to it any more; the watch on its last command may for a while. */
async function collected(reference: WeakRef<object>): Promise<void> {
  await eventually(async () => {
    await collectGarbage();
    return reference.deref() === undefined || undefined;
  });
}

describe.each(CONTEXTS)('seen by %s', (_name, begin) => {
  let contexts: Contexts;
  beforeEach(() => {
    contexts = begin();
  });
  afterEach(() => contexts.end());

  it('commands and connections belong to no call', async () => {
    const servers = await startNodes(3);
    const theirs = openRedlock(servers, UNGUARDED);
    await connected(theirs, servers);
    const outside = contexts.current();
    const seen: [string, unknown][] = [];
    const write = Reflect.get(Socket.prototype, 'write') as (...args: unknown[]) => boolean;
    vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, ...args: unknown[]) {
      // The test has sockets of its own.
      if (new Error().stack?.includes('/src/link/'))
        for (const [, name = ''] of String(args[0]).matchAll(COMMAND))
          seen.push([name.toLowerCase(), contexts.current()]);
      return Reflect.apply(write, this, args);
    });
    try {
      const redlock = await contexts.run({ is: 'the first' }, async () => {
        const made = openRedlock(servers, UNGUARDED);
        await Promise.all([made.acquire('c'), made.acquire('d')]).then((locks) =>
          Promise.all(locks.map((lock) => lock.release())),
        );
        await wait(made, servers, theirs);
        return made;
      });
      await Promise.all(servers.map((server) => server.cli('CLIENT', 'KILL', 'TYPE', 'normal')));
      await Promise.all(servers.map((server) => server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')));
      await contexts.run({ is: 'another' }, async () => {
        await (await redlock.acquire('e')).release();
        await wait(redlock, servers, theirs);
      });
    } finally {
      vi.restoreAllMocks();
    }
    const names = new Set(seen.map(([name]) => name));
    for (const name of ['info', 'evalsha', 'ssubscribe']) expect(names).toContain(name);
    expect(seen.filter(([, context]) => context !== outside)).toEqual([]);
  });

  it('signals abort where their locks were taken', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { ttl: 500 });
    await connected(redlock, servers);
    const requests = [{ is: 'one' }, { is: 'two' }];
    const seen: unknown[] = [];
    const locks = await Promise.all(
      requests.map((request, i) =>
        contexts.run(request, async () => {
          const lock = await redlock.acquire(`r${i}`);
          lock.signal.addEventListener('abort', () => {
            seen[i] = contexts.current();
          });
          return lock;
        }),
      ),
    );
    for (const { signal } of locks) await aborted(signal);
    expect(seen).toEqual(requests);
  });

  it("a request is not kept alive by another's lock, nor by the Redlock and the connections that were made for it", async () => {
    const servers = await startNodes(3);
    const theirs = openRedlock(servers, UNGUARDED);
    await connected(theirs, servers);
    const redlocks: Redlock[] = [];
    const request = await passing(contexts, async () => {
      const redlock = openRedlock(servers, { ...UNGUARDED, ttl: 2_000 });
      redlocks.push(redlock);
      await redlock.using('a', () => sleep(5));
      await wait(redlock, servers, theirs);
    });
    const [redlock] = redlocks as [Redlock];
    const long = await redlock.acquire('long', { autoExtend: true });
    // Another call goes on to use what was made for the request.
    const held = await theirs.acquire('c', { autoExtend: true });
    const waiting = redlock.acquire('c', { acquireTimeout: Number.POSITIVE_INFINITY });
    await collected(request);
    expect([long.state, held.state]).toEqual(['held', 'held']);
    await held.release();
    await (await waiting).release();
    await long.release();
  });

  it("a request is not kept alive by another's lock, nor by a Redlock on nodes in memory", async () => {
    const nodes = createMemoryNodes(3);
    const redlocks: Redlock[] = [];
    const request = await passing(contexts, async () => {
      const [ours, theirs] = [new Redlock(nodes, { ttl: 2_000 }), new Redlock(nodes)];
      redlocks.push(ours, theirs);
      await ours.using('a', () => sleep(5));
      // More than nodes in memory do in one turn of the event loop.
      await Promise.all(Array.from({ length: 400 }, (_, i) => ours.using(`r${i}`, () => {})));
      const lock = await theirs.acquire('b');
      setTimeout(() => void lock.release(), 20);
      await (await ours.acquire('b')).release();
    });
    const long = await redlocks[0]?.acquire('long', { autoExtend: true });
    await collected(request);
    await long?.release();
    for (const redlock of redlocks) await redlock.close();
  });
});
