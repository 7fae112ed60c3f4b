import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Below the folder from which the bench's own dependencies are found. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/contention/', import.meta.url));

/** Plain JavaScript, since dozens of processes that each compile TypeScript would take long to start. */
export async function bundleWorker(): Promise<{ file: string; remove(): Promise<void> }> {
  const file = `${FOLDER}worker.mjs`;
  await build({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Found from there; all else is part of the file, and so is loaded in no time.
    // One copy for everybody, whose commands are counted.
    alias: { ioredis: fileURLToPath(new URL('../../../node_modules/ioredis', import.meta.url)) },
    external: ['redlock', 'redis-semaphore', 'redlock-universal'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'error',
  });
  return { file, remove: () => rm(FOLDER, { recursive: true, force: true }) };
}
