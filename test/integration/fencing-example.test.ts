import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';

enforceNoLeaks();

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSX = join(ROOT, 'node_modules/tsx/dist/cli.mjs');

/** Where the example may leave its files, but must not. */
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorlock-fencing-test-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

class Run {
  output = '';
  errors = '';
  readonly #child;
  readonly #closed: Promise<unknown[]>;

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [TSX, 'examples/fencing/main.ts'], {
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

  /** What it told of one of its rounds. */
  round(headline: string): string {
    return this.output.split('\n\n').find((part) => part.startsWith(headline)) ?? '';
  }
}

/** tsx keeps a folder of its own there. */
async function expectNothingLeft(): Promise<void> {
  expect(await readdir(dir)).not.toContainEqual(expect.stringContaining('quorlock'));
}

describe('the example of fencing', () => {
  it('shows that the late write is refused with the guard, and lost an update without', async () => {
    const run = new Run();
    expect(await run.end(), run.output + run.errors).toBe(0);

    const guarded = run.round('With the guard');
    const [, stale, newest] = /its token (\d+) is stale, the store has seen (\d+)/.exec(guarded) ?? [];
    expect(Number(newest)).toBeGreaterThan(Number(stale));
    expect(guarded).toContain(`holder 1 has the lock, with the token ${stale}`);
    expect(guarded).toContain(`holder 2 gets the lock when it has expired, with the token ${newest}`);
    expect(guarded).toContain('balance: 150');

    const unguarded = run.round('Without the guard');
    expect(unguarded).toContain('The store takes it: 110. Its lock was lost by then.');
    expect(unguarded).toContain('balance: 110');

    expect(run.output.trimEnd().split('\n').at(-1)).toBe('OK');
    await expectNothingLeft();
  });

  it('leaves nothing behind when it is interrupted while a holder is stopped', async () => {
    const run = new Run();
    await vi.waitFor(() => expect(run.output, run.errors).toContain('stopped by SIGSTOP'), {
      timeout: 30_000,
    });
    run.interrupt();
    expect(await run.end()).toBe(130);
    await expectNothingLeft();
  });

  it('exits with 2 where there is no server', async () => {
    const run = new Run({ PATH: '' });
    expect(await run.end()).toBe(2);
    expect(run.errors).toContain('neither redis-server nor valkey-server is on PATH');
  });
});
