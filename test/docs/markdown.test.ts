import { describe, expect, test } from 'vitest';
import { anchors, links, npmScripts, sessions, snippets } from './markdown.ts';

const ts = (code: string, above = ''): string => `${above}\n\`\`\`ts\n${code}\n\`\`\`\n`;

describe('snippets', () => {
  test('are found with file, line and code, other languages are left alone', () => {
    const markdown = `# Title\n\`\`\`sh\nnpm ci\n\`\`\`\n${ts('const a = 1;\nconst b = 2;', 'Text')}`;
    expect(snippets(markdown, 'x.md')).toEqual([
      { file: 'x.md', line: 6, code: 'const a = 1;\nconst b = 2;', preludes: [], run: false },
    ]);
  });

  test('keep the indentation that they have in a list', () => {
    expect(snippets('- item\n  ```ts\n  f();\n  ```\n', 'x.md')[0]?.code).toBe('  f();');
  });

  test.each([
    ['<!-- run -->', { run: 'alone', preludes: [] }],
    ['<!-- run: redis -->', { run: 'redis', preludes: [] }],
    ['<!-- prelude: redlock db -->\n<!-- run -->\n', { run: 'alone', preludes: ['redlock', 'db'] }],
  ])('take their directives from the comments above: %j', (above, expected) => {
    expect(snippets(ts('f();', above), 'x.md')[0]).toMatchObject(expected);
  });

  test('a misspelt directive is refused', () => {
    expect(() => snippets(ts('f();', '<!-- runn -->'), 'x.md')).toThrow(
      'x.md:2: unknown directive <!-- runn -->',
    );
  });

  test('a block that is never closed is refused', () => {
    expect(() => snippets('```ts\nf();\n', 'x.md')).toThrow('x.md:1: this code block is never closed');
  });

  test('a block in a quotation is refused', () => {
    expect(() => snippets('> ```ts\n> f();\n> ```\n', 'x.md')).toThrow('x.md:1');
  });

  test('a fence of four marks may show one of three', () => {
    expect(snippets('````md\n```ts\nf();\n```\n````\n', 'x.md')).toEqual([]);
  });
});

describe('links', () => {
  test('are found inline, by reference and in HTML, but not in code', () => {
    const markdown =
      'see [a](a.md "A") ![b](b.png)\n[c]: c.md#d\n<a href="e.md">e</a>\n`[f](f.md)`\n' + ts('[g](g.md)');
    expect(links(markdown, 'x.md').map(({ line, target }) => [line, target])).toEqual([
      [1, 'a.md'],
      [1, 'b.png'],
      [2, 'c.md#d'],
      [3, 'e.md'],
    ]);
  });
});

describe('anchors', () => {
  test("are GitHub's", () => {
    const markdown =
      '# `acquire()` & friends\n## Why?\n## Why?\n### A [link](x.md), _new_\n<a id="here"></a>\n';
    expect([...anchors(markdown, 'x.md')]).toEqual([
      'acquire--friends',
      'why',
      'why-1',
      'a-link-_new_',
      'here',
    ]);
  });
});

describe('npm scripts', () => {
  test('are found in prose and in code', () => {
    const markdown = 'Run `npm run bench:faults`. Then npm test.\n```sh\nnpm ci && npm run build\n```\n';
    expect(npmScripts(markdown, 'x.md').map(({ line, script }) => [line, script])).toEqual([
      [1, 'bench:faults'],
      [1, 'test'],
      [3, 'build'],
    ]);
  });
});

describe('terminal sessions', () => {
  test('have commands with their output, and a scene', () => {
    const markdown =
      '<!-- scene: held -->\n\n```console\n$ quorlock x\none\n\n  two\n$ echo $?\n3\n```\n```console\n$ y\n```\n```sh\nz\n```\n';
    expect(sessions(markdown, 'x.md')).toEqual([
      {
        file: 'x.md',
        line: 3,
        scene: 'held',
        steps: [
          { command: 'quorlock x', output: 'one\n\n  two\n' },
          { command: 'echo $?', output: '3\n' },
        ],
      },
      { file: 'x.md', line: 11, scene: undefined, steps: [{ command: 'y', output: '' }] },
    ]);
  });

  test.each([
    ['that begin with output', '```console\nx\n```\n'],
    ['with another directive', '<!-- run -->\n```console\n$ x\n```\n'],
  ])('%s are refused', (_, markdown) => {
    expect(() => sessions(markdown, 'x.md')).toThrow(/^x\.md:\d+: /);
  });
});
