import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { unexported } from './declarations.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  exports: Record<string, string | { types: string }>;
};

// Not below the repository: there, Node would find in its node_modules what the package forgot to declare.
const work = realpathSync(mkdtempSync(join(tmpdir(), 'quorlock-package-')));
const tarball = inject('tarball');

afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Client {
  readonly name: string;
  /** Its name in our `node_modules`, where aliases tell versions apart. */
  readonly from: string;
  /** The name by which users import it. */
  readonly as: string;
  readonly family: 'ioredis' | 'node-redis';
}

// For each peer the newest and the oldest that its range allows, and what is between where a major version ends.
const CLIENTS: readonly Client[] = [
  { name: 'ioredis 6', from: 'ioredis', as: 'ioredis', family: 'ioredis' },
  { name: 'ioredis 5', from: 'ioredis5', as: 'ioredis', family: 'ioredis' },
  { name: 'ioredis 5.3', from: 'ioredis53', as: 'ioredis', family: 'ioredis' },
  { name: 'iovalkey', from: 'iovalkey', as: 'iovalkey', family: 'ioredis' },
  { name: 'node-redis 6', from: '@redis/client', as: '@redis/client', family: 'node-redis' },
  { name: 'node-redis 5', from: 'redis-client5', as: '@redis/client', family: 'node-redis' },
];
const [newest] = CLIENTS as [Client];
const byName = CLIENTS.map((client) => [client.name, client] as const);

const consumers = new Map<string, Promise<string>>();

/** A project that has installed the tarball and its dependencies, and that client if one is named. Tests share it, and write their programs into it. */
function consumer(client?: Client): Promise<string> {
  const name = client?.from ?? '';
  const known = consumers.get(name) ?? newConsumer(client);
  consumers.set(name, known);
  return known;
}

/** The same, for a test that installs more. Hundreds of files, which take time on some file systems. */
async function newConsumer(client?: Client): Promise<string> {
  const folder = mkdtempSync(join(work, 'consumer-'));
  const modules = join(folder, 'node_modules');
  const install = (from: string, as: string = from): void => {
    mkdirSync(dirname(join(modules, as)), { recursive: true });
    symlinkSync(join(root, 'node_modules', from), join(modules, as), 'dir');
  };
  for (const dependency of [...Object.keys(manifest.dependencies), '@types/node']) install(dependency);
  if (client) install(client.from, client.as);
  mkdirSync(join(modules, 'quorlock'));
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'quorlock')]);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  return folder;
}

async function node(folder: string, file: string, code: string): Promise<unknown> {
  writeFileSync(join(folder, file), code);
  return run(process.execPath, folder, file);
}

/** What the program prints. */
async function run(program: string, folder: string, file: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await execute(program, [file, ...args], { cwd: folder });
  return JSON.parse(stdout);
}

/** What the compiler says about `main.ts`; nothing if all is well. */
async function compile(folder: string, options: object): Promise<string> {
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2022', 'ESNext.Disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    ...options,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  return execute(process.execPath, [compiler, '-p', '.'], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}

/** What users see of one of the package's modules. */
function declarations(folder: string, module: string): string {
  return readFileSync(join(folder, `node_modules/quorlock/dist/${module}.d.ts`), 'utf8');
}

/** The types of clients and Clusters. */
const TYPES = {
  // The oldest release of ioredis has no type of the name `Redis`.
  ioredis: `import type { Cluster } from 'CLIENT';
type Redis = ReturnType<Cluster['nodes']>[number];`,
  'node-redis': `import type { createClient, createCluster } from 'CLIENT';
type Redis = ReturnType<typeof createClient>;
type Cluster = ReturnType<typeof createCluster>;`,
} as const;

describe.each(byName)('installed beside %s', (_, client) => {
  test('it can be imported', async () => {
    const code = `import * as quorlock from 'quorlock'; console.log(JSON.stringify(typeof quorlock.Redlock));`;
    expect(await node(await consumer(client), 'main.mjs', code)).toBe('function');
  });

  test('it can be required, and is the same module', async () => {
    const code = `const { Redlock } = require('quorlock');
      import('quorlock').then((imported) => console.log(JSON.stringify(imported.Redlock === Redlock)));`;
    expect(await node(await consumer(client), 'main.cjs', code)).toBe(true);
  });

  test.each([
    ['NodeNext', 'NodeNext'],
    ['ESNext', 'Bundler'],
  ])('its types resolve with module %s and moduleResolution %s', async (module, moduleResolution) => {
    const folder = await consumer(client);
    writeFileSync(
      join(folder, 'main.ts'),
      `import { Redlock, ResourceHeldError, type Lock, type NodeSpec } from 'quorlock';
import { Fence, type FencedRedis, fencedSet, StaleFencingTokenError } from 'quorlock/fencing';
import { createMemoryNodes } from 'quorlock/testing';
${TYPES[client.family].replaceAll('CLIENT', client.as)}
const redlock = new Redlock(createMemoryNodes(3), { ttl: 5_000 });
export const held: Lock = await redlock.acquire(['a', 'b']);
export const result: string = await redlock.using('a', async (lock) => lock.ownerToken);
export const isHeld = (error: unknown): boolean => error instanceof ResourceHeldError;
export const nodes = (redis: Redis, cluster: Cluster): NodeSpec[] => [redis, cluster, { host: 'h' }, 'redis://h'];
export const guardable = (redis: Redis, cluster: Cluster): FencedRedis[] => [redis, cluster];
export const guard = (redis: Redis, lock: Lock): Promise<void> => fencedSet(redis, 'a', 'value', lock.fencingToken);
export const isStale = (error: unknown): boolean => error instanceof StaleFencingTokenError && error.newest > 0;
export const fence = new Fence('a');
// @ts-expect-error -- if the types were lost, everything would be any, and this no error
redlock.acquire(42);
`,
    );
    expect(await compile(folder, { module, moduleResolution, noEmit: true })).toBe('');
  });
});

describe('with nothing but what the package exports', () => {
  test("a LockNode of one's own can be written, typed method by method, and votes", async () => {
    const folder = await consumer(newest);
    copyFileSync(join(root, 'test/package/own-node.ts'), join(folder, 'main.ts'));
    expect(await compile(folder, { module: 'NodeNext', noUncheckedIndexedAccess: true })).toBe('');
    expect(await run(process.execPath, folder, 'main.js')).toEqual({
      refused: null,
      state: 'held',
      outcome: 'released',
      tokensGrow: true,
      after: 'free',
      repaired: true,
      asked: ['extend', 'grant', 'inspect', 'openInbox', 'release', 'repair'],
    });
  });
});

/** Three nodes for each of two, some of them by a client that is connected, and how that ends. */
const NODES = {
  ioredis: `import Redis from 'CLIENT';
const instances = urls.map((url) => new Redis(url));
const ofOne = instances;
// URLs need ioredis itself.
const ofTwo = 'CLIENT' === 'ioredis' ? urls : instances;
const end = () => Promise.all(instances.map((instance) => instance.quit()));`,
  'node-redis': `import { createClient } from 'CLIENT';
const instances = urls.map((url) => createClient({ url }));
await instances[0].connect();
const [ofOne, ofTwo] = [instances, instances];
const end = () => instances[0].close();`,
} as const;

/** Takes locks both ways, one of them while another Redlock has it. */
const TAKES_LOCKS = `
import { createRequire } from 'node:module';
import { Redlock } from 'quorlock';

const urls = process.argv.slice(2);
/* NODES */
const [one, two] = [new Redlock(ofOne), new Redlock(ofTwo)];
const used = await one.using('r', async (lock) => {
  await lock.extend();
  return [lock.state, await two.tryAcquire('r')];
});
const first = await one.acquire(['r', 's']);
const waiting = two.acquire('s');
await new Promise((resolve) => setTimeout(resolve, 100));
const { outcome } = await first.release();
const second = await waiting;
const tokensGrow = second.fencingToken > first.fencingToken;
await second.release();
await Promise.all([one.close(), two.close()]);
await end();
const client = createRequire(import.meta.url).resolve('CLIENT');
console.log(JSON.stringify({ node: process.versions.node, client, used, outcome, tokensGrow }));
`;

describe.each(['20', '22', '24'])('on Node %s', (major) => {
  // The others are installed by `npm run nodes`, where there are programs for the machine.
  const own = process.versions.node.startsWith(`${major}.`);
  const program = own
    ? process.execPath
    : join(root, `test/package/nodes/node_modules/node${major}/bin/node`);

  let servers: RedisServer[] = [];
  beforeAll(async () => {
    servers = await startRedises(3);
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test.skipIf(!existsSync(program)).each(byName)(
    'with %s, locks are taken and given back',
    async (_, { from, as, family, ...client }) => {
      const folder = await consumer({ from, as, family, ...client });
      const code = TAKES_LOCKS.replace('/* NODES */', NODES[family]).replaceAll('CLIENT', as);
      writeFileSync(join(folder, 'main.mjs'), code);
      expect(await run(program, folder, 'main.mjs', ...servers.map(({ url }) => url))).toEqual({
        node: expect.stringMatching(`^${major}\\.`),
        client: expect.stringContaining(`/node_modules/${from}/`),
        used: ['held', null],
        outcome: 'released',
        tokensGrow: true,
      });
      for (const server of servers) expect(await server.cli('EXISTS', 'r', 's')).toBe(0);
    },
  );
});

describe.each([
  ['as it is', false],
  ['minified', true],
])('in a bundle, %s', (_how, minify) => {
  test('errors have their names, and stacks begin with them', async () => {
    const folder = await consumer(newest);
    writeFileSync(
      join(folder, 'main.mjs'),
      `import { Redlock } from 'quorlock';
import { Fence, fencedCheck } from 'quorlock/fencing';
import { createMemoryNodes } from 'quorlock/testing';

const nodes = createMemoryNodes(3);
const redlock = new Redlock(nodes, { acquireTimeout: 20 });
const errors = [];
const note = (error) => errors.push(error);
const lock = await redlock.acquire('a', { ttl: 500, maxHoldTime: 100 });
await redlock.acquire('a').catch((error) => errors.push(error, error.cause));
await new Promise((resolve) => setTimeout(resolve, 200));
note(lock.signal.reason);
await lock.extend().catch(note);
const released = await redlock.acquire('b');
await released.release();
await released.extend().catch(note);
for (const node of nodes) node.fail();
await redlock.tryAcquire('c').catch(note);
await redlock.close();
await redlock.acquire('d').catch(note);
const fence = new Fence('f');
fence.check(2);
try { fence.check(1); } catch (error) { note(error); }
await fencedCheck({ eval: async () => ['unreadable', 'x'] }, 'k', 1).catch(note);
console.log(JSON.stringify(errors.map((error) => [error.name, error.stack.startsWith(error.name + ': ' + error.message)])));
`,
    );
    const entryPoints = [join(folder, 'main.mjs')];
    const outfile = join(folder, 'bundle.mjs');
    const external = ['ioredis'];
    await build({ entryPoints, outfile, minify, external, bundle: true, platform: 'node', format: 'esm' });
    const { stdout } = await execute(process.execPath, [outfile]);
    const names = [
      'AcquireTimeoutError',
      'ResourceHeldError',
      'LockLostError',
      'LockLostError',
      'LockReleasedError',
      'QuorumUnreachableError',
      'RedlockClosedError',
      'StaleFencingTokenError',
      'FencingMarkError',
    ];
    expect(JSON.parse(stdout)).toEqual(names.map((name) => [name, true]));
  });
});

describe('the declarations', () => {
  test('mention nothing of the project that is not exported', async () => {
    const folder = await consumer();
    const entries = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : join(folder, 'node_modules/quorlock', entry.types),
    );
    expect(entries).toHaveLength(4);
    expect(unexported(entries)).toEqual([]);
  });

  test('of a lock have nothing that is only for its Redlock', async () => {
    const lock = declarations(await consumer(), 'lock');
    expect(lock).toMatch(/\bremaining\(\): number;/);
    expect(lock).not.toMatch(/\bclose\(/);
    expect(lock).not.toMatch(/\bloss\b/);
  });

  test.each(['index', 'lock', 'redlock', 'options', 'errors', 'testing', 'fencing', 'otel', 'tracing'])(
    'of the module %s have nothing that is internal',
    async (module) => {
      expect(declarations(await consumer(), module)).not.toContain('@internal');
    },
  );
});

describe('without any Redis client', () => {
  test.each([
    ['a URL', "'redis://host'", /^nodes\[0\]: .* need the package ioredis, which is not installed/],
    ['options', "{ host: 'host' }", /^nodes\[0\]: .* need the package ioredis, which is not installed/],
    [
      'the options of a Sentinel client of node-redis',
      "{ sentinelRootNodes: [{ host: 'host', port: 1 }], name: 'main' }",
      /^nodes\[0\]: .* needs the package @redis\/client, which is not installed/,
    ],
  ])('quorlock can be imported, and refuses %s with what to install', async (_what, spec, message) => {
    const code = `import { Redlock } from 'quorlock';
      try { new Redlock([${spec}]); } catch (error) { console.log(JSON.stringify([error.name, error.message])); }`;
    expect(await node(await consumer(), 'main.mjs', code)).toEqual([
      'TypeError',
      expect.stringMatching(message),
    ]);
  });

  test('memory nodes take locks', async () => {
    const code = `import { Redlock } from 'quorlock';
      import { createMemoryNodes } from 'quorlock/testing';
      const redlock = new Redlock(createMemoryNodes(3));
      console.log(JSON.stringify(await redlock.using('r', (lock) => lock.state)));
      await redlock.close();`;
    expect(await node(await consumer(), 'main.mjs', code)).toBe('held');
  });

  test('its types compile', async () => {
    const folder = await consumer();
    writeFileSync(
      join(folder, 'main.ts'),
      `import { Redlock, type NodeSpec } from 'quorlock';
export const nodes: NodeSpec[] = ['redis://host', new URL('redis://host'), { host: 'host' }];
export const redlock = new Redlock(nodes);
// @ts-expect-error -- if the types were lost, everything would be any, and this no error
redlock.acquire(42);
`,
    );
    expect(await compile(folder, { module: 'NodeNext', noEmit: true })).toBe('');
  });

  test('quorlock/testing can be imported, and gives nodes', async () => {
    const folder = await consumer();
    const code = `import { createMemoryNodes } from 'quorlock/testing';
      const ioredis = await import('ioredis').then(() => 'present', () => 'absent');
      console.log(JSON.stringify([createMemoryNodes(3).length, ioredis]));`;
    expect(await node(folder, 'main.mjs', code)).toEqual([3, 'absent']);
  });

  test('quorlock/fencing can be imported, and guards', async () => {
    const folder = await consumer();
    const code = `import { Fence, fencedSet } from 'quorlock/fencing';
      const fence = new Fence('a', 8);
      const stale = (() => { try { fence.check(7); } catch (error) { return error.code; } })();
      const sent = [];
      const client = { eval: async (_, ...args) => { sent.push(args); return ['accepted']; } };
      await fencedSet(client, 'a', 'value', 7);
      const ioredis = await import('ioredis').then(() => 'present', () => 'absent');
      console.log(JSON.stringify([stale, sent.length, ioredis]));`;
    expect(await node(folder, 'main.mjs', code)).toEqual(['STALE_FENCING_TOKEN', 1, 'absent']);
  });
});

/** A project that has installed the API of OpenTelemetry too. */
async function withApi(): Promise<string> {
  const folder = await newConsumer();
  const modules = join(folder, 'node_modules/@opentelemetry');
  mkdirSync(modules, { recursive: true });
  symlinkSync(join(root, 'node_modules/@opentelemetry/api'), join(modules, 'api'), 'dir');
  return folder;
}

describe('quorlock/otel', () => {
  test('can be imported beside the API of OpenTelemetry, and records', async () => {
    const code = `import { metrics } from '@opentelemetry/api';
      import { Redlock } from 'quorlock';
      import { instrument } from 'quorlock/otel';
      import { createMemoryNodes } from 'quorlock/testing';
      const recorded = [];
      const instrumentOf = (name) => ({ record: () => recorded.push(name), add() {}, addCallback() {}, removeCallback() {} });
      const meter = new Proxy({}, { get: () => instrumentOf });
      const undo = instrument({ metrics: { getMeter: () => meter } });
      const redlock = new Redlock(createMemoryNodes(3));
      await redlock.using('a', () => {});
      undo();
      await redlock.using('a', () => {});
      console.log(JSON.stringify(recorded));`;
    expect(await node(await withApi(), 'main.mjs', code)).toEqual([
      'quorlock.acquire.duration',
      'quorlock.lock.held.duration',
    ]);
  });

  test('its types compile, with the module of the API and with providers', async () => {
    const folder = await withApi();
    writeFileSync(
      join(folder, 'main.ts'),
      `import * as api from '@opentelemetry/api';
import { type InstrumentOptions, instrument } from 'quorlock/otel';
const options: InstrumentOptions = { resourceName: (resource) => resource[0], spans: false };
export const undo: () => void = instrument(api, options);
instrument({ trace: api.trace.getTracerProvider() });
// @ts-expect-error -- if the types were lost, everything would be any, and this no error
instrument(42);
`,
    );
    expect(await compile(folder, { module: 'NodeNext', noEmit: true })).toBe('');
  });

  test('needs the API, and nothing else of the package does', async () => {
    const folder = await consumer();
    const code = `const found = async (name) => import(name).then(() => 'imported', (error) => error.code);
      console.log(JSON.stringify([await found('quorlock/otel'), await found('quorlock')]));`;
    expect(await node(folder, 'main.mjs', code)).toEqual(['ERR_MODULE_NOT_FOUND', 'imported']);
  });
});

/** Where npm puts a link to each program of a package, which it makes executable. */
async function installed(client?: Client): Promise<string> {
  const folder = await newConsumer(client);
  for (const [name, file] of Object.entries(manifest.bin)) {
    const program = join('node_modules/quorlock', file);
    chmodSync(join(folder, program), 0o755);
    mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
    symlinkSync(join('../..', program), join(folder, 'node_modules/.bin', name));
  }
  return folder;
}

describe('the command line', () => {
  test('prints the version of the package', async () => {
    const { stdout } = await execute('npx', ['quorlock', '--version'], { cwd: await installed() });
    expect(stdout).toBe(`${manifest.version}\n`);
  });

  test('prints its help at once: without a client, and without loading the library', async () => {
    const options = { cwd: await installed(), env: { ...process.env, NODE_DEBUG: 'esm' } };
    const { stdout, stderr } = await execute('node_modules/.bin/quorlock', ['run', '--help'], options);
    expect(stdout).toContain('quorlock run <resource> [options] -- <command> [argument…]');
    expect(stderr).toContain('/dist/cli/commands.js');
    expect(stderr).not.toContain('/dist/redlock.js');
  });

  test('says what to install if there is no client', async () => {
    const options = { cwd: await installed() };
    const running = execute(
      'node_modules/.bin/quorlock',
      ['nodes', '--node', 'redis://127.0.0.1:1'],
      options,
    );
    await expect(running).rejects.toMatchObject({
      code: 1,
      stderr:
        'quorlock: the command line needs the package ioredis, which is not installed: npm install ioredis\n',
    });
  });

  test('runs a command under a lock', async () => {
    const servers = await startRedises(3);
    try {
      const nodes = servers.flatMap(({ url }) => ['--node', url]);
      const args = ['run', 'job', ...nodes, '--', 'sh', '-c', 'echo $QUORLOCK_RESOURCE; exit 3'];
      const running = execute('node_modules/.bin/quorlock', args, { cwd: await installed(newest) });
      await expect(running).rejects.toMatchObject({ code: 3, stdout: 'job\n', stderr: '' });
      for (const server of servers) expect(await server.cli('EXISTS', 'job')).toBe(0);
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });
});

describe('the tarball', () => {
  let files: string[] = [];
  beforeAll(async () => {
    const { stdout } = await execute('tar', ['-tzf', tarball]);
    files = stdout
      .split('\n')
      .filter((line) => line !== '' && !line.endsWith('/'))
      .map((line) => line.replace(/^package\//, ''));
  });

  test('has only what is meant for users', () => {
    const meant = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
      /^dist\/[\w/-]+\.(js|d\.ts)(\.map)?$/,
      /^src\/[\w/-]+\.ts$/,
      /^docs\/[\w./-]+\.(md|svg|png|tla|cfg|yaml|json)$/,
    ];
    expect(files.filter((file) => !meant.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js', 'dist/testing.d.ts']),
    );
  });

  /** Names without folder and suffix. */
  const stems = (folder: string, suffix: string): string[] =>
    files
      .filter((file) => file.startsWith(`${folder}/`) && file.endsWith(suffix))
      .map((file) => file.slice(folder.length + 1, -suffix.length))
      .sort();

  test('has one compiled file for each source, and none of an earlier build', () => {
    const sources = stems('src', '.ts');
    expect(stems('dist', '.js')).toEqual(sources);
    expect(stems('dist', '.d.ts')).toEqual(sources);
  });

  test('has the sources that its source maps name', async () => {
    const folder = join(await consumer(), 'node_modules/quorlock');
    const missing = files
      .filter((file) => file.endsWith('.map'))
      .flatMap((file) => {
        const { sources } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { sources: string[] };
        return sources.map((source) => join(folder, dirname(file), source));
      })
      .filter((source) => !existsSync(source));
    expect(missing).toEqual([]);
  });
});
