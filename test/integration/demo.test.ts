import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { startRedises } from '../support/redis-server.ts';

enforceNoLeaks();

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSX = join(ROOT, 'node_modules/tsx/dist/cli.mjs');

/** Where the demo may leave its files, but must not. */
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorlock-demo-test-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

class Run {
  output = '';
  errors = '';
  readonly #child;
  readonly #closed: Promise<unknown[]>;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [TSX, 'examples/demo/main.ts', ...args], {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: dir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    onTestFinished(() => void this.#child.kill());
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** Resolves with the exit code, once the output has ended too: also that of every process it has started. */
  async end(): Promise<unknown> {
    const [code] = await this.#closed;
    return code;
  }

  get lastLine(): string | undefined {
    return this.output.trimEnd().split('\n').at(-1);
  }

  /** A number of the summary. */
  number(name: string): number {
    return Number(new RegExp(`^${name} +(\\d+)`, 'm').exec(this.output)?.[1]);
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function expectNothingLeft(run: Run): Promise<void> {
  const nodes = new Set(run.output.match(/127\.0\.0\.1:\d+/g));
  const ports = [...nodes].map((node) => Number(node.split(':')[1]));
  expect(ports).toHaveLength(5);
  await vi.waitFor(async () => {
    expect(await Promise.all(ports.map(answers))).toEqual(ports.map(() => false));
    expect(await readdir(dir)).not.toContainEqual(expect.stringContaining('quorlock'));
  });
}

describe('the demo', () => {
  it('ends with OK though two nodes die', async () => {
    const run = new Run(['--seconds', '3']);
    expect(await run.end(), run.output + run.errors).toBe(0);
    expect(run.output).toContain('5 independent servers');
    expect(run.output.match(/node \d is killed/g)).toHaveLength(2);
    expect(run.output.match(/node \d is back/g)).toHaveLength(2);
    expect(run.number('critical sections done')).toBeGreaterThan(0);
    expect(run.number('overlaps seen')).toBe(0);
    expect(run.number('updates lost')).toBe(0);
    expect(run.lastLine).toMatch(/^verdict: OK/);
    await expectNothingLeft(run);
  });

  it('ends with BROKEN without the lock', async () => {
    const run = new Run(['--seconds', '3', '--without-lock']);
    expect(await run.end(), run.output + run.errors).toBe(1);
    expect(run.number('overlaps seen')).toBeGreaterThan(0);
    expect(run.number('updates lost')).toBeGreaterThan(0);
    expect(run.lastLine).toMatch(/^verdict: BROKEN/);
  });

  it('runs in memory when there is no server on PATH', async () => {
    const run = new Run(['--seconds', '3'], { PATH: '' });
    expect(await run.end(), run.output + run.errors).toBe(0);
    expect(run.output).toContain('5 nodes in memory (neither redis-server nor valkey-server is on PATH)');
    expect(run.output.match(/node \d is killed/g)).toHaveLength(2);
    expect(run.lastLine).toMatch(/^verdict: OK/);
  });

  it('loses updates in memory, too, without the lock', async () => {
    const run = new Run(['--seconds', '3', '--memory', '--without-lock']);
    expect(await run.end(), run.output + run.errors).toBe(1);
    expect(run.number('updates lost')).toBeGreaterThan(0);
  });

  it('kills none of the nodes that it is given', async () => {
    const servers = await startRedises(3);
    try {
      const run = new Run(['--seconds', '3', '--nodes', servers.map(({ url }) => url).join(',')]);
      expect(await run.end(), run.output + run.errors).toBe(0);
      expect(run.output).toContain('3 given nodes, of which none is killed');
      expect(run.output).not.toMatch(/node \d is killed/);
      expect(run.lastLine).toMatch(/^verdict: OK/);
      await expectNoKeys(servers);
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  it('is not content with nothing done', async () => {
    const run = new Run(['--seconds', '3', '--nodes', 'redis://127.0.0.1:1']);
    expect(await run.end(), run.output + run.errors).toBe(1);
    expect(run.lastLine).toMatch(/^verdict: BROKEN, no critical section done/);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const run = new Run([]);
    await vi.waitFor(() => expect(run.output, run.errors).toContain('done 1'), { timeout: 30_000 });
    run.interrupt();
    expect(await run.end()).toBe(130);
    await expectNothingLeft(run);
  });

  it('explains itself', async () => {
    const run = new Run(['--help']);
    expect(await run.end()).toBe(0);
    expect(run.output).toContain('--without-lock');
  });

  it('exits with 2 for a bad option', async () => {
    const run = new Run(['--workers', 'many']);
    expect(await run.end()).toBe(2);
    expect(run.errors).toContain('--workers must be a whole number from 1 to 64, not "many"');
    expect(run.output).toBe('');
  });
});
