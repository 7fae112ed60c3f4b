import dns from 'node:dns';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Target } from '../../src/node/redis/locate.ts';
import { type LookupOptions, locateTarget, Names } from '../../src/node/redis/names.ts';
import { systemNames } from '../../src/node/redis/system-names.ts';
import { dnsError, FakeNames } from '../support/fake-names.ts';
import { ManualClock } from '../support/manual-clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a program may put in the place of `dns.lookup`. */
type Patch = (name: string, options: object, callback: (...answer: unknown[]) => void) => void;

function lookupBy(patch: Patch): Promise<{ error: Error | null; addresses: readonly string[] }> {
  vi.spyOn(dns, 'lookup').mockImplementation(patch as never);
  return new Promise((resolve) => {
    systemNames.lookup('a.example', 4, (error, addresses) => resolve({ error, addresses }));
  });
}

describe('the system’s look-up', () => {
  it('is the dns.lookup that the program has put in place', async () => {
    const patch = vi.fn<Patch>((_name, _options, callback) =>
      callback(null, [
        { address: '10.0.0.2', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]),
    );
    expect(await lookupBy(patch)).toEqual({ error: null, addresses: ['10.0.0.2', '10.0.0.1'] });
    expect(patch.mock.calls[0]?.slice(0, 2)).toEqual(['a.example', { all: true, family: 4 }]);
  });

  it.each<[string, Patch, string[]]>([
    ['a single address', (_name, _options, callback) => callback(null, '10.0.0.1', 4), ['10.0.0.1']],
    [
      'an array of texts',
      (_name, _options, callback) => callback(null, ['10.0.0.1', '::1']),
      ['10.0.0.1', '::1'],
    ],
    ['nothing', (_name, _options, callback) => callback(null), []],
  ])('may answer with %s', async (_what, patch, addresses) => {
    expect(await lookupBy(patch)).toEqual({ error: null, addresses });
  });

  it('fails with what a replaced dns.lookup throws', async () => {
    const { error } = await lookupBy(() => {
      throw new Error('not today');
    });
    expect(error?.message).toBe('not today');
  });

  it('may answer twice: the first answer counts', async () => {
    const answer = vi.fn();
    vi.spyOn(dns, 'lookup').mockImplementation(((_name: string, _options: object, callback: Function) => {
      callback(null, '10.0.0.1', 4);
      callback(null, '10.0.0.2', 4);
    }) as never);
    systemNames.lookup('a', 0, answer);
    expect(answer.mock.calls).toEqual([[null, ['10.0.0.1']]]);
  });
});

const locate = (target: Target, options: LookupOptions = {}) => {
  const services = new FakeNames();
  const found = vi.fn();
  const cancel = locateTarget(target, new Names(services, new ManualClock()), options)(found);
  expect(found).not.toHaveBeenCalled();
  return { services, found, cancel, settled: () => new Promise((resolve) => setImmediate(resolve)) };
};

describe('the name servers', () => {
  it.each([
    [4, 'resolve4', '10.0.0.1'],
    [6, 'resolve6', '::1'],
  ] as const)('are asked for IPv%d addresses until that is cancelled', (family, method, address) => {
    const cancel = vi.spyOn(dns.Resolver.prototype, 'cancel');
    const resolve = vi.spyOn(dns.Resolver.prototype, method).mockReturnValue();
    const answer = vi.fn();
    const stop = systemNames.resolve('a.example', family, answer);
    expect(resolve.mock.calls[0]?.[0]).toBe('a.example');
    const callback = resolve.mock.calls[0]?.[1] as unknown as (error: Error | null, found?: string[]) => void;
    callback(null, [address]);
    callback(dnsError('ENOTFOUND', 'a.example'));
    expect(answer.mock.calls).toEqual([
      [null, [address]],
      [dnsError('ENOTFOUND', 'a.example'), []],
    ]);
    stop();
    expect(cancel).toHaveBeenCalledTimes(1);
  });
});

describe('a name that c-ares does not take', () => {
  it('is one that the name servers do not know', () => {
    const error = dnsError('EBADNAME', 'a..b', 'queryA');
    vi.spyOn(dns.Resolver.prototype, 'resolve4').mockImplementation(() => {
      throw error;
    });
    const answer = vi.fn();
    systemNames.resolve('a..b', 4, answer);
    expect(answer.mock.calls).toEqual([[error, []]]);
  });
});

describe('the hosts file', () => {
  it('is read where the system has it, and is empty where there is none', () => {
    expect(systemNames.hosts()).toBeTypeOf('string');
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
    onTestFinished(() => {
      Object.defineProperty(process, 'platform', platform);
      vi.unstubAllEnvs();
    });
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
    vi.stubEnv('SystemRoot', '/no/such/folder');
    expect(systemNames.hosts()).toBe('');
  });
});

describe('where a target is', () => {
  it.each<[Target]>([
    [{ path: '/tmp/redis.sock' }],
    [{ host: '10.0.0.1', port: 1 }],
    [{ host: '::1', port: 1 }],
  ])('needs no look-up: %j', async (target) => {
    const lookup = vi.fn();
    const { found, services, settled } = locate(target, { lookup });
    await settled();
    expect(found.mock.calls).toEqual([[null, [target]]]);
    expect(lookup).not.toHaveBeenCalled();
    expect(services.queries).toEqual([]);
  });

  it('is told with the name for TLS, if it was a name', async () => {
    const { found, services, settled } = locate({ host: 'localhost', port: 1 });
    services.lookedUp('localhost').answer(null, ['::1', '127.0.0.1']);
    await settled();
    const servername = 'localhost';
    expect(found.mock.calls).toEqual([
      [
        null,
        [
          { host: '::1', port: 1, servername },
          { host: '127.0.0.1', port: 1, servername },
        ],
      ],
    ]);
  });

  it('is told with a name for TLS that has no dot at its end', async () => {
    const { found, services, settled } = locate({ host: 'a.example.', port: 1 });
    services.resolved('a.example.', null, ['10.0.0.1']);
    services.lookedUp('a.example.').answer(null, ['10.0.0.1']);
    await settled();
    expect(found.mock.calls).toEqual([[null, [{ host: '10.0.0.1', port: 1, servername: 'a.example' }]]]);
  });

  it('is not told after the search was ended', async () => {
    const { found, cancel, settled } = locate({ path: '/tmp/redis.sock' });
    cancel();
    await settled();
    expect(found).not.toHaveBeenCalled();
  });

  describe('by a user’s own look-up', () => {
    it('is what it answers', async () => {
      const { found, services, settled } = locate(
        { host: 'a.example', port: 1 },
        { lookup: (_name, callback) => callback(null, '10.0.0.1', 4) },
      );
      await settled();
      expect(found.mock.calls).toEqual([[null, [{ host: '10.0.0.1', port: 1, servername: 'a.example' }]]]);
      expect(services.queries).toEqual([]);
    });

    it('is looked up as usual when it answers with a name', async () => {
      const { found, services, settled } = locate(
        { host: 'localhost', port: 1 },
        { lookup: (name, callback) => callback(null, name), family: 4 },
      );
      services.lookedUp('localhost').answer(null, ['127.0.0.1']);
      await settled();
      expect(found.mock.calls).toEqual([[null, [{ host: '127.0.0.1', port: 1, servername: 'localhost' }]]]);
      expect(services.lookedUp('localhost').family).toBe(4);
    });

    it.each<[string, NonNullable<LookupOptions['lookup']>, string]>([
      ['its error', (_name, callback) => callback(new Error('no such pod'), ''), 'no such pod'],
      [
        'what it throws',
        () => {
          throw new Error('oops');
        },
        'oops',
      ],
      ['no address', (_name, callback) => callback(null, ''), 'the dnsLookup function gave no address'],
    ])('fails with %s', async (_what, lookup, reason) => {
      const { found, settled } = locate({ host: 'a.example', port: 1 }, { lookup });
      await settled();
      expect(found.mock.calls).toEqual([[expect.any(Error), []]]);
      expect(found.mock.calls[0]?.[0].message).toBe(`cannot resolve "a.example": ${reason}`);
    });

    it('is not told after the search was ended', async () => {
      let answer: (() => void) | undefined;
      const { found, cancel, settled } = locate(
        { host: 'a.example', port: 1 },
        {
          lookup: (_name, callback) => {
            answer = () => callback(null, '10.0.0.1');
          },
        },
      );
      cancel();
      answer?.();
      await settled();
      expect(found).not.toHaveBeenCalled();
    });
  });
});
