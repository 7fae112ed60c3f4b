import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Edit } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * One program out of the sources as they are, but for the edits, each of which must fit exactly one place: a mutant
 * that has lost its place in the product is an error, and no survivor. It runs in plain Node.js, also in a worker.
 *
 * @returns its file.
 */
export async function bundle(name: string, entry: string, edits: readonly Edit[] = []): Promise<string> {
  // Below node_modules, so that it finds the dependencies.
  const outfile = `${ROOT}node_modules/.cache/quorlock/${name.replaceAll(/\W+/g, '-')}.mjs`;
  const files = new Map(edits.map(({ file }) => [`${ROOT}src/${file}`, file]));
  await build({
    entryPoints: [ROOT + entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
    sourcemap: 'inline',
    plugins: [
      {
        name: 'edits',
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const file = files.get(path);
            if (file === undefined) return undefined;
            files.delete(path);
            return { contents: edited(await readFile(path, 'utf8'), file, edits), loader: 'ts' };
          });
        },
      },
    ],
  });
  for (const file of files.values()) throw new Error(`${name}: src/${file} is not part of ${entry}`);
  return outfile;
}

function edited(source: string, file: string, edits: readonly Edit[]): string {
  let contents = source;
  for (const { from, to } of edits.filter((each) => each.file === file)) {
    const places = contents.split(from).length - 1;
    if (places !== 1) throw new Error(`src/${file} has ${places} places that read ${JSON.stringify(from)}`);
    contents = contents.replace(from, () => to);
  }
  return contents;
}
