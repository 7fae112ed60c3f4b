import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { snippets } from './markdown.ts';
import { read, root } from './repository.ts';

const FILE = 'docs/testing.md';

/** It is a test file itself: its tests are run here. */
describe('the example of fake timers', async () => {
  const example = snippets(read(FILE), FILE).find(({ code }) => code.includes('useFakeTimers'));
  if (!example) throw new Error(`${FILE} has no example of fake timers`);
  const parent = join(root, '.snippets');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'fake-timers-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'example.ts'), example.code);
  await import(join(folder, 'example.ts'));
});
