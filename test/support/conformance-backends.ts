import type { LockNode } from '../../src/node/lock-node.ts';
import { createNodes, type NodeSpec } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { client, cluster as clusterNode } from './clients/client.ts';
import type { Backend } from './conformance.ts';
import { startRedisCluster } from './redis-cluster.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { startSentinel } from './sentinel.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

export interface Credentials {
  username: string;
  password: string;
}

function createNode(spec: NodeSpec): LockNode {
  return createNodes([spec], resolveSettings()).all[0] as LockNode;
}

export async function memory(): Promise<Backend> {
  return {
    createNode: () => createMemoryNodes(1)[0] as LockNode,
    async outage(node) {
      (node as MemoryNode).fail();
      return async () => (node as MemoryNode).heal();
    },
    servers: [],
    stop: async () => {},
  };
}

export async function server(user?: Credentials & { rules: readonly string[] }): Promise<Backend> {
  const redis = await startRedis();
  if (user) await redis.cli('ACL', 'SETUSER', user.username, 'on', `>${user.password}`, ...user.rules);
  const proxy = await startProxy(redis.port);
  const { username, password } = user ?? {};
  return backend(
    [redis],
    [proxy],
    () => ({
      port: proxy.port,
      host: '127.0.0.1',
      ...(username && password ? { username, password } : {}),
    }),
    () => redis.stop(),
  );
}

export async function sentinel(): Promise<Backend> {
  const setup = await startSentinel();
  const proxy = await startProxy(setup.master.port);
  const natMap = { [`127.0.0.1:${setup.master.port}`]: { host: '127.0.0.1', port: proxy.port } };
  const { sentinels, name, master } = setup;
  return backend(
    [master],
    [proxy],
    () => client({ sentinels, name, natMap }),
    () => setup.stop(),
  );
}

export async function cluster(user?: Credentials & { rules: readonly string[] }): Promise<Backend> {
  const setup = await startRedisCluster();
  const { servers } = setup;
  if (user) {
    const { username, password, rules } = user;
    for (const redis of servers) await redis.cli('ACL', 'SETUSER', username, 'on', `>${password}`, ...rules);
  }
  const proxies = await Promise.all(servers.map(({ port }) => startProxy(port)));
  const natMap = Object.fromEntries(
    servers.map(({ port }, index) => [
      `127.0.0.1:${port}`,
      { host: '127.0.0.1', port: proxies[index]?.port ?? 0 },
    ]),
  );
  const startupNodes = proxies.map(({ port }) => ({ host: '127.0.0.1', port }));
  const { username, password } = user ?? {};
  const redisOptions = username && password ? { username, password } : {};
  return backend(
    servers,
    proxies,
    () => clusterNode(startupNodes, { natMap, redisOptions }),
    () => setup.stop(),
  );
}

function backend(
  servers: readonly RedisServer[],
  proxies: readonly TcpProxy[],
  spec: () => NodeSpec,
  stop: () => Promise<void>,
): Backend {
  return {
    servers,
    createNode: () => createNode(spec()),
    async outage() {
      for (const proxy of proxies) proxy.refuse();
      return async () => {
        await Promise.all(proxies.map((proxy) => proxy.accept()));
      };
    },
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await stop();
    },
  };
}
