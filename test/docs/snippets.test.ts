import { beforeAll, describe, expect, test } from 'vitest';
import { startRedises } from '../support/redis-server.ts';
import { type Finding, run, typeCheck } from './check-snippets.ts';
import { type Snippet, snippets } from './markdown.ts';
import { documents, read } from './repository.ts';

const all = documents.flatMap((file) => snippets(read(file), file));
const titled = (some: readonly Snippet[]) =>
  some.map((snippet) => [`${snippet.file}:${snippet.line}`, snippet] as const);
const runnable = all.filter(({ run }) => run === 'alone' || run === 'redis');

describe('every TypeScript example', () => {
  let findings: Finding[] = [];
  beforeAll(async () => {
    findings = await typeCheck(all);
  });

  test.each(titled(all))('%s has the right types', (_, snippet) => {
    expect(findings.filter((finding) => finding.snippet === snippet).map(({ text }) => text)).toEqual([]);
  });

  test('together they raise no error elsewhere', () => {
    expect(findings.filter((finding) => finding.snippet === undefined).map(({ text }) => text)).toEqual([]);
  });

  test('is one of many: the README and docs are really searched', () => {
    expect(all.filter(({ file }) => file === 'README.md').length).toBeGreaterThan(0);
    expect(runnable.length).toBeGreaterThan(0);
  });
});

describe('every example marked as runnable', () => {
  test.each(titled(runnable))('%s runs to its end', async (_, snippet) => {
    if (snippet.run === 'alone') return run(snippet);
    // Fresh servers for each: an example may leave locks behind.
    const servers = await startRedises(5);
    try {
      await run(
        snippet,
        servers.map(({ url }) => url),
      );
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });
});
