import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Report } from './report.ts';

/** Writes `timeline.html` into an existing directory: one file that needs no network. */
export async function writeTimeline(report: Report, directory: string): Promise<void> {
  const [page, style, script] = await Promise.all([
    readFile(beside('page.html'), 'utf8'),
    readFile(beside('page.css'), 'utf8'),
    bundle(),
  ]);
  // A script's text ends at the first `</script`, so JSON keeps no `<` as it is.
  const json = JSON.stringify(report).replaceAll('<', '\\u003c');
  const html = [
    ['/* style */', style],
    ['"report"</script>', `${json}</script>`],
    ['"script";', script],
  ].reduce((whole, [place = '', part = '']) => filled(whole, place, part), page);
  await writeFile(join(directory, 'timeline.html'), html);
}

/** As the text is: a dollar sign in it has no meaning. */
function filled(page: string, place: string, part: string): string {
  const [before, after, ...more] = page.split(place);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`page.html has to have ${place} once`);
  return before + part + after;
}

function beside(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

let bundled: Promise<string> | undefined;

/** The same for all reports. */
function bundle(): Promise<string> {
  bundled ??= bundleOf(beside('page.ts'));
  return bundled;
}

/** With the chart's library, as far as it is used: about half of the whole. */
async function bundleOf(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return outputFiles[0]?.text ?? '';
}
