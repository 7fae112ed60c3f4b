import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FakeRedis, startFakeRedis } from '../support/fake-redis.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { linkClients } from '../support/link-clients.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { linkUp, loopback, WatchedLink } from '../support/watched-link.ts';

enforceNoLeaks();

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis({
    config: { requirepass: 'secret', user: 'ann on >hers ~* &* +@all' },
  });
});
afterAll(() => server.stop());

describe.each(linkClients)('a link by $name', (client) => {
  const opened: WatchedLink[] = [];
  const open = (options = {}, port = server.port): WatchedLink => {
    const watched = new WatchedLink(client.source(options).open, loopback(port));
    opened.push(watched);
    return watched;
  };
  afterEach(() => {
    for (const { link } of opened.splice(0)) link.cut();
  });

  test('is connected, and then up, after AUTH and SELECT', async () => {
    const watched = open({ username: 'ann', password: 'hers', db: 3 });
    await watched.happened('up');
    expect(watched.events).toEqual(['connected', 'up']);
    expect(await watched.send('ACL', 'WHOAMI')).toBe('ann');
    expect(await watched.send('CLIENT', 'INFO')).toMatch(/ db=3 /);
  });

  test('is down with the words of the server when AUTH fails', async () => {
    const watched = open({ username: 'ann', password: 'wrong' });
    await watched.happened('down');
    expect(watched.cause?.message).toMatch(/^WRONGPASS /);
    expect(watched.events).toEqual(['connected', 'down']);
  });

  test('is down with the words of the server when SELECT fails', async () => {
    const watched = open({ username: 'ann', password: 'hers', db: 99 });
    await watched.happened('down');
    expect(watched.cause?.message).toBe('ERR DB index is out of range');
    expect(watched.events).toEqual(['connected', 'down']);
  });

  test.each([
    'ERR Client sent AUTH, but no password is set',
    "ERR wrong number of arguments for 'auth' command",
  ])('is down when AUTH is answered with %s', async (refusal) => {
    const fake = await startFakeRedis(() => `-${refusal}\r\n`);
    const watched = open({ username: 'ann', password: 'hers' }, fake.port);
    await watched.happened('down');
    expect(watched.cause?.message).toBe(refusal);
    await fake.stop();
  });

  test('is not up before the server has answered AUTH and SELECT', async () => {
    const fake = await startFakeRedis(() => '');
    const watched = open({ username: 'ann', password: 'hers', db: 1 }, fake.port);
    await watched.happened('connected');
    await expect.poll(() => fake.commands.map(([name]) => name?.toUpperCase())).toEqual(['AUTH', 'SELECT']);
    expect(watched.events).toEqual(['connected']);
    await expect(watched.send('GET', 'a')).rejects.toThrow(/^the connection/);
    await expect(watched.subscribe('a')).rejects.toThrow(/^the connection/);
    await fake.stop();
    await watched.happened('down');
  });

  test('sends no command of its own', async () => {
    const fake = await startFakeRedis(() => '+OK\r\n');
    const watched = await openUp(fake);
    await watched.send('SET', 'a', 1);
    await sleep(50);
    watched.link.cut();
    expect(fake.commands).toEqual([['SET', 'a', '1']]);
    await fake.stop();
  });

  test('is down once, and never connects again, when the server ends the connection', async () => {
    const fake = await startFakeRedis(() => '');
    const watched = await openUp(fake);
    const unanswered = watched.send('GET', 'a');
    unanswered.catch(() => {});
    await fake.stop();
    await watched.happened('down');
    await expect(unanswered).rejects.toThrow();
    const again = await startAgain(fake);
    await sleep(100);
    expect(again.commands).toEqual([]);
    expect(watched.events).toEqual(['connected', 'up', 'down']);
    await expect(watched.send('GET', 'a')).rejects.toThrow(/^the connection/);
    await again.stop();
  });

  test('is down when nobody listens', async () => {
    const watched = open({}, 1);
    await watched.happened('down');
    expect(watched.cause?.message).toMatch(/ECONNREFUSED/);
    expect(watched.events).toEqual(['down']);
  });

  test.each([
    ['at once', async () => {}],
    ['after a microtask', () => Promise.resolve()],
    ['after a tick', () => new Promise<void>((resolve) => process.nextTick(resolve))],
  ])('leaves nothing, and tells nothing, when it is cut %s', async (_, pass) => {
    const watched = new WatchedLink(client.source({ username: 'ann', password: 'hers' }).open, loopback(1));
    const other = new WatchedLink(client.source().open, loopback(server.port));
    await pass();
    other.link.cut();
    other.link.cut();
    await watched.happened('down');
    await sleep(20);
    expect(other.events).toEqual([]);
  });

  test('tells nothing any more when it is cut while the server is to answer AUTH', async () => {
    const fake = await startFakeRedis(() => '');
    const watched = open({ username: 'ann', password: 'hers' }, fake.port);
    await watched.happened('connected');
    watched.link.cut();
    await sleep(20);
    expect(watched.events).toEqual(['connected']);
    await fake.stop();
  });

  async function openUp({ port }: FakeRedis): Promise<WatchedLink> {
    const watched = await linkUp(client.source().open, port);
    opened.push(watched);
    return watched;
  }
});

async function startAgain({ port }: FakeRedis): Promise<FakeRedis> {
  const again = new FakeRedis(port, () => '');
  await again.listen();
  return again;
}
