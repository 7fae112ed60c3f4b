import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

export interface Bundled {
  file(program: string): string;
  remove(): Promise<void>;
}

/**
 * Plain JavaScript of programs of the bench, side by side in a folder from which the bench's own dependencies are found.
 * Compiled on the way, programs would take long to start; and tsx wraps every function in what keeps its name, which a
 * library that is installed has not to pay.
 *
 * `checkout`: the folder of another checkout of quorlock, whose `src/` takes the place of this one's.
 */
export async function bundle(
  name: string,
  programs: Readonly<Record<string, string>>,
  checkout?: string,
): Promise<Bundled> {
  const folder = `${BENCH}node_modules/.cache/${name}-${process.pid}/`;
  const { dependencies } = JSON.parse(await readFile(`${BENCH}package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  await build({
    entryPoints: Object.fromEntries(
      Object.entries(programs).map(([name, file]) => [name, `${BENCH}${file}`]),
    ),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Found from there, so that there is one copy of ioredis for everybody. All else is part of the file.
    external: Object.keys(dependencies),
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    plugins: checkout === undefined ? [] : [sourcesOf(checkout)],
    logLevel: 'error',
  });
  return {
    file: (program) => `${folder}${program}.mjs`,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Only the bench's imports need redirecting: a file of the other checkout imports its neighbours by relative paths. */
function sourcesOf(checkout: string): Plugin {
  return {
    name: 'sources of another checkout',
    setup: (building) => {
      building.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path);
        return file.startsWith(SRC)
          ? { path: join(resolve(checkout), 'src', file.slice(SRC.length)) }
          : undefined;
      });
    },
  };
}
