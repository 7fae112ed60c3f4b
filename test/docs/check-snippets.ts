import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Snippet } from './markdown.ts';
import { root } from './repository.ts';

const execute = promisify(execFile);
const preludes = join(root, 'test/docs/preludes');

/** How long a snippet may take, in ms: they take seconds, but a machine can be busy. */
const TIMEOUT = 100_000;

export interface Finding {
  readonly snippet: Snippet | undefined;
  /** `README.md:12:5 error TS2322: …` */
  readonly text: string;
}

/** A folder inside the repository, so that dependencies resolve; git-ignored, removed by `dispose`. */
function workFolder(): { path: string } & Disposable {
  const parent = join(root, '.snippets');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'run-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const fileOf = (snippet: Snippet): string => `${snippet.file}.L${snippet.line}.ts`;

/** Takes what a tool says of a written file back to the Markdown file: only the name differs, lines are the same. */
const inMarkdown = (text: string): string =>
  text.replaceAll(
    /(?:[^\s('"]*\.snippets\/run-\w+\/)([^\s('"]+\.md)\.L\d+\.ts(?:\((\d+),(\d+)\))?/g,
    (_, file, line, column) => (line === undefined ? file : `${file}:${line}:${column}`),
  );

/** Imports every name that a prelude exports and the snippet does not itself declare or import. */
function preludeImport(name: string, snippet: Snippet, from: string): string {
  const source = readFileSync(join(preludes, `${name}.ts`), 'utf8');
  const exported = /^export (?:declare )?(?:async )?(?:const|let|function|class|interface|type) (\w+)/gm;
  const names = [...source.matchAll(exported)].map(([, exportedName]) => exportedName);
  const path = relative(dirname(from), join(preludes, `${name}.ts`));
  if (names.length === 0) throw new Error(`${snippet.file}:${snippet.line}: prelude ${name} exports nothing`);
  return `import { ${names.join(', ')} } from '${path}';`;
}

/** Line n of the written file is line n of the Markdown file; what we add stands on the line of the fence. */
function write(snippet: Snippet, folder: string, code: string = snippet.code): string {
  const path = join(folder, fileOf(snippet));
  const header = ['export {};', ...snippet.preludes.map((name) => preludeImport(name, snippet, path))].join(
    ' ',
  );
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${'\n'.repeat(snippet.line - 1)}${header}\n${code}\n`);
  return path;
}

function writeConfig(folder: string, files: readonly string[]): void {
  const config = {
    extends: relative(folder, join(root, 'tsconfig.json')),
    compilerOptions: {
      // As strict as the project itself, but an example may declare what it does not use.
      noUnusedLocals: false,
      noUnusedParameters: false,
      declaration: false,
      isolatedDeclarations: false,
      // NestJS needs decorators of the kind that TypeScript had before the standard's.
      erasableSyntaxOnly: false,
      experimentalDecorators: true,
      verbatimModuleSyntax: false,
    },
    // By pattern, too: tsx does not take names in `files` that are absolute.
    include: ['**/*.ts'],
    files,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
}

/** Runs snippets in this process, each as a module of its own. What they subscribe to stays so until the process ends. */
export async function load(snippets: readonly Snippet[]): Promise<void> {
  using folder = workFolder();
  for (const snippet of snippets) await import(write(snippet, folder.path));
}

/** Type-checks all snippets in one run of the compiler. */
export async function typeCheck(snippets: readonly Snippet[]): Promise<Finding[]> {
  if (snippets.length === 0) return [];
  using folder = workFolder();
  const byPath = new Map(snippets.map((snippet) => [write(snippet, folder.path), snippet]));
  writeConfig(folder.path, [...byPath.keys()]);

  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const output = await execute(process.execPath, [compiler, '--pretty', 'false', '-p', folder.path], {
    cwd: root,
  }).then(
    () => '',
    (error: { stdout?: string; stderr?: string; message: string }) =>
      error.stdout || error.stderr || error.message,
  );
  // An indented line continues the message above it.
  return output
    .split(/\r?\n(?=\S)/)
    .filter((message) => message.trim() !== '')
    .map((message) => ({
      snippet: byPath.get(resolve(root, /^(.+?)\(\d+,\d+\): /.exec(message)?.[1] ?? '')),
      text: inMarkdown(message.trim()),
    }));
}

/** A snippet that can be run, until it is disposed. */
export function prepare(
  snippet: Snippet,
  redisUrls: readonly string[] = [],
): { readonly path: string; readonly config: string } & Disposable {
  const code = snippet.code.replaceAll(/redis:\/\/([a-e]):6379/g, (written, letter: string) => {
    return redisUrls['abcde'.indexOf(letter)] ?? written;
  });
  const folder = workFolder();
  const path = write(snippet, folder.path, code);
  writeConfig(folder.path, [path]);
  const config = join(folder.path, 'tsconfig.json');
  return { path, config, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/**
 * Runs a snippet in a process of its own until its last top-level `await`; rejects with what it printed if it fails.
 * What it leaves open is not held against it: examples need not end in `close()`.
 */
export async function run(snippet: Snippet, redisUrls: readonly string[] = []): Promise<void> {
  using prepared = prepare(snippet, redisUrls);
  const { path } = prepared;
  const runner = join(root, 'test/docs/run-snippet.ts');
  await execute(process.execPath, ['--import', 'tsx', runner, path], { cwd: root, timeout: TIMEOUT }).catch(
    (error: { stdout?: string; stderr?: string; code?: unknown; killed?: boolean }) => {
      const how = error.killed
        ? `did not end within ${TIMEOUT / 1_000} s`
        : `ended with code ${String(error.code)}`;
      throw new Error(inMarkdown(`${snippet.file}:${snippet.line} ${how}\n${error.stdout}${error.stderr}`));
    },
  );
}
