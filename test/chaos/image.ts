import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from '../support/redis-binary.ts';
import { docker, dockerCan } from './docker.ts';

/** What compose.yaml takes if nothing else is said. */
const USUAL = 'redis:7-alpine';
/** What is made here instead, where that cannot be had. */
const OWN = 'quorlock-chaos-redis:local';
/** How long it may take to pull an image, in ms. */
const PULL_PATIENCE = 60_000;

const execute = promisify(execFile);

/** The image for the nodes: `REDIS_IMAGE`, the usual one, or one that is made of the installed redis-server. */
export async function ensureImage(say: (line: string) => void): Promise<string> {
  const wanted = process.env['REDIS_IMAGE'];
  if (wanted) return wanted;
  for (const there of [USUAL, OWN]) if (await dockerCan(['image', 'inspect', there])) return there;
  if (await dockerCan(['pull', USUAL], PULL_PATIENCE)) return USUAL;
  say(`${USUAL} cannot be pulled; making ${OWN} of the installed redis-server`);
  await makeImage(OWN);
  return OWN;
}

/** A root file system with a server, its client, a shell, and the libraries that they need. */
async function makeImage(name: string): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'quorlock-image-'));
  try {
    const root = join(dir, 'root');
    for (const program of ['redis-server', 'redis-cli', 'sh']) {
      const path = onPath(program);
      if (!path) throw new Error(`${program} is not on PATH: an image cannot be made of it`);
      await copy(path, join(root, 'usr/bin', program));
      for (const library of await librariesOf(path)) await copy(library, join(root, library));
    }
    await mkdir(join(root, 'data'));
    await mkdir(join(root, 'tmp'));
    const archive = join(dir, 'root.tar');
    await execute('tar', ['-C', root, '-cf', archive, '.']);
    await docker(['import', '--change', 'WORKDIR /data', archive, name]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What the loader needs, itself included; by their full paths. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await execute('ldd', [program]);
  return Array.from(stdout.matchAll(/(\/\S+) \(0x/g), ([, path = '']) => path);
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), to);
}
