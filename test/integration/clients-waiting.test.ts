import type { RedisOptions } from 'ioredis';
import { type NodeSpec, Redlock } from 'quorlock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { client as clientOf } from '../support/clients/client.ts';
import { kind } from '../support/clients/kind.ts';
import { createClient } from '../support/clients/node-redis.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { SLACK, timed } from './fixtures/nodes.ts';
import { heardOn, standingOn, subscribersOf, UNWOKEN, wokenByRelease } from './fixtures/waiters.ts';

enforceNoLeaks();

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ config: { requirepass: 'sésame/?#' } });
});
afterAll(() => redis.stop());
afterEach(() => expectNoKeys([redis]));

function client(options: RedisOptions = {}): NodeSpec {
  return clientOf({ port: redis.port, password: 'sésame/?#', ...options });
}

function nodeRedisClient(options: object): NodeSpec {
  return createClient({ socket: { port: redis.port }, password: 'sésame/?#', ...options });
}

/** What the packages have of their own. */
const QUIRKS: [string, (options: object) => NodeSpec, object][] =
  kind.family === 'ioredis'
    ? [
        ['automatic pipelining', client, { enableAutoPipelining: true }],
        ['a command timeout', client, { commandTimeout: 1 }],
        ['no offline queue', client, { enableOfflineQueue: false }],
        [
          'endless retries of a command',
          client,
          { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: true },
        ],
        ['subscriptions of its own', client, { autoResubscribe: true }],
        ['read-only mode', client, { readOnly: true }],
        ['no reconnection', client, { retryStrategy: () => null }],
        ['a reconnection that sends again', client, { reconnectOnError: () => 2 }],
      ]
    : [
        ['RESP 2', nodeRedisClient, { RESP: 2 }],
        ['RESP 3', nodeRedisClient, { RESP: 3 }],
        ['a time limit', nodeRedisClient, { commandOptions: { timeout: 1 } }],
        ['values as Buffers', nodeRedisClient, { commandOptions: { typeMapping: { 36: Buffer } } }],
        ['no offline queue', nodeRedisClient, { disableOfflineQueue: true }],
        ['a queue of one command', nodeRedisClient, { commandsQueueMaxLength: 1 }],
        ['pings', nodeRedisClient, { pingInterval: 1 }],
        ['read-only mode', nodeRedisClient, { readonly: true }],
      ];

/** Resolves once somebody stands in line for `r` on another database. */
function heardOnDb(db: number): Promise<true> {
  return eventually(async () => (await standingOn(redis, 'r', db)) > 0 || undefined);
}

/** Expects that a call which waits with this client is woken by a release. */
async function expectWoken(spec: NodeSpec): Promise<void> {
  await using holder = new Redlock([redis.url]);
  await using redlock = new Redlock([spec]);
  const lock = await holder.acquire('r');
  const call = redlock.acquire('r', UNWOKEN);
  await heardOn([redis]);
  const won = await wokenByRelease(lock, call);
  expect(await won.release()).toMatchObject({ outcome: 'released' });
}

describe('a call that waits is woken, with a node given as', () => {
  it('a URL', () => expectWoken(redis.url));

  it('options', () => expectWoken({ port: redis.port, host: '127.0.0.1', password: 'sésame/?#' }));

  it('an instance', () => expectWoken(client()));

  it('an instance with a name', () => expectWoken(client({ connectionName: 'mine' })));

  it.each(QUIRKS)('an instance with %s', (_what, create, options) => expectWoken(create(options)));
});

describe('a call that waits on another database', () => {
  it('is woken by a release there', async () => {
    await using holder = new Redlock([client({ db: 3 })]);
    await using redlock = new Redlock([client({ db: 3 })]);
    const lock = await holder.acquire('r');
    const call = redlock.acquire('r', UNWOKEN);
    await heardOnDb(3);
    await (await wokenByRelease(lock, call)).release();
  });

  it('is not misled by a release here of the same name', async () => {
    await using here = new Redlock([redis.url]);
    await using holder = new Redlock([client({ db: 3 })]);
    await using redlock = new Redlock([client({ db: 3 })]);
    const lock = await holder.acquire('r');
    const call = redlock.acquire('r', UNWOKEN);
    await heardOnDb(3);
    await here.using('r', () => {});
    expect(await here.inspect('r')).toMatchObject({ state: 'free' });
    expect(lock.state).toBe('held');
    await (await wokenByRelease(lock, call)).release();
  });
});

describe('the connection that hears of turns', () => {
  it('is made again when it was cut, and hears of what was released meanwhile', async () => {
    await using holder = new Redlock([redis.url]);
    await using redlock = new Redlock([client()]);
    const lock = await holder.acquire('r');
    const call = redlock.acquire('r', UNWOKEN);
    await heardOn([redis]);
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    void lock.release();
    expect((await timed(call)).ms).toBeLessThan(1_000 + SLACK);
    await (await call).release();
  });

  it('is one for all keys, and not the one of the commands', async () => {
    await using holder = new Redlock([redis.url]);
    await using redlock = new Redlock([client()]);
    const locks = await Promise.all(['a', 'b', 'c'].map((resource) => holder.acquire(resource)));
    const calls = ['a', 'b', 'c'].map((resource) => redlock.acquire(resource, UNWOKEN));
    for (const resource of ['a', 'b', 'c']) await heardOn([redis], 1, resource);
    expect(await subscribersOf(redis)).toHaveLength(1);
    await Promise.all(locks.map((lock) => lock.release()));
    for (const call of calls) await (await call).release();
  });
});
