import { describe, expect, it } from 'vitest';
import { toEndpoint } from '../../src/client/endpoint.ts';
import { safeOptions } from '../../src/client/ioredis-options.ts';

function safe(fraction = 0.5) {
  const endpoint = toEndpoint('redis://host', 0);
  return safeOptions({
    endpoint,
    connectTimeout: 1_500,
    random: { token: () => '', fraction: () => fraction },
  });
}

describe('the options of a client', () => {
  it('let no command run late or twice', () => {
    expect(safe().redis).toMatchObject({
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      reconnectOnError: null,
      enableAutoPipelining: false,
    });
  });

  it('leave keys and replies as they are', () => {
    expect(safe().redis).toMatchObject({ keyPrefix: '', stringNumbers: false, readOnly: false });
    expect(safe().cluster).toMatchObject({ keyPrefix: '', scaleReads: 'master' });
  });

  it.each([0, 0.5, 0.999])('reconnect for ever, within 250 ms, with jitter %d', (fraction) => {
    const { redis } = safe(fraction);
    for (const attempt of [1, 2, 100_000]) {
      const pause = redis.retryStrategy?.(attempt);
      expect(pause).toBeGreaterThanOrEqual(50);
      expect(pause).toBeLessThanOrEqual(250);
    }
  });

  it('give each connection its connectTimeout', () => {
    expect(safe().redis.connectTimeout).toBe(1_500);
  });

  it('hold for each node of a cluster too', () => {
    const { redis, cluster } = safe();
    expect(cluster).toMatchObject({
      redisOptions: { enableOfflineQueue: redis.enableOfflineQueue, maxRetriesPerRequest: 0 },
    });
    expect(cluster).toMatchObject({ retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 });
  });
});
