import { describe, expect, it } from 'vitest';
import { type AcquireOptions, Redlock, type RedlockOptions } from '../../src/index.ts';
import { resolveCall, resolveSettings } from '../../src/options.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { rejectionOf } from '../support/peek.ts';
import { scriptedNodes } from '../support/scripted-node.ts';

const NUMBERS = [0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const OTHERS = ['5', '', null, true, {}, [], () => 5, 5n];

/** Which of NUMBERS an option takes; all else is out of its range. */
const TAKES: Record<string, readonly number[]> = {
  ttl: [],
  maxTtl: [],
  driftFactor: [0],
  nodeTimeout: [1.5],
  connectTimeout: [1.5],
  acquireTimeout: [0, 1.5, Number.POSITIVE_INFINITY],
  maxHoldTime: [Number.POSITIVE_INFINITY],
  'retry.retries': [0, Number.POSITIVE_INFINITY],
  'retry.factor': [1.5],
  'retry.minTimeout': [0, 1.5],
  'retry.maxTimeout': [],
};

function withOption(name: string, value: unknown): RedlockOptions {
  const [outer = '', inner] = name.split('.');
  return inner === undefined ? { [outer]: value } : { [outer]: { [inner]: value } };
}

/** The error of the constructor, and of a call if the option may be given there; nothing may have been sent. */
async function errorsOf(name: string, value: unknown): Promise<unknown[]> {
  const errors: unknown[] = [];
  const nodes = scriptedNodes(3);
  const options = withOption(name, value);
  try {
    void new Redlock(nodes, options);
  } catch (error) {
    errors.push(error);
  }
  if (name !== 'maxTtl' && name !== 'connectTimeout') {
    const redlock = new Redlock(nodes, { clock: new ManualClock() });
    errors.push(await rejectionOf(redlock.acquire('r', options)));
    errors.push(await rejectionOf(redlock.using('r', options as AcquireOptions, () => 1)));
  }
  expect(nodes.flatMap(({ requests }) => requests)).toEqual([]);
  return errors;
}

describe('an option that is a number', () => {
  const bad = Object.entries(TAKES).flatMap(([name, takes]) =>
    NUMBERS.filter((value) => !takes.includes(value)).map((value) => [name, value] as const),
  );
  it.each(bad)('%s cannot be %d', async (name, value) => {
    const errors = await errorsOf(name, value);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) {
      expect(error).toBeInstanceOf(RangeError);
      expect((error as Error).message).toMatch(/^[\w.]+ must be a (whole )?number from \d+ (to|up)/);
      expect((error as Error).message).toContain(`${name} must be`);
      expect((error as Error).message).toContain(`not ${value}`);
    }
  });

  const wrongType = Object.keys(TAKES).flatMap((name) => OTHERS.map((value) => [name, value] as const));
  it.each(wrongType)('%s cannot be %o', async (name, value) => {
    const errors = await errorsOf(name, value);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) {
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(`${name} must be a`);
    }
  });

  it.each([
    ['maxTtl', 2 ** 31 - 1],
    ['nodeTimeout', 2 ** 31 - 1],
  ])('%s cannot be longer than %d ms', (name, longest) => {
    expect(() => resolveSettings(withOption(name, longest + 1))).toThrow(`to ${longest}, not ${longest + 1}`);
  });

  it('maxTtl can be 2^31 − 1 ms', () => {
    expect(resolveSettings({ maxTtl: 2 ** 31 - 1 }).call.maxTtl).toBe(2 ** 31 - 1);
  });

  const good = Object.entries(TAKES).flatMap(([name, takes]) => takes.map((value) => [name, value] as const));
  it.each(good)('%s can be %d', (name, value) => {
    expect(() => resolveSettings(withOption(name, value))).not.toThrow();
  });
});

describe('an option of another kind', () => {
  it.each([
    ['autoExtend', 'yes', TypeError],
    ['autoExtend', null, TypeError],
    ['fencing', 'no', TypeError],
    ['fencing', 0, TypeError],
    ['fencing', null, TypeError],
    ['retry', 5, TypeError],
    ['retry', null, TypeError],
    ['retry', true, TypeError],
    ['retry', 'often', TypeError],
    ['retry', [], TypeError],
    ['retry.randomize', 1, TypeError],
    ['retry.randomize', null, TypeError],
  ])('%s cannot be %j', async (name, value, Type) => {
    for (const error of await errorsOf(name, value)) {
      expect(error).toBeInstanceOf(Type);
      expect((error as Error).message).toContain(`${name} must be`);
    }
  });

  it.each([
    ['keyPrefix', 5, TypeError],
    ['keyPrefix', null, TypeError],
    ['restartGuard', 'on', RangeError],
    ['restartGuard', 'Auto', RangeError],
    ['restartGuard', true, TypeError],
    ['restartGuard', null, TypeError],
    ['clock', {}, TypeError],
    ['clock', null, TypeError],
    ['clock', { now: (): number => 0 }, TypeError],
    ['clock', { now: (): number => 0, after: (): void => {} }, TypeError],
    ['random', Math.random, TypeError],
    ['random', { token: () => 'x', fraction: 0.5 }, TypeError],
  ])('%s of the constructor cannot be %j', (name, value, Type) => {
    expect(() => new Redlock(scriptedNodes(1), withOption(name, value))).toThrow(Type);
    expect(() => new Redlock(scriptedNodes(1), withOption(name, value))).toThrow(`${name} must be`);
  });

  it.each([
    [{ keyPrefix: 5 }, 'keyPrefix must be a string, not 5'],
    [{ restartGuard: 'on' }, "restartGuard must be 'auto', 'strict' or 'off', not \"on\""],
    [
      { fenceRetention: 59_999 },
      'fenceRetention must be a whole number from 60000 to 31536000000, not 59999',
    ],
    [{ fenceRetention: 31_536_000_001 }, 'to 31536000000, not 31536000001'],
    [{ maxTtl: 90_000, fenceRetention: 120_000 }, 'fenceRetention must be a whole number from 180000'],
    [{ fenceRetention: 200_000.5 }, 'not 200000.5'],
  ])('of the constructor is refused with what it can be: %j', (options, message) => {
    expect(() => resolveSettings(options as RedlockOptions)).toThrow(message);
  });

  it.each(['auto', 'strict', 'off'] as const)('restartGuard can be %s', (restartGuard) => {
    expect(resolveSettings({ restartGuard }).restartGuard).toBe(restartGuard);
  });

  it.each([60_000, 31_536_000_000])('fenceRetention can be %d ms', (fenceRetention) => {
    expect(resolveSettings({ fenceRetention }).fenceRetention).toBe(fenceRetention);
  });

  it.each([5, null, {}, 'abort', new AbortController()])('signal cannot be %o', async (signal) => {
    const redlock = new Redlock(scriptedNodes(1));
    const error = await rejectionOf(redlock.acquire('r', { signal } as unknown as AcquireOptions));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain('signal must be');
  });

  it.each([null, 5, 'ttl', []])('the options themselves cannot be %j', async (options) => {
    expect(() => new Redlock(scriptedNodes(1), options as RedlockOptions)).toThrow(TypeError);
    const redlock = new Redlock(scriptedNodes(1));
    expect(await rejectionOf(redlock.acquire('r', options as AcquireOptions))).toBeInstanceOf(TypeError);
  });

  it('the options themselves are called options where they are refused', () => {
    const refused = 'options must be an object, not null';
    expect(() => resolveSettings(null as unknown as RedlockOptions)).toThrow(refused);
    expect(() => resolveCall(resolveSettings(), null as unknown as AcquireOptions, 'waits')).toThrow(refused);
  });
});

describe('an unknown option', () => {
  it.each([
    ['TTL', 'ttl'],
    ['tll', 'ttl'],
    ['retries', 'retry'],
    ['nodeTimeOut', 'nodeTimeout'],
    ['autoextend', 'autoExtend'],
  ])('%s brings up %s', async (name, meant) => {
    for (const error of await errorsOf(name, 5)) {
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(`"${name}"`);
      expect((error as Error).message).toContain(`did you mean ${meant}?`);
    }
  });

  it('that resembles none lists those that are known', () => {
    expect(() => resolveSettings(withOption('somethingElse', 1))).toThrow(
      /^unknown (?!.*did you mean).*known: ttl, /,
    );
  });

  it.each([
    ['retry.retires', 'retries'],
    ['retry.maxTimeOut', 'maxTimeout'],
  ])('%s brings up %s', async (name, meant) => {
    for (const error of await errorsOf(name, 5)) {
      expect((error as Error).message).toContain(`did you mean ${meant}?`);
    }
  });

  it.each(['connectTimeout', 'maxTtl', 'keyPrefix', 'clock', 'random', 'restartGuard', 'fenceRetention'])(
    'of a call is %s, which is the constructor’s',
    async (name) => {
      const redlock = new Redlock(scriptedNodes(1));
      const error = await rejectionOf(redlock.acquire('r', withOption(name, 5)));
      expect((error as Error).message).toMatch(new RegExp(`^unknown name "${name}"`));
    },
  );

  it.each(['acquireTimeout', 'retry'])('of tryAcquire is %s, since it never waits', async (name) => {
    const redlock = new Redlock(scriptedNodes(1));
    const error = await rejectionOf(redlock.tryAcquire('r', withOption(name, 5)));
    expect((error as Error).message).toMatch(new RegExp(`^unknown name "${name}"`));
  });

  it.each(['acquireTimeout', 'retry', 'maxTtl', 'anything'])(
    '%s that is undefined counts as not given, as a spread may leave it',
    async (name) => {
      const { redlock } = memoryRedlock(1);
      expect((await redlock.tryAcquire('r', withOption(name, undefined)))?.state).toBe('held');
      expect(() => resolveSettings(withOption(name, undefined))).not.toThrow();
    },
  );

  it('of the constructor is signal, which is a call’s', () => {
    expect(() => resolveSettings({ signal: AbortSignal.abort() } as RedlockOptions)).toThrow(TypeError);
  });
});

describe('validity that options leave', () => {
  it.each([
    { ttl: 53 },
    { ttl: 100, nodeTimeout: 97 },
    { ttl: 1_000, nodeTimeout: 988 },
    { ttl: 1_000, driftFactor: 0.999 },
    { ttl: 4, nodeTimeout: 1, driftFactor: 0.001 },
  ])('cannot be less than 1 ms: %j', (options) => {
    expect(() => resolveSettings(options)).toThrow(RangeError);
    expect(() => resolveSettings(options)).toThrow(
      /^ttl \d+ ms is too short: .* leaves -?\d+ ms of validity/,
    );
  });

  it.each([
    [{ maxTtl: 53 }, 'maxTtl 53 ms, which is also the default ttl, is too short: '],
    [{ driftFactor: 0.999 }, 'the default ttl of 10000 ms is too short: '],
    [{ nodeTimeout: 2 ** 31 - 1 }, 'the default ttl of 10000 ms is too short: '],
    [{ maxTtl: 53, ttl: 53 }, 'ttl 53 ms is too short: '],
  ])('is missed by what was given, which the message names: %j', (options, message) => {
    expect(() => resolveSettings(options)).toThrow(RangeError);
    expect(() => resolveSettings(options)).toThrow(message);
  });

  it.each([
    { ttl: 54 },
    { ttl: 100, nodeTimeout: 96 },
    { ttl: 5, nodeTimeout: 1 },
    { ttl: 4, nodeTimeout: 1, driftFactor: 0 },
    { ttl: 4_000, nodeTimeout: 1, driftFactor: 0.999 },
    { maxTtl: 54 },
  ])('can be 1 ms: %j', (options) => {
    expect(() => resolveSettings(options)).not.toThrow();
  });

  it('is checked for each call', () => {
    const settings = resolveSettings({ nodeTimeout: 500 });
    expect(() => resolveCall(settings, { ttl: 501 }, 'waits')).toThrow(RangeError);
  });
});

describe('the options of calls', () => {
  it('are shared by calls in a row that say the same, and by no others', () => {
    const settings = resolveSettings({ ttl: 1_000 });
    const first = resolveCall(settings, { ttl: 500, retry: { factor: 3 } }, 'waits');
    expect(resolveCall(settings, { ttl: 500, retry: { factor: 3 } }, 'waits')).toBe(first);
    const other = resolveCall(settings, { ttl: 500, retry: { factor: 4 } }, 'waits');
    expect(other).toEqual({ ...first, retry: { ...first.retry, factor: 4 } });
    expect(first.retry.factor).toBe(3);
    expect(resolveCall(settings, undefined, 'waits')).toBe(settings.call);
    expect(settings.call.ttl).toBe(1_000);
  });
});
