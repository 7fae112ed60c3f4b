import { describe, expect, it } from 'vitest';
import type { Redlock } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import type { RedisServer } from '../support/redis-server.ts';
import type { DeliverAfterClose } from '../support/tcp-link.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { operationsIn } from './fixtures/commands.ts';
import { connected, openRedlock, startNodes, startProxies, takenOnAll } from './fixtures/nodes.ts';

enforceNoLeaks();

interface Setting {
  redlock: Redlock;
  servers: RedisServer[];
  server: RedisServer;
  proxy: TcpProxy;
}

/** Three nodes; the connection to the last goes through a proxy. */
async function threeNodes(deliverAfterClose: DeliverAfterClose = false): Promise<Setting> {
  const servers = await startNodes(3);
  const [proxy] = await startProxies(servers.slice(2), { deliverAfterClose });
  if (!proxy) throw new Error('no proxy');
  const redlock = openRedlock([...servers.slice(0, 2), proxy], { nodeTimeout: 1_000 });
  await connected(redlock, servers);
  return { redlock, servers, server: servers[2] as RedisServer, proxy };
}

/** Resolves once the node behind the proxy grants again. */
async function backAgain({ redlock, server }: Setting): Promise<void> {
  await eventually(async () => {
    await using lock = await redlock.tryAcquire('probe');
    return lock && (await server.cli('EXISTS', 'probe')) === 1 ? true : undefined;
  });
}

describe('when the connection broke', () => {
  it('between a grant and its release, the release is done on the next one', async () => {
    const setting = await threeNodes();
    const { redlock, servers, server, proxy } = setting;
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    proxy.refuse();
    expect(await lock.release()).toMatchObject({ outcome: 'released' });
    expect(await server.cli('GET', 'r')).toBe(lock.ownerToken);
    await proxy.accept();
    await expectNoKeys(servers);
  });

  it('with a grant that was executed without an answer, it is rolled back on the next one', async () => {
    const setting = await threeNodes();
    const { redlock, servers, server, proxy } = setting;
    proxy.hold('answers');
    const lock = await redlock.acquire('r');
    await takenOnAll([server], 'r');
    proxy.refuse();
    await lock.release();
    expect(await server.cli('GET', 'r')).toBe(lock.ownerToken);
    proxy.resumeFlow();
    await proxy.accept();
    await expectNoKeys(servers);
  });

  it('what is owed goes before anything newer', async () => {
    const setting = await threeNodes();
    const { redlock, servers, proxy } = setting;
    proxy.hold('requests');
    const lock = await redlock.acquire('r');
    await proxy.held('requests');
    await lock.release();
    const first = proxy.requests((chunk) => operationsIn(chunk).length > 0);
    proxy.cut();
    proxy.resumeFlow();
    await backAgain(setting);
    const sent = operationsIn(await first);
    expect(sent[0]?.verb).toBe('release');
    expect(sent).toContainEqual({ verb: 'release', token: lock.ownerToken });
    await expectNoKeys(servers);
  });

  it('locks that failed meanwhile leave nothing, however many', async () => {
    const setting = await threeNodes();
    const { redlock, servers, server, proxy } = setting;
    proxy.hold('answers');
    // At once, before the server is found to be silent.
    const locks = await Promise.all(Array.from({ length: 300 }, (_, i) => redlock.acquire(`r${i}`)));
    await takenOnAll([server], 'r299');
    proxy.refuse();
    await Promise.all(locks.map((lock) => lock.release()));
    expect((await server.cli('KEYS', 'r*')) as string[]).toHaveLength(300);
    proxy.resumeFlow();
    await proxy.accept();
    await expectNoKeys(servers);
  });

  it.each<[string, DeliverAfterClose]>([
    ['discarded', false],
    ['delivered all the same', true],
  ])('with a grant under way, nothing is left when it is %s', async (_, deliverAfterClose) => {
    const setting = await threeNodes(deliverAfterClose);
    const { redlock, servers, proxy } = setting;
    proxy.hold('requests');
    const lock = await redlock.acquire('r');
    await proxy.held('requests');
    proxy.cut();
    await lock.release();
    proxy.resumeFlow();
    await backAgain(setting);
    await expectNoKeys(servers);
  });

  it('because the server was cut for its silence, it gets what it is owed when it goes on', async () => {
    const setting = await threeNodes();
    const { redlock, servers, server, proxy } = setting;
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    server.pause();
    await lock.release();
    await eventually(async () => proxy.connections === 0 || undefined);
    server.resume();
    await expectNoKeys(servers);
  });

  it('it is owed by close too, to a node that is about to be connected again', async () => {
    const setting = await threeNodes();
    const { redlock, servers, server, proxy } = setting;
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    proxy.hold('answers');
    const introduction = proxy.requests((chunk) => /\binfo\b/i.test(chunk));
    proxy.cut();
    await lock.release();
    await introduction;
    expect(await server.cli('GET', 'r')).toBe(lock.ownerToken);
    const closing = redlock.close();
    proxy.resumeFlow();
    await closing;
    await expectNoKeys(servers);
  });
});

describe('a lock that is held while a connection breaks', () => {
  it('is on the node again after an extension', async () => {
    const setting = await threeNodes();
    const { redlock, servers, server, proxy } = setting;
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    proxy.cut();
    await server.cli('DEL', 'r');
    await backAgain(setting);
    await lock.extend();
    await takenOnAll([server], 'r');
    await lock.release();
    await expectNoKeys(servers);
  });
});
