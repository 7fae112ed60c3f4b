import { describe, expect, it } from 'vitest';
import { toEndpoint } from '../../src/node/redis/endpoint.ts';
import { safeOptions } from '../../src/client/ioredis-options.ts';

function safe(fraction = 0.5, spec: unknown = 'redis://host') {
  const endpoint = toEndpoint(spec, 0);
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

  it('have no name, which ioredis 5 would wait for on a connection that is dead', () => {
    expect(safe().redis).toHaveProperty('connectionName', undefined);
    expect(safe().cluster).toHaveProperty('redisOptions.connectionName', undefined);
  });
});

describe('the options of a Cluster', () => {
  const methods = { duplicate() {}, connect() {}, disconnect() {}, evalsha() {} };
  const clusterWith = (options: object) => ({ isCluster: true, startupNodes: [7001], options, ...methods });
  const redisOptionsOf = (options: object): unknown =>
    Reflect.get(safe(0.5, clusterWith(options)).cluster, 'redisOptions');

  it('keep user, password and TLS of its nodes', () => {
    const tls = { ca: 'PEM', servername: 'host' };
    const redisOptions = { username: 'alice', password: 's3cret', tls };
    expect(redisOptionsOf({ redisOptions })).toMatchObject(redisOptions);
  });

  it('keep a password without a user', () => {
    expect(redisOptionsOf({ redisOptions: { password: 's3cret' } })).toMatchObject({
      username: 'default',
      password: 's3cret',
    });
  });

  it('win over what its nodes have', () => {
    const redisOptions = { enableOfflineQueue: true, keyPrefix: 'no:', connectionName: 'x', readOnly: true };
    expect(redisOptionsOf({ redisOptions })).toMatchObject({
      enableOfflineQueue: false,
      keyPrefix: '',
      connectionName: undefined,
      readOnly: false,
    });
  });

  it('are left as they are', () => {
    const redisOptions = Object.freeze({ username: 'alice' });
    redisOptionsOf({ redisOptions });
    expect(redisOptions).toEqual({ username: 'alice' });
  });
});
