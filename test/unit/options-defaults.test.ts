import { describe, expect, it } from 'vitest';
import { type AcquireOptions, Redlock, type RedlockOptions, type RetryOptions } from '../../src/index.ts';
import { type CallOptions, resolveCall, resolveSettings, type Settings } from '../../src/options.ts';
import { resolveResources } from '../../src/resources.ts';
import { rejectionOf } from '../support/peek.ts';
import { scriptedNodes } from '../support/scripted-node.ts';

function callOptions(settings: Settings, options: AcquireOptions | undefined): CallOptions {
  return resolveCall(settings, options, 'waits');
}

describe('the defaults', () => {
  it('are these', () => {
    expect(resolveSettings()).toMatchObject({
      connectTimeout: 2_000,
      fenceRetention: 3_600_000,
      restartGuard: 'auto',
      keyPrefix: '',
      call: {
        ttl: 10_000,
        driftFactor: 0.01,
        nodeTimeout: 500,
        acquireTimeout: 10_000,
        retry: {
          retries: Number.POSITIVE_INFINITY,
          factor: 1.5,
          minTimeout: 50,
          maxTimeout: 1_000,
          randomize: true,
        },
        autoExtend: undefined,
        maxHoldTime: Number.POSITIVE_INFINITY,
        fencing: true,
        maxTtl: 30_000,
      },
    });
  });

  it('of a call without options are the constructor’s', () => {
    const settings = resolveSettings({ ttl: 2_000, acquireTimeout: 5 });
    expect(callOptions(settings, undefined)).toBe(settings.call);
    expect(callOptions(settings, {})).toEqual(settings.call);
  });

  it.each([
    [1_000, 100],
    [60, 50],
    [4_000, 400],
    [30_000, 500],
  ])('wait a tenth of a ttl of %d ms for a node, between 50 and 500: %d', (ttl, nodeTimeout) => {
    expect(resolveSettings({ ttl }).call.nodeTimeout).toBe(nodeTimeout);
  });

  it('go by the ttl of the call', () => {
    const settings = resolveSettings({ ttl: 10_000 });
    expect(callOptions(settings, { ttl: 1_000 })).toMatchObject({ ttl: 1_000, nodeTimeout: 100 });
  });

  it('do not replace a nodeTimeout that the constructor was given', () => {
    const settings = resolveSettings({ nodeTimeout: 300 });
    expect(callOptions(settings, { ttl: 1_000 })).toMatchObject({ nodeTimeout: 300 });
  });

  it('keep the ttl within maxTtl', () => {
    expect(resolveSettings({ maxTtl: 3_000 }).call.ttl).toBe(3_000);
    expect(() => resolveSettings({ maxTtl: 3_000, ttl: 3_001 })).toThrow(RangeError);
    expect(() => callOptions(resolveSettings({ maxTtl: 3_000 }), { ttl: 3_001 })).toThrow(
      /to 3000, not 3001/,
    );
  });

  it('name maxTtl, and what raising it costs, where a ttl is above it', () => {
    const costs =
      'ttl must be a whole number from 4 to 30000, not 90000; to use a longer ttl, raise maxTtl in all processes; ' +
      'a restarted node then grants no new locks for 91.9 s instead of 31.3 s';
    expect(() => resolveSettings({ ttl: 90_000 })).toThrow(new RangeError(costs));
    expect(() => callOptions(resolveSettings(), { ttl: 90_000 })).toThrow(new RangeError(costs));
    expect(() => resolveSettings({ ttl: 0 })).toThrow('ttl must be a whole number from 4 to 30000, not 0');
    expect(() => resolveSettings({ ttl: 0 })).not.toThrow('raise');
  });

  it.each([
    [60_000, 3_600_000],
    [1_800_000, 3_600_000],
    [1_800_001, 3_600_002],
  ])('keep counters for an hour, or twice a maxTtl of %d ms if that is more: %d', (maxTtl, retention) => {
    expect(resolveSettings({ maxTtl }).fenceRetention).toBe(retention);
  });

  it('make maxTimeout no less than minTimeout', () => {
    expect(resolveSettings({ retry: { minTimeout: 3_000 } }).call.retry.maxTimeout).toBe(3_000);
    expect(() => resolveSettings({ retry: { minTimeout: 300, maxTimeout: 200 } })).toThrow(
      'retry.maxTimeout must be a number from 300',
    );
  });

  it('stand for options that are undefined', () => {
    const settings = resolveSettings({ ttl: 2_000, retry: { minTimeout: 7 } });
    expect(
      callOptions(settings, {
        ttl: undefined,
        retry: { minTimeout: undefined },
      }),
    ).toEqual(settings.call);
    expect(callOptions(settings, { retry: undefined })).toEqual(settings.call);
  });

  it('stand for options that are undefined, whichever they are', () => {
    const retry: Required<RetryOptions> = {
      retries: undefined,
      factor: undefined,
      minTimeout: undefined,
      maxTimeout: undefined,
      randomize: undefined,
    };
    // Complete, so that the compiler says it when an option is added that must not be undefined.
    const call: Required<AcquireOptions> = {
      ttl: undefined,
      driftFactor: undefined,
      nodeTimeout: undefined,
      acquireTimeout: undefined,
      retry,
      autoExtend: undefined,
      maxHoldTime: undefined,
      fencing: undefined,
      lockDelay: undefined,
      label: undefined,
      signal: undefined,
    };
    const { signal, ...defaults } = call;
    const all: Required<RedlockOptions> = {
      ...defaults,
      connectTimeout: undefined,
      maxTtl: undefined,
      fenceRetention: undefined,
      restartGuard: undefined,
      keyPrefix: undefined,
      clock: undefined,
      random: undefined,
    };
    expect(resolveSettings(all)).toEqual(resolveSettings());
    const settings = resolveSettings({ ttl: 2_000 });
    expect(callOptions(settings, { ...call, signal })).toEqual(settings.call);
  });

  it('stand for a ttl and a signal that are undefined', async () => {
    const redlock = new Redlock(scriptedNodes(1, { grant: { kind: 'granted', counter: 7 } }));
    const lock = await redlock.acquire('r', { ttl: undefined, signal: undefined });
    expect(lock.remaining()).toBeGreaterThan(5_000);
    await redlock.close();
  });

  it('are merged with the retry options of a call one by one', () => {
    const settings = resolveSettings({ retry: { minTimeout: 7, factor: 2 } });
    expect(callOptions(settings, { retry: { factor: 3 } }).retry).toMatchObject({ minTimeout: 7, factor: 3 });
  });

  it('do not change when the options object does', () => {
    const retry = { minTimeout: 7 };
    const options: RedlockOptions = { ttl: 2_000, retry };
    const settings = resolveSettings(options);
    options.ttl = 3_000;
    options.nodeTimeout = Number.NaN;
    retry.minTimeout = 9;
    expect(callOptions(settings, { acquireTimeout: 1 })).toMatchObject({
      ttl: 2_000,
      nodeTimeout: 200,
      retry: { minTimeout: 7 },
    });
  });
});

describe('what is to be locked', () => {
  it.each([undefined, null, 5, {}, '', new Set(['r'])])('cannot be %o', async (resource) => {
    const nodes = scriptedNodes(1);
    const redlock = new Redlock(nodes);
    for (const resources of [resource, ['r', resource]]) {
      const error = await rejectionOf(redlock.acquire(resources as string));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/^resource must be a non-empty string/);
    }
    expect(nodes[0]?.requests).toEqual([]);
  });

  it('cannot be nothing', () => {
    expect(() => resolveResources([])).toThrow(TypeError);
    expect(() => resolveResources([])).toThrow('resources must be at least one resource, not an empty array');
  });

  it('cannot be more than 1000 resources', () => {
    const resources = Array.from({ length: 1_001 }, (_, index) => `r${index}`);
    expect(() => resolveResources(resources)).toThrow(RangeError);
    expect(resolveResources(resources.slice(1))).toHaveLength(1_000);
    expect(resolveResources([...resources.slice(1), 'r1'])).toHaveLength(1_000);
  });

  it('cannot end as the counters of fencing tokens do', () => {
    expect(() => resolveResources('a:quorlock:fence')).toThrow(RangeError);
    expect(resolveResources('a:quorlock:fence:b')).toEqual(['a:quorlock:fence:b']);
  });

  it('is kept in its order, without duplicates', () => {
    expect(resolveResources(['b', 'a', 'b', 'c', 'a'])).toEqual(['b', 'a', 'c']);
  });

  it('must be possible on every node', async () => {
    const nodes = scriptedNodes(3);
    const [, second] = nodes;
    if (second) second.objects = 'not in one slot';
    const error = await rejectionOf(new Redlock(nodes).acquire(['r', 's']));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toBe('b cannot lock "r", "s": not in one slot');
    expect(nodes.flatMap(({ requests }) => requests)).toEqual([]);
  });
});

describe('the list of nodes', () => {
  it.each([undefined, null, [], 'redis://a', {}, 5])('cannot be %j', (nodes) => {
    expect(() => new Redlock(nodes as [])).toThrow(TypeError);
    expect(() => new Redlock(nodes as [])).toThrow(/^nodes must be a non-empty array of nodes, not /);
  });

  it.each([undefined, null, 5, true, ''])('cannot hold %j', (node) => {
    expect(() => new Redlock([...scriptedNodes(1), node] as unknown as [])).toThrow(TypeError);
    expect(() => new Redlock([...scriptedNodes(1), node] as unknown as [])).toThrow(/^nodes\[1\] must be /);
  });

  it('cannot hold a node twice', () => {
    const [node] = scriptedNodes(1);
    expect(() => new Redlock([node, node] as never)).toThrow(TypeError);
    expect(() => new Redlock([node, node] as never)).toThrow('nodes[1] is the same as nodes[0]: a');
  });

  it('cannot hold a URL twice, and shows no password of it', () => {
    const urls = ['redis://user:s3cret@host:7001', 'redis://host:7001/2'];
    expect(() => new Redlock(urls)).toThrow('nodes[1] is the same as nodes[0]: host:7001');
  });
});
