import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { onPath } from '../support/redis-binary.ts';
import { type RedisOptions, type RedisServer, startRedis } from '../support/redis-server.ts';
import { type Certificate, createCertificate } from '../support/tls.ts';
import { Cli, quorlock } from './fixtures/cli.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const SECRET = 's3cret pass';
const hasScript = process.platform === 'linux' && onPath('script') !== undefined;

let dir: string;
let certificate: Certificate;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorlock-cli-'));
  certificate = await createCertificate();
});
afterAll(() => Promise.all([rm(dir, { recursive: true }), certificate.remove()]));

async function server(options: RedisOptions): Promise<RedisServer> {
  const started = await startRedis(options);
  onTestFinished(() => started.stop());
  return started;
}

async function fileWith(text: string): Promise<string> {
  const path = join(dir, 'file');
  await writeFile(path, text);
  return path;
}

/** The code of the program that was loaded, as NODE_DEBUG=esm tells. */
function codeIn(errors: string): string {
  const files = new Set(errors.match(/\/[^\s']*\/cli-\d+\/[\w-]+\.mjs/g));
  return [...files].map((file) => readFileSync(file, 'utf8')).join('\n');
}

describe('a password', () => {
  it('is read from a file', async () => {
    const { port } = await server({ config: { requirepass: `"${SECRET}"` } });
    const file = await fileWith(`${SECRET}\n`);
    const cli = new Cli(['nodes', '--node', `redis://127.0.0.1:${port}`, '--password-file', file]);
    expect(await cli.exit, cli.errors).toBe(0);
    expect(cli.output).toContain('1 of 1 nodes up');
  });

  it('is not shown if it is wrong', async () => {
    const { port } = await server({ config: { requirepass: 'another' } });
    const url = `redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`;
    const runs = [
      ['nodes'],
      ['inspect', 'job'],
      ['run', 'job', '--wait', '0', '--', 'true'],
      ['revoke', 'job', '--yes'],
    ];
    for (const args of runs) {
      const [name = '', ...others] = args;
      const cli = new Cli([name, '--node', url, ...others]);
      expect(await cli.exit, cli.errors).toBe(69);
      expect(cli.output + cli.errors).toContain(`127.0.0.1:${port}`);
      expect(cli.output + cli.errors).not.toContain('s3cret');
    }
  });

  it.skipIf(process.platform !== 'linux')(
    'on the command line is not shown in the list of processes',
    async () => {
      const { port } = await server({});
      const url = `redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`;
      const cli = new Cli(['run', 'job', '--node', url, '--', 'sh', '-c', 'echo ready; read line'], {
        stdin: 'pipe',
      });
      // Before the server refuses the password of a user that needs none, or afterwards.
      await vi.waitFor(
        () => expect(readFileSync(`/proc/${cli.pid}/cmdline`, 'latin1')).toMatch(/^quorlock\0/),
        {
          timeout: 50_000,
        },
      );
      expect(readFileSync(`/proc/${cli.pid}/cmdline`, 'latin1')).not.toContain('s3cret');
    },
  );
});

describe('TLS', () => {
  it('is spoken with servers whose authority a file names', async () => {
    const { port } = await server({ tls: certificate });
    const ca = await fileWith(certificate.ca);
    const cli = new Cli(['nodes', '--node', `rediss://127.0.0.1:${port}`, '--tls-ca', ca]);
    expect(await cli.exit, cli.output + cli.errors).toBe(0);
  });

  it('is refused with an authority that nobody has named', async () => {
    const { port } = await server({ tls: certificate });
    const cli = new Cli(['nodes', '--node', `rediss://127.0.0.1:${port}`]);
    expect(await cli.exit, cli.errors).toBe(69);
    expect(cli.output).toMatch(/self.signed certificate/);
  });
});

describe('wrong usage', () => {
  it.each([
    [
      ['nodse'],
      'quorlock: there is no command "nodse"; did you mean nodes?',
      'quorlock --help lists the commands',
    ],
    [
      ['nodes', '--jsn'],
      'quorlock: unknown option "--jsn"; did you mean --json?',
      'quorlock nodes --help explains the command',
    ],
    [['run', 'job', 'ls'], 'quorlock: give the command after --', 'quorlock run --help explains the command'],
  ])('%j ends with 64 and one line of help', async (args, message, hint) => {
    const cli = new Cli(args);
    expect(await cli.exit).toBe(64);
    expect(cli.output).toBe('');
    expect(cli.errors.startsWith(message)).toBe(true);
    expect(cli.errors.endsWith(`\n${hint}\n`)).toBe(true);
    expect(cli.errors.trimEnd().split('\n')).toHaveLength(2);
  });

  it('of an option of a lock is explained in the names of the command line', async () => {
    const servers = await startNodes(1);
    const cli = quorlock(servers, ['run', 'job', '--ttl', '1m', '--', 'echo', 'x']);
    expect(await cli.exit).toBe(64);
    expect(cli.errors).toMatch(
      /^quorlock: --ttl must be a whole number from 4 to 30000, not 60000; to use a longer ttl, raise --max-ttl /,
    );
    expect(cli.output).toBe('');
  });
});

describe('the program', () => {
  it('loads a Redis client only when it needs one', async () => {
    const env = { NODE_DEBUG: 'module' };
    const help = new Cli(['--help'], { env });
    expect(await help.exit).toBe(0);
    expect(help.output).toContain('quorlock <command> [options]');
    expect(help.errors).not.toMatch(/ioredis|@redis/);
    const nodes = new Cli(['nodes', '--node', 'redis://127.0.0.1:1'], { env });
    expect(await nodes.exit).toBe(69);
    expect(nodes.errors).toMatch(/ioredis/);
  });

  it('prints its version with few modules', async () => {
    const env = { NODE_DEBUG: 'esm' };
    const version = new Cli(['--version'], { env });
    expect(await version.exit).toBe(0);
    expect(codeIn(version.errors)).toContain('runProgram');
    const more = /function (generalHelp|parseCommandLine|withRedlock)|Redlock = class|leven/;
    expect(codeIn(version.errors)).not.toMatch(more);
    const nodes = new Cli(['nodes', '--node', 'redis://127.0.0.1:1'], { env });
    expect(await nodes.exit).toBe(69);
    expect(codeIn(nodes.errors)).toMatch(/Redlock = class/);
  });

  it('prints its help without an error though nobody reads it', async () => {
    const cli = new Cli(['--help']);
    cli.process.stdout?.destroy();
    expect(await cli.exit).toBe(0);
    expect(cli.errors).toBe('');
  });

  it('has its own exit code though nobody reads it', async () => {
    const cli = new Cli(['nodes', '--node', 'redis://127.0.0.1:1']);
    cli.process.stdout?.destroy();
    expect(await cli.exit).toBe(69);
    expect(cli.errors).toBe('');
  });

  it.skipIf(!existsSync('/dev/full'))(
    'does not end as if all were well when its output cannot be written',
    async () => {
      const full = openSync('/dev/full', 'w');
      onTestFinished(() => closeSync(full));
      const cli = new Cli(['--help'], { stdout: full });
      expect(await cli.exit).toBe(1);
      expect(cli.errors).toMatch(/^quorlock: cannot write the output: ENOSPC.*\n$/);
    },
  );

  it.skipIf(!hasScript)('prints colours on a terminal', async () => {
    const servers = await startNodes(1);
    const coloured = quorlock(servers, ['nodes'], { onTerminal: true });
    expect(await coloured.exit, coloured.output).toBe(0);
    expect(coloured.output).toContain('\x1b[32mup\x1b[0m');
    const plain = quorlock(servers, ['nodes'], { onTerminal: true, env: { NO_COLOR: '1' } });
    expect(await plain.exit, plain.output).toBe(0);
    expect(plain.output).not.toContain('\x1b');
  });

  it('gives a fencing token that is larger than those of the library', async () => {
    const servers = await startNodes(3);
    const lock = await openRedlock(servers).acquire('job');
    await lock.release();
    const cli = quorlock(servers, ['run', 'job', '--', 'sh', '-c', 'echo $QUORLOCK_FENCING_TOKEN']);
    expect(await cli.exit, cli.errors).toBe(0);
    expect(Number(cli.output)).toBeGreaterThan(lock.fencingToken);
  });
});

describe('the demo', () => {
  it('ends with a verdict', async () => {
    const cli = new Cli(['demo']);
    expect(await cli.exit, cli.output + cli.errors).toBe(0);
    expect(cli.output).toMatch(/memory-1 fails and memory-2 hangs/);
    expect(cli.output).toMatch(
      /the lock of (worker-\d) is revoked;(.|\n)*\1 has lost the lock, and does not write/,
    );
    expect(cli.output).toMatch(/verdict: OK\n$/);
  });

  it('tells it as JSON, too', async () => {
    const cli = new Cli(['demo', '--json']);
    expect(await cli.exit, cli.output + cli.errors).toBe(0);
    const events = cli.output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const result = events.pop();
    expect(result).toEqual({
      additions: result.counter,
      counter: expect.any(Number),
      overlaps: 0,
      lost: expect.any(Number),
      isRight: true,
    });
    expect(events.length).toBeGreaterThan(5);
    for (const event of events) expect(event).toEqual({ ms: expect.any(Number), text: expect.any(String) });
  });
});
