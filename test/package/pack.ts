import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the packed package, which the tests of the package install. */
    tarball: string;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Packs the package once, before the tests of the package. Packing builds first (`prepack`), and a build begins by deleting `dist`: test files that pack
 * at the same time would take what they pack from each other.
 */
export default async function pack(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'quorlock-tarball-'));
  await promisify(execFile)('npm', ['pack', '--pack-destination', folder], { cwd: root });
  const [tarball] = readdirSync(folder);
  if (tarball === undefined) throw new Error('nothing was packed');
  project.provide('tarball', join(folder, tarball));
  return () => rmSync(folder, { recursive: true, force: true });
}
