import { describe, expect, it } from 'vitest';
import type { Lock, Redlock } from '../../src/index.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { type Fixture, runFixture } from './fixtures/child.ts';
import { arbitersFor, keyWithOneArbiter, lineIs, openRedlocks, PATIENT, queueUp } from './fixtures/line.ts';
import { connected, openRedlock, startNodes, startProxies } from './fixtures/nodes.ts';

enforceNoLeaks();

/** Five servers, a lock, and proxies between the servers and the first of two that will wait for it. */
interface Scene {
  readonly resource: string;
  readonly servers: RedisServer[];
  readonly proxies: TcpProxy[];
  readonly arbiter: RedisServer;
  /** The one before the arbiter. */
  readonly proxy: TcpProxy;
  readonly lock: Lock;
  readonly second: Redlock;
}

async function scene(): Promise<Scene> {
  const servers = await startNodes(5);
  const proxies = await startProxies(servers);
  const resource = keyWithOneArbiter(servers, proxies);
  const [holder, second] = (await openRedlocks(2, servers)) as [Redlock, Redlock];
  const [arbiter] = arbitersFor(servers, resource) as [RedisServer];
  const [proxy] = arbitersFor(proxies, resource) as [TcpProxy];
  const lock = await holder.acquire(resource, { ttl: 30_000 });
  return { resource, servers, proxies, arbiter, proxy, lock, second };
}

/** How far the first in line has come with its turn. */
const STAGES = {
  /** It stands in line, and its turn is not here yet. */
  'in line': async ({ lock }: Scene, end: () => unknown): Promise<void> => {
    await end();
    void lock.release();
  },
  /** The key is reserved for it, and it does not know. */
  'with its turn on its way': async ({ lock, proxy, proxies }: Scene, end: () => unknown): Promise<void> => {
    for (const each of proxies) each.hold('answers');
    void lock.release();
    await proxy.held('answers');
    await end();
  },
  /** It knows, and no node has got what it asks for. */
  'with its requests on their way': async (
    { lock, proxy, proxies }: Scene,
    end: () => unknown,
  ): Promise<void> => {
    for (const each of proxies) each.hold('requests');
    void lock.release();
    await proxy.held('requests');
    await end();
  },
} as const;

/** The first in line, behind the proxies. */
async function firstInLine({ resource, servers, proxies, arbiter }: Scene): Promise<{
  first: Redlock;
  controller: AbortController;
  call: Promise<Lock>;
}> {
  const first = openRedlock(proxies, PATIENT);
  await connected(first, servers);
  const controller = new AbortController();
  const [call] = await queueUp([first], arbiter, resource, { signal: controller.signal });
  return { first, controller, call: call as Promise<Lock> };
}

/** Expects that the second in line gets the lock; while it has it, what was held up arrives. */
async function expectServed(call: Promise<Lock>, { proxies }: Scene): Promise<void> {
  const lock = await call;
  for (const proxy of proxies) proxy.resumeFlow();
  await lock.release();
}

describe.each(Object.entries(STAGES))('the next one gets the lock, and nothing is left: %s', (_, stage) => {
  it.each<[string, (controller: AbortController, redlock: Redlock) => Promise<unknown>]>([
    ['aborts', async (controller) => controller.abort()],
    ['is closed', async (_controller, redlock) => void redlock.close()],
  ])('the first %s', async (_how, end) => {
    const set = await scene();
    const { resource, servers, arbiter, second } = set;
    const { first, controller, call } = await firstInLine(set);
    const [next] = (await queueUp([second], arbiter, resource)) as [Promise<Lock>];
    await stage(set, () => end(controller, first));
    await expect(call).rejects.toThrow();
    await expectServed(next, set);
    await expectNoKeys(servers);
  });

  it('the time of the first is up', async () => {
    const set = await scene();
    const { resource, servers, proxies, arbiter, second } = set;
    const first = openRedlock(proxies, PATIENT);
    await connected(first, servers);
    // How long it stands in line after the second has come to it, for which a busy machine needs its time.
    const acquireTimeout = 1_000;
    const call = first.acquire(resource, { acquireTimeout });
    call.catch(() => {});
    await lineIs(arbiter, 1, resource);
    const [next] = (await queueUp([second], arbiter, resource)) as [Promise<Lock>];
    const isUp = expect(call).rejects.toMatchObject({ code: 'ACQUIRE_TIMEOUT' });
    await stage(set, () => isUp);
    await expectServed(next, set);
    await expectNoKeys(servers);
  });

  it.each<[string, (child: Fixture) => Promise<void>]>([
    [
      'is killed',
      async ({ process, exit }) => {
        process.kill('SIGKILL');
        await exit;
      },
    ],
    ['is stopped', async ({ process }) => void process.kill('SIGSTOP')],
  ])('the process of the first %s', async (how, end) => {
    const set = await scene();
    const { resource, servers, proxies, arbiter, second } = set;
    const child = runFixture('patient.ts', [proxies.map(({ url }) => url).join(','), resource]);
    await lineIs(arbiter, 1, resource);
    const [next] = (await queueUp([second], arbiter, resource)) as [Promise<Lock>];
    await stage(set, () => end(child));
    await expectServed(next, set);
    if (how === 'is stopped') {
      // It runs again, and gets the lock like any other waiter.
      child.process.kill('SIGCONT');
      await child.printed('locked');
      child.process.kill('SIGUSR2');
      await child.exit;
    }
    await expectNoKeys(servers);
  });
});

it('what the first has asked for before it aborted is undone when it arrives after the next one has had the lock', async () => {
  const set = await scene();
  const { resource, servers, proxies, arbiter, second } = set;
  const { controller, call } = await firstInLine(set);
  const [next] = (await queueUp([second], arbiter, resource)) as [Promise<Lock>];
  await STAGES['with its requests on their way'](set, () => controller.abort());
  await expect(call).rejects.toBe(controller.signal.reason);
  await (await next).release();
  for (const proxy of proxies) proxy.resumeFlow();
  await expectNoKeys(servers);
});
