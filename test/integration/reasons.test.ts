import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { type NodeSpec, Redlock, type Vote } from 'quorlock';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { clusterClient } from '../support/clients/ioredis.ts';
import { LONG_LOCK, reasonOf } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { rejectionOf } from '../support/peek.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startSentinel } from '../support/sentinel.ts';
import { type Certificate, createCertificate, startTlsRedis } from '../support/tls.ts';

enforceNoLeaks();

let plain: RedisServer;
let guarded: RedisServer;
let secure: RedisServer;
let certificate: Certificate;
let cluster: RedisCluster;
let web: Server;

beforeAll(async () => {
  certificate = await createCertificate();
  [plain, guarded, secure, cluster] = await Promise.all([
    startRedis(),
    startRedis({ config: { requirepass: 'right' } }),
    startTlsRedis(certificate),
    startRedisCluster(),
  ]);
  web = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  web.close();
  await Promise.all([plain.stop(), guarded.stop(), secure.stop(), cluster.stop()]);
  await certificate.remove();
});

/** Two tries, some reconnections apart; what the node is said to be, each time. */
async function reasonsOf(spec: NodeSpec): Promise<string[]> {
  await using redlock = new Redlock([spec], { ...LONG_LOCK, connectTimeout: 2_000 });
  const reasons: string[] = [];
  for (const acquireTimeout of [0, 700]) {
    const { votes } = (await rejectionOf(redlock.acquire('r', { acquireTimeout }))) as { votes?: Vote[] };
    reasons.push(reasonOf(votes?.[0]) ?? '');
  }
  return reasons;
}

const portOfWeb = (): number => (web.address() as { port: number }).port;

describe('the reason why a node cannot be used is named, and goes on being named', () => {
  it.each<[string, () => NodeSpec, RegExp]>([
    ['a wrong password', () => `redis://:wrong@127.0.0.1:${guarded.port}`, /^unusable: WRONGPASS/],
    [
      'TLS to a port without TLS',
      () => `rediss://127.0.0.1:${plain.port}`,
      /without TLS|is TLS used at both ends/,
    ],
    ['no TLS to a port with TLS', () => ({ host: '127.0.0.1', port: secure.port }), /TLS/],
    [
      'a host that does not resolve',
      () => 'redis://no-such-host.invalid:6379',
      /cannot resolve "no-such-host.invalid"/,
    ],
    [
      'a Cluster whose hosts do not resolve',
      () => clusterClient([{ host: 'no-such-host.invalid', port: 7_000 }]),
      /cannot resolve "no-such-host.invalid"/,
    ],
    [
      'one of several masters of a Redis Cluster',
      () => `redis://127.0.0.1:${cluster.servers[0]?.port}`,
      /^unusable: it is one of 3 masters of a Redis Cluster; give a Cluster client/,
    ],
    ['a web server', () => `redis://127.0.0.1:${portOfWeb()}`, /^unusable: .*Redis protocol.*HTTP/],
  ])('%s', async (_what, spec, reason) => {
    for (const each of await reasonsOf(spec())) expect(each).toMatch(reason);
  });

  it('too many clients', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    await server.cli('CONFIG', 'SET', 'maxclients', '1');
    const only = connect(server.port, '127.0.0.1');
    onTestFinished(() => void only.destroy());
    await once(only, 'connect');
    for (const each of await reasonsOf(server.url)) expect(each).toMatch(/max number of clients/);
    for (const each of await reasonsOf(`redis://:pw@127.0.0.1:${server.port}`))
      expect(each).toMatch(/max number of clients/);
  });

  it('a Sentinel in place of the server that it watches', async () => {
    const setup = await startSentinel();
    onTestFinished(() => setup.stop());
    const { host, port } = setup.sentinels[0] as { host: string; port: number };
    for (const each of await reasonsOf(`redis://${host}:${port}`))
      expect(each).toMatch(/^unusable: it is a Sentinel; give \{ sentinels/);
  });

  it.each(['INFO', 'EVALSHA', 'SCRIPT', 'SET'])('a command that was renamed: %s', async (command) => {
    const server = await startRedis({ config: { 'rename-command': `${command} ""` } });
    onTestFinished(() => server.stop());
    for (const each of await reasonsOf(server.url))
      expect(each).toMatch(
        /^unusable: ERR .*(quorlock needs this command|a command that quorlock needs is renamed or disabled)/,
      );
  });
});
