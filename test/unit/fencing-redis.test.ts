import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FencingMarkError, StaleFencingTokenError } from '../../src/fencing/errors.ts';
import { fencedCheck, fencedDelete, fencedSet } from '../../src/fencing/fenced-redis.ts';
import type { FencedRedis } from '../../src/fencing/guard-client.ts';
import { GUARD } from '../../src/fencing/guard-script.ts';

type NodeRedis = Extract<FencedRedis, { evalSha: unknown }>;
type Ioredis = Exclude<FencedRedis, NodeRedis>;

const evaluate = vi.fn<Ioredis['eval']>();
const client = { eval: evaluate };
const nodeRedisEvaluate = vi.fn<NodeRedis['eval']>();
const nodeRedis = {
  eval: nodeRedisEvaluate,
  evalSha: vi.fn<() => void>(),
  withTypeMapping: vi.fn<() => void>(),
};
const set = (...args: unknown[]) => Reflect.apply(fencedSet, undefined, args) as Promise<void>;
const MARK = 'k:quorlock:mark:{k}';

beforeEach(() => {
  evaluate.mockReset().mockResolvedValue(['accepted']);
  nodeRedisEvaluate.mockReset().mockResolvedValue(['accepted']);
});

describe('what is sent', () => {
  it('is one call of the script', async () => {
    await fencedSet(client, 'k', 'v', 5);
    expect(evaluate.mock.calls).toEqual([[GUARD, 2, 'k', MARK, '5', 'SET', 'v']]);
  });

  it('has the ttl in ms', async () => {
    await fencedSet(client, 'k', 'v', 5, { ttl: 1_500 });
    expect(evaluate.mock.lastCall?.slice(5)).toEqual(['SET', 'v', 'PX', '1500']);
  });

  it('has a Buffer as it is', async () => {
    const value = Buffer.from([0, 255]);
    await fencedSet(client, 'k', value, 5);
    expect(evaluate.mock.lastCall?.at(-1)).toBe(value);
  });

  it('has the token digit by digit', async () => {
    await fencedCheck(client, 'k', Number.MAX_SAFE_INTEGER);
    expect(evaluate.mock.lastCall?.slice(4)).toEqual(['9007199254740991']);
  });

  it('to delete is the same without a value', async () => {
    await fencedDelete(client, 'k', 5);
    expect(evaluate.mock.lastCall?.slice(4)).toEqual(['5', 'DEL']);
  });

  it.each([['app:'], [Buffer.from('app:')]])(
    'takes the client’s prefix %o into account',
    async (keyPrefix) => {
      await fencedCheck({ ...client, options: { keyPrefix } }, 'k', 5);
      expect(evaluate.mock.lastCall?.slice(2, 4)).toEqual(['k', 'k:quorlock:mark:{app:k}']);
    },
  );

  it('leaves before the call returns, so that writes keep their order', () => {
    void fencedSet(client, 'k', 'v', 5);
    expect(evaluate).toHaveBeenCalledOnce();
  });

  it('is not sent again after an error', async () => {
    const broken = new Error('Connection is closed.');
    evaluate.mockRejectedValue(broken);
    await expect(fencedSet(client, 'k', 'v', 5)).rejects.toBe(broken);
    expect(evaluate).toHaveBeenCalledOnce();
  });
});

describe('what is sent by node-redis', () => {
  it('is one call of the script, with an object', async () => {
    await fencedSet(nodeRedis, 'k', 'v', 5, { ttl: 1_500 });
    const options = { keys: ['k', MARK], arguments: ['5', 'SET', 'v', 'PX', '1500'] };
    expect(nodeRedisEvaluate.mock.calls).toEqual([[GUARD, options]]);
  });

  it('has a Buffer as it is', async () => {
    const value = Buffer.from([0, 255]);
    await fencedSet(nodeRedis, 'k', value, 5);
    expect(nodeRedisEvaluate.mock.lastCall?.[1].arguments.at(-1)).toBe(value);
  });

  it.each([['app:'], [Buffer.from('app:')]])(
    'takes the prefix %o of version 6 into account',
    async (prefix) => {
      await fencedCheck({ ...nodeRedis, _keyPrefix: prefix } as FencedRedis, 'k', 5);
      expect(nodeRedisEvaluate.mock.lastCall?.[1].keys).toEqual(['k', 'k:quorlock:mark:{app:k}']);
    },
  );

  it('ignores a prefix in the options of version 5, as that does', async () => {
    await fencedCheck({ ...nodeRedis, options: { keyPrefix: 'app:' } }, 'k', 5);
    expect(nodeRedisEvaluate.mock.lastCall?.[1].keys).toEqual(['k', MARK]);
  });

  it('leaves before the call returns', () => {
    void fencedSet(nodeRedis, 'k', 'v', 5);
    expect(nodeRedisEvaluate).toHaveBeenCalledOnce();
  });

  it('is not sent again after an error', async () => {
    const broken = new Error('Socket closed unexpectedly');
    nodeRedisEvaluate.mockRejectedValue(broken);
    await expect(fencedSet(nodeRedis, 'k', 'v', 5)).rejects.toBe(broken);
    expect(nodeRedisEvaluate).toHaveBeenCalledOnce();
  });
});

describe('what is answered', () => {
  it('may be in Buffers', async () => {
    nodeRedisEvaluate.mockResolvedValue([Buffer.from('accepted')]);
    await fencedSet(nodeRedis, 'k', 'v', 5);
    nodeRedisEvaluate.mockResolvedValue([Buffer.from('stale'), Buffer.from('9007199254740991')]);
    await expect(fencedSet(nodeRedis, 'k', 'v', 5)).rejects.toEqual(
      new StaleFencingTokenError('k', 5, Number.MAX_SAFE_INTEGER),
    );
    nodeRedisEvaluate.mockResolvedValue([Buffer.from('unreadable'), Buffer.from('a hash')]);
    await expect(fencedSet(nodeRedis, 'k', 'v', 5)).rejects.toEqual(
      new FencingMarkError('k', 5, MARK, 'a hash'),
    );
  });

  it('decides on a stale token', async () => {
    evaluate.mockResolvedValue(['stale', '9007199254740991']);
    await expect(fencedSet(client, 'k', 'v', 5)).rejects.toEqual(
      new StaleFencingTokenError('k', 5, Number.MAX_SAFE_INTEGER),
    );
  });

  it('decides on a mark that is none', async () => {
    evaluate.mockResolvedValue(['unreadable', 'a hash']);
    await expect(fencedSet(client, 'k', 'v', 5)).rejects.toEqual(
      new FencingMarkError('k', 5, MARK, 'a hash'),
    );
  });

  it.each([[undefined], [null], ['accepted'], [[]], [['maybe']]])(
    'is no permission if it is %o',
    async (reply) => {
      evaluate.mockResolvedValue(reply);
      await expect(fencedSet(client, 'k', 'v', 5)).rejects.toThrow(
        'client did not say how the guard of "k" decided',
      );
    },
  );
});

const USABLE =
  'a Redis or Cluster of ioredis or iovalkey, or a client, pool, cluster or Sentinel client of node-redis (5.12 or later)';

describe('bad input', () => {
  it.each([
    [[client, '', 'v', 5], TypeError, 'key must be a non-empty string, not ""'],
    [[client, 'a{b', 'v', 5], RangeError, 'key must be a string without braces'],
    [[client, 'k', 5, 5], TypeError, 'value must be a string or a Buffer, not 5'],
    [[client, 'k', 'v', 0], RangeError, 'fencingToken must be a whole number from 1 to'],
    [[client, 'k', 'v', 2 ** 53], RangeError, 'fencingToken must be a whole number from 1 to'],
    [[client, 'k', 'v', '5'], TypeError, 'fencingToken must be a whole number from 1 to'],
    [[client, 'k', 'v'], TypeError, 'fencingToken must be a whole number from 1 to'],
    [[client, 'k', 'v', 5, { ttl: 0 }], RangeError, 'ttl must be a whole number from 1 to'],
    [[client, 'k', 'v', 5, { ttl: 1.5 }], RangeError, 'ttl must be a whole number from 1 to'],
    [[client, 'k', 'v', 5, { tll: 5 }], TypeError, 'did you mean ttl?'],
    [[client, 'k', 'v', 5, 1_000], TypeError, 'options must be an object, not 1000'],
    [[null, 'k', 'v', 5], TypeError, `client must be ${USABLE}, not null`],
  ])('%o sends nothing', async (args, Type, message) => {
    const error: unknown = await set(...args).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Type);
    expect((error as Error).message).toContain(message);
    expect(evaluate).not.toHaveBeenCalled();
  });
});

const send = () => Promise.resolve(['accepted']);

describe('a client that the guards cannot use', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['a URL, which may have a password', 'redis://:secret@a', 'a string'],
    ['a class', Buffer, 'a function'],
    ['a promise of a client', Promise.resolve(client), 'a promise (await it first)'],
    ['GLIDE', { customCommand: send }, 'a client of GLIDE'],
    ['something else', { evalsha: send }, 'an object without eval()'],
    [
      'node-redis 3',
      { eval: send, evalsha: send },
      'a client of node-redis 3 or of another package with an evalsha()',
    ],
    [
      'node-redis 4, or legacy()',
      { eval: send, evalSha: send },
      'a client of node-redis 4, what legacy() returns, or a transaction',
    ],
  ])('is %s', async (_, misfit, found) => {
    await expect(set(misfit, 'k', 'v', 5)).rejects.toEqual(
      new TypeError(`client must be ${USABLE}, not ${found}`),
    );
  });
});
