import { execFile } from 'node:child_process';
import {
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
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type RedisServer, startRedises } from '../support/redis-server.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const versions = (
  JSON.parse(readFileSync(join(root, 'test/package/nodes/package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  }
).optionalDependencies;

// Not below the repository: there, a dependency that the package forgot to declare would be found.
const work = realpathSync(mkdtempSync(join(tmpdir(), 'quorlock-runtimes-')));
const tarball = inject('tarball');
let servers: RedisServer[] = [];

beforeAll(async () => {
  servers = await startRedises(3);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(work, { recursive: true, force: true });
});

interface Runtime {
  readonly name: string;
  /** Below `test/package/nodes/node_modules/`, where `npm run nodes` installs it if there is a program for the machine. */
  readonly program: string;
  /** What makes it run a file. */
  readonly run: readonly string[];
  readonly version: string;
}

/** The version that is pinned. */
function versionOf(name: string): string {
  const version = versions[name]?.split('@').at(-1);
  if (version === undefined) throw new Error(`test/package/nodes does not install ${name}`);
  return version;
}

const RUNTIMES: readonly Runtime[] = [
  { name: 'Bun', program: 'bun/bin/bun', run: ['run'], version: versionOf('bun') },
  {
    name: 'Deno',
    program: 'deno/deno',
    run: ['run', '--no-prompt', '--allow-all', '--node-modules-dir=manual'],
    version: versionOf('deno'),
  },
];

/** How a program gets three nodes, from the URLs that it is started with. */
const CLIENTS = [
  { name: 'URLs', install: 'ioredis', nodes: `const [nodes, end] = [urls, () => {}];` },
  {
    name: 'ioredis',
    install: 'ioredis',
    nodes: `import { Redis } from 'ioredis';
const nodes = urls.map((url) => new Redis(url, { lazyConnect: true }));
const end = () => nodes.forEach((client) => client.disconnect());`,
  },
  {
    name: '@redis/client',
    install: '@redis/client',
    nodes: `import { createClient } from '@redis/client';
const nodes = urls.map((url) => createClient({ url }));
// Never connected: quorlock makes clients of its own.
const end = () => {};`,
  },
] as const;

/** Lets one `Redlock` wait for the lock of another, and ends by having nothing left to do. */
const TAKES_LOCKS = `
import process from 'node:process';
import { Redlock } from 'quorlock';

const urls = process.argv.slice(2);
/* NODES */
const [one, two] = [new Redlock(nodes), new Redlock(nodes)];
const first = await one.acquire('r');
const refused = await two.tryAcquire('r');
const waiting = two.acquire('r', { ttl: 20_000 });
await new Promise((resolve) => setTimeout(resolve, 300)); // for the waiter to subscribe
const releasedAt = performance.now();
const { outcome } = await first.release();
const second = await waiting;
const waited = performance.now() - releasedAt;
const tokensGrow = second.fencingToken > first.fencingToken;
await second.release();
await Promise.all([one.close(), two.close()]);
end();
const { bun, deno } = process.versions;
console.log(JSON.stringify({ version: bun ?? deno, refused, outcome, tokensGrow, waited }));
`;

/** A project that has installed the tarball, its dependencies, and one client. */
async function consumer(client: string): Promise<string> {
  const folder = mkdtempSync(join(work, 'consumer-'));
  const modules = join(folder, 'node_modules');
  for (const name of [...Object.keys(dependencies), client]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir');
  }
  mkdirSync(join(modules, 'quorlock'));
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'quorlock')]);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  return folder;
}

describe.each(RUNTIMES.map((runtime) => [runtime.name, runtime] as const))('on %s', (_, runtime) => {
  const { program: path, run, version } = runtime;
  const program = join(root, 'test/package/nodes/node_modules', path);

  // The programs are installed by `npm run nodes`, as other versions of Node are.
  test.skipIf(!existsSync(program)).each(CLIENTS.map((client) => [client.name, client] as const))(
    'with %s, a waiter is woken by the release, after which the process ends by itself',
    async (_name, { install, nodes }) => {
      const folder = await consumer(install);
      writeFileSync(join(folder, 'main.mjs'), TAKES_LOCKS.replace('/* NODES */', nodes));
      const urls = servers.map(({ url }) => url);
      // A process that does not end is killed, which is an error.
      const { stdout } = await execute(program, [...run, 'main.mjs', ...urls], {
        cwd: folder,
        timeout: 100_000,
        env: { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(work, 'deno') },
      });
      const { waited, ...rest } = JSON.parse(stdout) as { waited: number };
      expect(rest).toEqual({ version, refused: null, outcome: 'released', tokensGrow: true });
      // Without a message it would wait for the ttl of the first lock.
      expect(waited).toBeLessThan(2_000);
      for (const server of servers) expect(await server.cli('EXISTS', 'r')).toBe(0);
    },
  );
});
