import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FencingMarkError, StaleFencingTokenError } from '../../src/fencing/errors.ts';
import { type FencedRedis, fencedCheck, fencedDelete, fencedSet } from '../../src/fencing/fenced-redis.ts';
import { GUARD } from '../../src/fencing/guard-script.ts';

const evaluate = vi.fn<FencedRedis['eval']>();
const client = { eval: evaluate };
const set = (...args: unknown[]) => Reflect.apply(fencedSet, undefined, args) as Promise<void>;
const MARK = 'k:quorlock:mark:{k}';

beforeEach(() => {
  evaluate.mockReset().mockResolvedValue(['accepted']);
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

describe('what is answered', () => {
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
    [[null, 'k', 'v', 5], TypeError, 'client must be an ioredis Redis or Cluster, not null'],
    [
      [{ evalsha: evaluate }, 'k', 'v', 5],
      TypeError,
      'client must be an ioredis Redis or Cluster, not an object',
    ],
  ])('%o sends nothing', async (args, Type, message) => {
    const error: unknown = await set(...args).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Type);
    expect((error as Error).message).toContain(message);
    expect(evaluate).not.toHaveBeenCalled();
  });
});
