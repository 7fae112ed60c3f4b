import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startFakeRedis } from '../support/fake-redis.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { linkClients } from '../support/link-clients.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { linkUp, type WatchedLink } from '../support/watched-link.ts';

enforceNoLeaks();

/** What users may have set, and what a lock must not have. */
const ODD = {
  ioredis: [
    { keyPrefix: 'prefix:' },
    { commandTimeout: 1 },
    { socketTimeout: 1 },
    { connectTimeout: 1 },
    { enableAutoPipelining: true },
    { readOnly: true },
    { enableOfflineQueue: true, maxRetriesPerRequest: null, autoResendUnfulfilledCommands: true },
    { connectionName: 'name' },
    { stringNumbers: true },
    { protocol: 3, replyMapping: 'resp3' },
    { enableReadyCheck: true },
    { monitor: true },
    { retryStrategy: () => 1, reconnectOnError: () => 2 },
    { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'mymaster' },
    { path: '/nowhere.sock' },
    { scripts: { odd: { lua: 'return 1', numberOfKeys: 0 } } },
    { showFriendlyErrorStack: true },
    { clientInfoTag: 'tag' },
    { family: 6 },
  ],
  'node-redis': [
    { keyPrefix: 'prefix:' },
    { commandOptions: { timeout: 1 } },
    { commandOptions: { typeMapping: { 36: Buffer, 43: Buffer, 58: String } } },
    { commandOptions: { asap: true } },
    { commandsQueueMaxLength: 1 },
    { disableOfflineQueue: false },
    { pingInterval: 1 },
    { RESP: 3 },
    { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } },
    { RESP: 3, emitInvalidate: true },
    { RESP: 3, maintNotifications: 'enabled' },
    { RESP: 2 },
    { name: 'name' },
    { readonly: true },
    { url: 'redis://127.0.0.1:1' },
    { clientInfoTag: 'tag' },
    { socket: { port: 1, socketTimeout: 1 } },
    { socket: { port: 1, connectTimeout: 1 } },
    { socket: { port: 1, reconnectStrategy: () => 1 } },
    { socket: { path: '/nowhere.sock' } },
  ],
};

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

describe.each(linkClients)('an instance of $name', (client) => {
  describe.each<object>(ODD[client.family])('with %o', (more) => {
    const opened: WatchedLink[] = [];
    afterEach(() => {
      for (const { link } of opened.splice(0)) link.cut();
    });

    test('gives links that are as all others', async () => {
      const { instance, open } = client.source({ more });
      const options = snapshot(instance.options);
      const watched = await linkUp(open, server.port);
      opened.push(watched);
      await watched.send('SET', 'key', 'text');
      const replies = await Promise.all([
        watched.send('EVAL', "return {1, redis.call('GET', KEYS[1]), {}, false}", 1, 'key'),
        watched.send('STRLEN', 'key'),
        watched.send('PING'),
        watched.send('CLIENT', 'GETNAME'),
      ]);
      expect(replies).toEqual([[1, 'text', [], null], 4, 'PONG', null]);
      await watched.subscribe('news');
      await server.cli('SPUBLISH', 'news', 'text');
      await watched.happened('message');
      expect(watched.messages).toEqual([['news', 'text']]);
      // Nobody has connected it, changed it, or listened to it.
      expect(snapshot(instance.options)).toEqual(options);
      expect(instance.listenerCount('error')).toBe(0);
      expect(Reflect.get(instance, 'status') ?? 'wait').toBe('wait');
      expect(Reflect.get(instance, 'isOpen') ?? false).toBe(false);
    });

    test('sends no command of its own, and waits for an answer as long as it takes', async () => {
      const fake = await startFakeRedis(() => '');
      const watched = await linkUp(client.source({ more }).open, fake.port);
      watched.send('GET', 'a').catch(() => {});
      watched.send('GET', 'b').catch(() => {});
      const sent = [
        ['GET', 'a'],
        ['GET', 'b'],
      ];
      await expect.poll(() => fake.commands).toEqual(sent);
      await sleep(10);
      expect(fake.commands).toEqual(sent);
      expect(watched.events).toEqual(['connected', 'up']);
      watched.link.cut();
      await fake.stop();
    });
  });
});

/** Deep enough to see a change of what is in them. */
function snapshot(options: object): object {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
        ? { ...value }
        : value,
    ]),
  );
}
