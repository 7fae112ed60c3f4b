import { expect, test } from 'vitest';
import { run, typeCheck } from './check-snippets.ts';
import type { Snippet } from './markdown.ts';

const snippet = (code: string, options: Partial<Snippet> = {}): Snippet => ({
  file: 'docs/example.md',
  line: 10,
  code,
  preludes: [],
  run: false,
  ...options,
});

test('a snippet with a wrong type is found, with its place in the Markdown file', async () => {
  const right = snippet('export const n: number = 1;', { line: 1 });
  const wrong = snippet("const a = 1;\n  const n: number = 'one';");
  const findings = await typeCheck([right, wrong]);
  expect(findings).toEqual([
    { snippet: wrong, text: expect.stringMatching(/^docs\/example\.md:12:9: error TS2322: /) },
  ]);
});

test('a snippet that imports what the package does not export is found', async () => {
  const wrong = snippet("import { Redlocked } from 'quorlock';\nnew Redlocked();");
  const findings = await typeCheck([wrong]);
  expect(findings.map(({ text }) => text).join('\n')).toContain('docs/example.md:11:10: error TS');
});

test('a snippet that runs to its end is accepted, though it leaves a timer behind', async () => {
  await run(snippet('setInterval(() => {}, 1_000);\nawait Promise.resolve();'));
});

test.each([
  ['throws', "throw new Error('no luck');", 'no luck'],
  ['leaves a rejection unhandled', "void Promise.reject(new Error('no luck'));", 'no luck'],
  ['never ends its await', 'await new Promise(() => {});', 'ended with code 13'],
])('a snippet that %s is refused', async (_, code, why) => {
  await expect(run(snippet(code))).rejects.toThrow(why);
});

test('the servers take the place of the names a to e', async () => {
  const code = "const urls = ['redis://a:6379', 'redis://b:6379'];\nthrow new Error(urls.join());";
  await expect(run(snippet(code), ['redis://127.0.0.1:1', 'redis://127.0.0.1:2'])).rejects.toThrow(
    'redis://127.0.0.1:1,redis://127.0.0.1:2',
  );
});
