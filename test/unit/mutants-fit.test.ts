import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { MUTANTS } from '../support/mutants/mutants.ts';

it.each(MUTANTS)('the mutant "$name" fits the product', async ({ edits }) => {
  for (const { file, from } of edits) {
    const source = await readFile(new URL(`../../src/${file}`, import.meta.url), 'utf8');
    expect(source.split(from), `${file}: ${from}`).toHaveLength(2);
  }
});
