import { describe, expect, it } from 'vitest';
import { type ChaosOptions, commandOf, readOptions } from './options.ts';

describe('options', () => {
  it.each([
    ['--seconds', '0', '--seconds must be a whole number from 1 to 86400, not "0"'],
    ['--seed', 'x', '--seed must be a whole number from 0 to 2147483647, not "x"'],
    ['--clients', '', '--clients must be a whole number from 1 to 64, not ""'],
    ['--driver', 'podman', '--driver must be compose or process, not "podman"'],
    ['--restart-guard', 'on', '--restart-guard must be auto or strict or off, not "on"'],
    ['--redis-client', 'jedis', '--redis-client must be ioredis or node-redis or mixed, not "jedis"'],
    ['--out', '', '--out must be a directory, not ""'],
  ])('%s %j is refused, and it is said why', (name, value, message) => {
    expect(() => readOptions([name, value])).toThrow(message);
  });

  it('are all optional', () => {
    const { seed, ...others } = readOptions([]) as ChaosOptions;
    expect(seed).toBeGreaterThan(0);
    expect(others).toEqual({
      driver: undefined,
      seconds: 30,
      clients: 6,
      out: 'chaos-report',
      limits: 'kept',
      restartGuard: 'auto',
      redisClient: 'mixed',
      store: 'guarded',
    });
  });

  it('come back in the command that replays a run', () => {
    const words =
      '--driver process --seconds 5 --seed 7 --clients 2 --out "d" --break-limits --restart-guard off --redis-client node-redis --store unguarded';
    const options = readOptions(words.replaceAll('"', '').split(' ')) as ChaosOptions;
    expect(commandOf(options, 'process')).toBe(`npm run chaos -- ${words}`);
  });
});
