import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

export const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Every Markdown file of the project, relative to its root. */
export const documents: readonly string[] = readdirSync(root, { withFileTypes: true })
  .flatMap((entry): string[] => {
    if (entry.isFile()) return [entry.name];
    if (!['docs', 'examples', 'bench', 'test'].includes(entry.name)) return [];
    return readdirSync(join(root, entry.name), { recursive: true, encoding: 'utf8' }).map((file) =>
      join(entry.name, file),
    );
  })
  .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
  .sort();
