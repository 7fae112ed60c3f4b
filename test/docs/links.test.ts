import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { anchors, type Link, links, npmScripts } from './markdown.ts';
import { documents, read, root } from './repository.ts';

/** Why the link leads nowhere, or `undefined` if it is right or leads out of the repository. */
function fault({ file, line, target }: Link): string | undefined {
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) return undefined;
  const [path = '', anchor] = decodeURI(target).split('#');
  const destination = path === '' ? file : normalize(join(path.startsWith('/') ? '.' : dirname(file), path));
  const at = `${file}:${line} ${target}`;
  if (destination.startsWith('..')) return `${at}: leaves the repository`;
  if (!existsSync(join(root, destination))) return `${at}: no such file`;
  if (anchor === undefined || anchor === '') return undefined;
  if (statSync(join(root, destination)).isDirectory()) return `${at}: a folder has no anchors`;
  const wanted = /^L(\d+)(?:-L(\d+))?$/.exec(anchor);
  if (wanted && !destination.endsWith('.md')) {
    const last = Number(wanted[2] ?? wanted[1]);
    return last <= read(destination).split('\n').length ? undefined : `${at}: the file has no such line`;
  }
  return anchors(read(destination), destination).has(anchor) ? undefined : `${at}: no such heading`;
}

test.each(documents)('every relative link and anchor in %s leads somewhere', (file) => {
  const faults = links(read(file), file).map(fault);
  expect(faults.filter((found) => found !== undefined)).toEqual([]);
});

test.each(documents)('every npm script that %s mentions exists', (file) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  expect(npmScripts(read(file), file).filter(({ script }) => !(script in scripts))).toEqual([]);
});

test('the README fits into 250 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(250);
});

test.each([
  ['nowhere.md', 'README.md:7 nowhere.md: no such file'],
  ['#nowhere', 'README.md:7 #nowhere: no such heading'],
  ['package.json#L9999', 'README.md:7 package.json#L9999: the file has no such line'],
  ['../secret.md', 'README.md:7 ../secret.md: leaves the repository'],
])('a link to %s is refused', (target, why) => {
  expect(fault({ file: 'README.md', line: 7, target })).toBe(why);
});
