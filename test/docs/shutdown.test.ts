import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { onFreePort } from '../support/free-port.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { prepare } from './check-snippets.ts';
import { type Snippet, snippets } from './markdown.ts';
import { documents, read, root } from './repository.ts';

const servers = documents
  .flatMap((file) => snippets(read(file), file))
  .filter(({ run }) => run === 'server')
  .map((snippet) => [`${snippet.file}:${snippet.line}`, snippet] as const);

let redises: RedisServer[];

beforeEach(async () => {
  redises = await startRedises(5);
});
afterEach(() => Promise.all(redises.map((redis) => redis.stop())));

interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly url: string;
}

/** @throws what says that the port is in use. */
async function tried(port: number): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
  return port;
}

async function start(snippet: Snippet): Promise<Running> {
  const port = await onFreePort(tried);
  const code = snippet.code.replaceAll('3000', String(port));
  const prepared = prepare(
    { ...snippet, code },
    redises.map(({ url }) => url),
  );
  onTestFinished(() => prepared[Symbol.dispose]());
  const child = spawn(process.execPath, ['--import', 'tsx', prepared.path], {
    cwd: root,
    env: { ...process.env, TSX_TSCONFIG_PATH: prepared.config },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { process: child, output: () => output, url: `http://127.0.0.1:${port}/orders/7/charge` };
}

function expectEnded(running: Running): Promise<unknown> {
  return once(running.process, 'close').then(([code, signal]) =>
    expect([0, 'SIGTERM'], running.output()).toContain(code ?? signal),
  );
}

/** Asks until the server is there; it may be slow to start. */
function post(url: string): Promise<Response> {
  return eventually(() => fetch(url, { method: 'POST' }).catch(() => undefined));
}

function said(running: Running, word: string): Promise<true> {
  return eventually(async () => {
    if (running.process.exitCode !== null) throw new Error(`it has ended: ${running.output()}`);
    return running.output().includes(word) || undefined;
  });
}

/** Whether somebody waits in the line of a lock. */
function waits(): Promise<true> {
  return eventually(async () => {
    const lines = await Promise.all(redises.map((redis) => redis.cli('KEYS', '*:quorlock:line')));
    return lines.flat().length > 0 || undefined;
  });
}

test('a worker that waits for a lock ends when it is told to stop', async () => {
  const worker = servers.find(([, { code }]) => code.includes('stop.signal'))?.[1] as Snippet;
  await using redlock = new Redlock(redises.map(({ url }) => url));
  const lock = await redlock.acquire('order:0', { autoExtend: true });
  const running = await start(worker);
  await waits();
  running.process.kill('SIGTERM');
  expect(await once(running.process, 'close'), running.output()).toEqual([0, null]);
  expect(running.output()).toBe('');
  await lock.release();
});

describe('every example of a process that is told to stop', () => {
  test('is one of several', () => {
    expect(servers.length).toBeGreaterThan(3);
  });

  test.each(servers)(
    '%s ends its work under a lock that stays held, and leaves no lock',
    async (_, snippet) => {
      const running = await start(snippet);
      const isServer = snippet.code.includes('3000');
      const answer = isServer ? post(running.url) : undefined;
      await said(running, 'charging');
      running.process.kill('SIGTERM');
      const ended = expectEnded(running);
      if (answer) {
        const response = await answer;
        expect({ status: response.status, body: await response.json() }).toEqual({
          status: expect.toSatisfy((status: number) => status === 200 || status === 201),
          body: { charged: '7' },
        });
      }
      await ended;
      expect(running.output()).toContain('charged');
      await expectNoKeys(redises);
    },
  );
});
