import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { IS_TESTED, isRunning, quorlock } from './fixtures/cli.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorlock-cli-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

let files = 0;
/** A file that a command writes, and what is in it. */
function newFile(): { path: string; lines(): string[] } {
  files++;
  const path = join(dir, String(files));
  return {
    path,
    lines: () => {
      try {
        return readFileSync(path, 'utf8').split('\n').slice(0, -1);
      } catch {
        return [];
      }
    },
  };
}

describe('a command that is run under a lock', () => {
  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -KILL $$', 137],
    ['kill -TERM $$', 143],
  ])('that does `%s` gives its exit code, and the lock back', async (script, code) => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--', 'sh', '-c', script]);
    expect(await cli.exit, cli.errors).toBe(code);
    expect(cli.errors).toBe('');
    await expectNoKeys(servers);
  });

  it('has the input and output to itself', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--', 'sh', '-c', 'cat; echo error >&2'], { stdin: 'pipe' });
    const text = 'line\n'.repeat(50_000);
    cli.type(text);
    cli.process.stdin?.end();
    expect(await cli.exit).toBe(0);
    expect(cli.output).toBe(text);
    expect(cli.errors).toBe('error\n');
  });

  it('finds the resource and a fencing token that grows in its environment', async () => {
    const servers = await startNodes(3);
    const script = 'echo "$QUORLOCK_RESOURCE $QUORLOCK_FENCING_TOKEN"';
    const tokens: number[] = [];
    for (const _ of [1, 2]) {
      const cli = quorlock(servers, ['run', 'the job', '--', 'sh', '-c', script]);
      expect(await cli.exit, cli.errors).toBe(0);
      tokens.push(Number(/^the job (\d+)\n$/.exec(cli.output)?.[1]));
    }
    expect(tokens[1]).toBeGreaterThan(tokens[0] as number);
  });

  it('finds no token without fencing, nor that of another lock', async () => {
    const servers = await startNodes(3);
    const script = 'echo "${QUORLOCK_FENCING_TOKEN-none}"';
    const env = { QUORLOCK_FENCING_TOKEN: '1' };
    const cli = quorlock(servers, ['run', 'job', '--no-fencing', '--', 'sh', '-c', script], { env });
    expect(await cli.exit, cli.errors).toBe(0);
    expect(cli.output).toBe('none\n');
  });

  it('holds the lock with a label for longer than its ttl', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const options = ['--ttl', '3s', '--label', 'worker-1'];
    const cli = quorlock(servers, ['run', 'job', ...options, '--', 'sh', '-c', 'echo begun; read line'], {
      stdin: 'pipe',
    });
    await cli.printed(/begun/);
    const first = await redlock.inspect('job');
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    const second = await redlock.inspect('job');
    expect([first, second]).toEqual(
      [first, second].map(() => expect.objectContaining({ state: 'held', fencingToken: first.fencingToken })),
    );
    expect(second.owner?.label).toBe('worker-1');
    cli.type('go\n');
    expect(await cli.exit, cli.errors).toBe(0);
  });

  it.each([
    ['nosuchcommand', 127, 'quorlock: cannot start "nosuchcommand": there is no such command\n'],
    ['/etc/passwd', 126, 'quorlock: cannot start "/etc/passwd": permission denied\n'],
  ])('that is %s ends with %d, and gives the lock back', async (command, code, message) => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--', command]);
    expect(await cli.exit).toBe(code);
    expect(cli.errors).toBe(message);
    await expectNoKeys(servers);
  });

  it('is ended with what it has left in the background, before the lock is free', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const file = newFile();
    const child = `trap "echo told" TERM; echo ready $$; until [ -e ${file.path} ] || ! ${IS_TESTED}; do sleep 0.1; done`;
    const script = `sh -c '${child}' & read line; exit 3`;
    const options = ['--grace', '1h'];
    const cli = quorlock(servers, ['run', 'job', ...options, '--', 'sh', '-c', script], { stdin: 'pipe' });
    await cli.printed(/ready/);
    cli.type('end of the command\n');
    await cli.printed(/told/);
    expect(await redlock.inspect('job')).toMatchObject({ state: 'held' });
    writeFileSync(file.path, '');
    expect(await cli.exit, cli.errors).toBe(3);
    await expectNoKeys(servers);
  });
});

describe('a lock that is held', () => {
  it('is not waited for with --wait 0', async () => {
    const servers = await startNodes(3);
    await using _lock = await openRedlock(servers).acquire('job', { autoExtend: true, label: 'web-1' });
    const file = newFile();
    const cli = quorlock(servers, ['run', 'job', '--wait', '0', '--', 'sh', '-c', `echo x >${file.path}`]);
    expect(await cli.exit).toBe(75);
    expect(cli.errors).toMatch(
      /^quorlock: cannot lock "job": somebody else holds it \(did not wait\)\n {2}holder +web-1\n {2}since +[\d:]+ \(.* ago\)\n/,
    );
    expect(file.lines()).toEqual([]);
  });

  it('is waited for until the time is up', async () => {
    const servers = await startNodes(3);
    await using _lock = await openRedlock(servers).acquire('job', { autoExtend: true });
    const cli = quorlock(servers, ['run', 'job', '--wait', '5s', '--', 'echo', 'x']);
    expect(await cli.exit).toBe(75);
    expect(cli.errors).toContain('somebody else holds it (waited 5.0 s)');
    expect(cli.output).toBe('');
  });

  it('is waited for until it is released', async () => {
    const servers = await startNodes(3);
    const lock = await openRedlock(servers).acquire('job', { autoExtend: true });
    const cli = quorlock(servers, ['run', 'job', '--wait', 'forever', '--', 'echo', 'x']);
    await eventually(async () => {
      const lines = await Promise.all(servers.map((server) => server.cli('EXISTS', '{job}:quorlock:line')));
      return lines.includes(1) || undefined;
    });
    await lock.release();
    expect(await cli.exit, cli.errors).toBe(0);
    expect(cli.output).toBe('x\n');
  });
});

describe('a lock that is lost', () => {
  it('ends the command and its children', async () => {
    const servers = await startNodes(3);
    const file = newFile();
    const script = `echo run >>${file.path}; sleep 1000 & echo "pids $$ $!"; wait`;
    const cli = quorlock(servers, ['run', 'job', '--ttl', '3s', '--', 'sh', '-c', script]);
    const [, parent = '', child = ''] = await cli.printed(/pids (\d+) (\d+)/);
    expect(await openRedlock(servers).revoke('job')).toMatchObject({ outcome: 'revoked' });
    expect(await cli.exit).toBe(76);
    expect(cli.errors).toContain('quorlock: lost the lock on "job": too many nodes name another owner');
    expect([parent, child].filter(isRunning)).toEqual([]);
    expect(file.lines()).toEqual(['run']);
    await expectNoKeys(servers, 5_000);
  });

  it('gives the command time to end by itself', async () => {
    const servers = await startNodes(3);
    const script = `trap 'echo cleaning; sleep 0.3; echo cleaned; exit 5' TERM; echo begun; while ${IS_TESTED}; do sleep 0.1; done`;
    const cli = quorlock(servers, ['run', 'job', '--ttl', '3s', '--', 'sh', '-c', script]);
    await cli.printed(/begun/);
    await openRedlock(servers).revoke('job');
    expect(await cli.exit).toBe(76);
    expect(cli.output).toBe('begun\ncleaning\ncleaned\n');
    await expectNoKeys(servers, 5_000);
  });

  it('kills what ignores SIGTERM after the grace', async () => {
    const servers = await startNodes(3);
    // The child ignores it, too, and outlives its parent.
    const script = `trap '' TERM; sh -c 'echo child $$; while ${IS_TESTED}; do sleep 0.1; done' & trap 'echo told; exit 0' TERM; wait; wait`;
    const cli = quorlock(servers, [
      'run',
      'job',
      '--ttl',
      '3s',
      '--grace',
      '300ms',
      '--',
      'sh',
      '-c',
      script,
    ]);
    const [, child = ''] = await cli.printed(/child (\d+)/);
    await openRedlock(servers).revoke('job');
    expect(await cli.exit).toBe(76);
    expect(cli.output).toContain('told');
    expect(isRunning(child)).toBe(false);
    await expectNoKeys(servers, 5_000);
  });

  it('also when no node can be reached any more', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--ttl', '1s', '--', 'sh', '-c', 'echo begun; sleep 1000']);
    await cli.printed(/begun/);
    await Promise.all(servers.map((server) => server.kill()));
    expect(await cli.exit).toBe(76);
    expect(cli.errors).toContain('quorlock: lost the lock on "job": it was not extended in time');
  });
});

describe('without a quorum', () => {
  it('nothing is run, and every node is named', async () => {
    const [server, ...others] = await startNodes(3);
    await Promise.all(others.map((other) => other.kill()));
    const servers = [server as (typeof others)[number], ...others];
    const options = ['--wait', '0', '--restart-guard', 'off'];
    const cli = quorlock(servers, ['run', 'job', ...options, '--', 'echo', 'x']);
    expect(await cli.exit).toBe(69);
    expect(cli.output).toBe('');
    const lines = cli.errors.trimEnd().split('\n');
    expect(lines).toEqual([
      'quorlock: too few nodes can be reached',
      expect.stringContaining(`127.0.0.1:${server?.port}`),
      ...others.map(({ port }) =>
        expect.stringMatching(new RegExp(`127.0.0.1:${port}  unreachable  .*ECONNREFUSED`)),
      ),
    ]);
  });
});
