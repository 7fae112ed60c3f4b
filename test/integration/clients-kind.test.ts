import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { Redlock } from 'quorlock';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { client, cluster as clusterNode } from '../support/clients/client.ts';
import { KINDS, kind } from '../support/clients/kind.ts';
import { LONG_LOCK } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../support/redis-server.ts';
import { startSentinel } from '../support/sentinel.ts';

/*
 * The projects differ in the client that URLs, options and instances in tests lead to. Without this file a project that runs
 * with the wrong one would go unnoticed, and the same would be tested twice.
 */

enforceNoLeaks();

afterEach(() => {
  vi.restoreAllMocks();
});

it('the package is of the version that its name promises', () => {
  const manifest = new URL(`../../node_modules/${kind.package}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  expect(version).toMatch(kind.version);
});

/** The package that a function belongs to, other than that of the spy. */
function writer({ stack = '' }: Error): string {
  const packages = Array.from(
    stack.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)/g),
    ([, name = '']) => name,
  );
  return packages.find((name) => !name.includes('vitest')) ?? 'nobody';
}

type Specs = ConstructorParameters<typeof Redlock>[0];

async function takeLock(specs: Specs): Promise<void> {
  await using redlock = new Redlock(specs, LONG_LOCK);
  await (await redlock.acquire('r')).release();
}

/** The packages that have written EVALSHA to sockets while a lock was taken. */
async function writersFor(specs: Specs): Promise<Set<string>> {
  const writers = new Set<string>();
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  const write = Reflect.get(Socket.prototype, 'write') as (...args: unknown[]) => boolean;
  vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, ...args: unknown[]) {
    if (/evalsha/i.test(String(args[0]))) writers.add(writer(new Error()));
    return Reflect.apply(write, this, args);
  });
  await takeLock(specs);
  Error.stackTraceLimit = stackTraceLimit;
  return writers;
}

const require = createRequire(import.meta.url);

/** The packages of the ioredis family of which clients were made, for their options, while a lock was taken. */
async function optionsFor(specs: Specs): Promise<Set<string>> {
  const makers = new Set<string>();
  for (const { family, package: name } of Object.values(KINDS)) {
    if (family !== 'ioredis') continue;
    const { prototype } = require(name) as { prototype: { setStatus(...args: unknown[]): void } };
    const setStatus = Reflect.get(prototype, 'setStatus');
    // Every constructor calls it.
    vi.spyOn(prototype, 'setStatus').mockImplementation(function (this: object, ...args) {
      makers.add(name);
      Reflect.apply(setStatus, this, args);
    });
  }
  await takeLock(specs);
  return makers;
}

const clientsFor = kind.family === 'ioredis' ? optionsFor : writersFor;

it.each<[string, (port: number) => Specs[number]]>([
  ['a URL', (port) => `redis://127.0.0.1:${port}`],
  ['a URL object', (port) => new URL(`redis://127.0.0.1:${port}`)],
  ['options', (port) => ({ port })],
  ['an instance', (port) => client({ port })],
])('%s leads to it', async (_what, spec) => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  expect(await clientsFor([spec(server.port)])).toEqual(new Set([kind.package]));
});

it('a Cluster leads to it', async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  expect(await clientsFor([clusterNode(cluster.startupNodes)])).toEqual(new Set([kind.package]));
});

it('Sentinels lead to it', async () => {
  const setup = await startSentinel();
  onTestFinished(() => setup.stop());
  const { sentinels, name } = setup;
  expect(await clientsFor([{ sentinels, name }])).toEqual(new Set([kind.package]));
});
