import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type ProxyOptions, startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

enforceNoLeaks();

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.cli('FLUSHALL');
});

async function proxied(options?: ProxyOptions): Promise<TcpProxy> {
  const proxy = await startProxy(redis.port, options);
  onTestFinished(() => proxy.stop());
  return proxy;
}

async function connect(proxy: TcpProxy): Promise<Socket> {
  const client = net
    .connect(proxy.port, '127.0.0.1')
    .setEncoding('utf8')
    .on('error', () => {});
  onTestFinished(() => {
    client.destroy();
  });
  await once(client, 'connect');
  return client;
}

/** Resolves when `client` is closed, by an error or not. */
function closed(client: Socket): Promise<unknown> {
  return new Promise((resolve) => client.once('close', resolve));
}

/** Resolves when `client` has been answered `text`. */
async function answer(client: Socket, text: string): Promise<void> {
  for (let read = ''; read !== text; ) {
    const [chunk] = await once(client, 'data');
    read += chunk;
    if (!text.startsWith(read)) throw new Error(`answered ${read}`);
  }
}

/** Resolves once the server has no other client than the one that asks. */
function serverAlone(): Promise<true> {
  return eventually(async () => ((await redis.info('connected_clients')) === '1' ? true : undefined));
}

describe('the proxy', () => {
  it('passes bytes both ways, and a close', async () => {
    const proxy = await proxied();
    const client = await connect(proxy);
    client.write('SET k v\r\n');
    await answer(client, '+OK\r\n');
    expect(proxy.connections).toBe(1);
    client.end();
    await closed(client);
    await serverAlone();
    expect(proxy.connections).toBe(0);
  });

  it('delays answers without reordering them', async () => {
    const proxy = await proxied();
    const client = await connect(proxy);
    const began = performance.now();
    proxy.delay(30);
    // Held only to learn that the first answer is under way before the delay ends.
    proxy.hold('answers');
    const held = proxy.held('answers');
    client.write('ECHO 1\r\n');
    await held;
    proxy.delay(0);
    proxy.resumeFlow();
    client.write('ECHO 2\r\n');
    await answer(client, '$1\r\n1\r\n$1\r\n2\r\n');
    expect(performance.now() - began).toBeGreaterThanOrEqual(30);
  });

  it('holds requests, tells of it, and delivers them in order', async () => {
    const proxy = await proxied();
    const client = await connect(proxy);
    proxy.hold('requests');
    const held = proxy.held('requests');
    client.write('RPUSH l a\r\n');
    await held;
    const second = proxy.requests('l b');
    client.write('RPUSH l b\r\n');
    expect(await second).toBe('RPUSH l b\r\n');
    expect(await redis.cli('EXISTS', 'l')).toBe(0);
    proxy.resumeFlow();
    await answer(client, ':1\r\n:2\r\n');
    expect(await redis.cli('LRANGE', 'l', 0, -1)).toEqual(['a', 'b']);
  });

  it('holds answers: the write happened, the reply never came', async () => {
    const proxy = await proxied();
    const client = await connect(proxy);
    proxy.hold('answers');
    client.write('SET k v\r\n');
    await proxy.held('answers');
    expect(await redis.cli('GET', 'k')).toBe('v');
    const answered = answer(client, '+OK\r\n');
    proxy.resumeFlow('answers');
    await answered;
  });

  it('cuts connections, and admits new ones', async () => {
    const proxy = await proxied();
    const client = await connect(proxy);
    const error = once(client, 'error');
    proxy.cut();
    expect(await error).toMatchObject([{ code: 'ECONNRESET' }]);
    await serverAlone();
    const next = await connect(proxy);
    next.write('PING\r\n');
    await answer(next, '+PONG\r\n');
  });

  it('refuses connections until it accepts again', async () => {
    const proxy = await proxied();
    const client = await connect(proxy);
    const gone = closed(client);
    proxy.refuse();
    await gone;
    await expect(connect(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.accept();
    const next = await connect(proxy);
    next.write('PING\r\n');
    await answer(next, '+PONG\r\n');
  });

  it('as a black hole swallows everything on old and new connections, for good', async () => {
    const proxy = await proxied();
    const old = await connect(proxy);
    old.write('PING\r\n');
    await answer(old, '+PONG\r\n');
    await proxy.blackhole();
    const met = await connect(proxy);
    const events: string[] = [];
    for (const client of [old, met]) {
      for (const event of ['data', 'end', 'error']) client.on(event, () => events.push(event));
      client.write('SET k v\r\n');
    }
    await serverAlone();
    await proxy.accept();
    const next = await connect(proxy);
    next.write('GET k\r\n');
    await answer(next, '$-1\r\n');
    expect(events).toEqual([]);
  });

  it('resets its client when the server is not there', async () => {
    const proxy = await startProxy(1);
    onTestFinished(() => proxy.stop());
    const client = await connect(proxy);
    if (!client.destroyed) await closed(client);
    expect(client.errored).toMatchObject({ code: 'ECONNRESET' });
  });

  it('outlives a server that is killed', async () => {
    const mortal = await startRedis();
    onTestFinished(() => mortal.stop());
    const proxy = await startProxy(mortal.port);
    onTestFinished(() => proxy.stop());
    const client = await connect(proxy);
    const gone = closed(client);
    await mortal.kill();
    await gone;
    await mortal.restart();
    const next = await connect(proxy);
    next.write('PING\r\n');
    await answer(next, '+PONG\r\n');
  });
});

describe('requests that are held when their client goes away', () => {
  it.each([
    { deliverAfterClose: false, leave: 'FIN', written: 0 },
    { deliverAfterClose: false, leave: 'RST', written: 0 },
    { deliverAfterClose: 'fin', leave: 'FIN', written: 1 },
    { deliverAfterClose: 'fin', leave: 'RST', written: 0 },
    { deliverAfterClose: true, leave: 'FIN', written: 1 },
    { deliverAfterClose: true, leave: 'RST', written: 1 },
  ] as const)('$leave, deliverAfterClose: $deliverAfterClose => written: $written', async (row) => {
    const proxy = await proxied({ deliverAfterClose: row.deliverAfterClose });
    const client = await connect(proxy);
    proxy.hold('requests');
    client.write('SET k v\r\n');
    await proxy.held('requests');
    if (row.leave === 'RST') {
      client.resetAndDestroy();
      await eventually(async () => (proxy.connections === 0 ? true : undefined));
    } else {
      client.end();
      await once(client, 'finish');
    }
    // A second connection's bytes pass through the proxy after the first one's FIN.
    const other = await connect(proxy);
    other.write('PING\r\n');
    await proxy.requests('PING');
    proxy.resumeFlow();
    await answer(other, '+PONG\r\n');
    other.destroy();
    await serverAlone();
    expect(await redis.cli('EXISTS', 'k')).toBe(row.written);
  });
});
