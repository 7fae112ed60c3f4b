import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readProcessTable } from '../../src/cli/process-table.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { IS_TESTED, isRunning, quorlock } from './fixtures/cli.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const PATIENCE = { timeout: 50_000, interval: 50 };

/** A command, and a child of it, that say which signals they get. A second SIGTERM ends each of them. */
function chatter(name: string): string {
  const traps = ['INT', 'HUP', 'QUIT', 'USR1', 'USR2'].map((each) => `trap "echo ${name} ${each}" ${each}`);
  return `${traps.join('; ')}; trap "echo ${name} TERM; exit 9" TERM; echo ${name} ready $$; while ${IS_TESTED}; do sleep 0.05; done`;
}
const CHATTERS = `sh -c '${chatter('child')}' & ${chatter('parent')}`;

/** As Linux names it: T for a process that is stopped. */
function stateOf(pid: number | string): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
}

describe('signals', () => {
  it.each(['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s is passed on to the command and its children',
    async (signal) => {
      const servers = await startNodes(3);
      const cli = quorlock(servers, ['run', 'job', '--grace', '1s', '--', 'sh', '-c', CHATTERS]);
      await Promise.all([cli.printed(/parent ready/), cli.printed(/child ready/)]);
      cli.signal(signal);
      // A shell without job control lets its background children ignore SIGINT and SIGQUIT.
      const isIgnored = signal === 'SIGINT' || signal === 'SIGQUIT';
      const name = signal.slice(3);
      await Promise.all([
        cli.printed(new RegExp(`parent ${name}`)),
        isIgnored || cli.printed(new RegExp(`child ${name}`)),
      ]);
      cli.signal('SIGTERM');
      await Promise.all([cli.printed(/parent TERM/), cli.printed(/child TERM/)]);
      expect(await cli.exit, cli.errors).toBe(9);
      expect(cli.errors).not.toContain('quorlock');
      await expectNoKeys(servers);
    },
  );

  it('that end programs end one that waits for its lock', async () => {
    const servers = await startNodes(3);
    await using _lock = await openRedlock(servers).acquire('job', { autoExtend: true });
    const cli = quorlock(servers, ['run', 'job', '--wait', 'forever', '--', 'echo', 'x']);
    await vi.waitFor(async () => {
      const lines = await Promise.all(servers.map((server) => server.cli('EXISTS', '{job}:quorlock:line')));
      expect(lines).toContain(1);
    }, PATIENCE);
    cli.signal('SIGTERM');
    expect(await cli.exit).toBe(143);
    expect(cli.output + cli.errors).toBe('');
  });

  it('do not shorten the time in which a command that holds its lock ends', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const script = `trap 'echo told; read line; exit 0' TERM; echo begun; while ${IS_TESTED}; do sleep 0.05; done`;
    const args = ['run', 'job', '--ttl', '3s', '--grace', '0', '--', 'sh', '-c', script];
    const cli = quorlock(servers, args, { stdin: 'pipe' });
    await cli.printed(/begun/);
    cli.signal('SIGTERM');
    await cli.printed(/told/);
    // Longer than the ttl.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(await redlock.inspect('job')).toMatchObject({ state: 'held' });
    cli.type('go\n');
    expect(await cli.exit, cli.errors).toBe(0);
  });
});

it('a process that the command leaves behind after SIGTERM does not get it twice', async () => {
  const servers = await startNodes(3);
  const redlock = openRedlock(servers);
  const dir = await mkdtemp(join(tmpdir(), 'quorlock-cli-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const child = `
    let terms = 0;
    process.on("SIGTERM", () => console.log("told", ++terms));
    setInterval(() => process.kill(${process.pid}, 0) && fs.existsSync("${dir}/end") && process.exit(), 50);
    console.log("child ready");`;
  const script = `trap 'exit 9' TERM; "${process.execPath}" -e '${child}' & echo parent $$; wait`;
  const cli = quorlock(servers, ['run', 'job', '--grace', '1h', '--', 'sh', '-c', script]);
  const [, parent = ''] = await cli.printed(/parent (\d+)/);
  await cli.printed(/child ready/);
  cli.signal('SIGTERM');
  await cli.printed(/told 1/);
  await vi.waitFor(() => expect(isRunning(parent)).toBe(false), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await redlock.inspect('job')).toMatchObject({ state: 'held' });
  await writeFile(join(dir, 'end'), '');
  expect(await cli.exit, cli.errors).toBe(9);
  expect(cli.output).not.toContain('told 2');
});

it('a process that the command leaves behind gets SIGTERM also if the command got another signal before', async () => {
  const servers = await startNodes(3);
  const child = `trap '' HUP; trap 'echo told; exit' TERM; echo child ready; while ${IS_TESTED}; do sleep 0.05; done`;
  const script = `trap 'echo reloaded' HUP; sh -c "${child}" & echo parent ready; while ! read line; do :; done; exit 7`;
  const args = ['run', 'job', '--grace', '1h', '--', 'sh', '-c', script];
  const cli = quorlock(servers, args, { stdin: 'pipe' });
  await Promise.all([cli.printed(/parent ready/), cli.printed(/child ready/)]);
  cli.signal('SIGHUP');
  await cli.printed(/reloaded/);
  cli.type('end of the command\n');
  await cli.printed(/told/);
  expect(await cli.exit, cli.errors).toBe(7);
});

describe.skipIf(process.platform !== 'linux')('a program that is stopped', () => {
  const script = 'echo ready $$; read line; echo "$line"';

  it('stops the command, and both go on together', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--ttl', '30s', '--', 'sh', '-c', script], {
      stdin: 'pipe',
    });
    const [, pid = ''] = await cli.printed(/ready (\d+)/);
    cli.signal('SIGTSTP');
    await vi.waitFor(() => expect([stateOf(pid), stateOf(cli.pid)]).toEqual(['T', 'T']), PATIENCE);
    cli.signal('SIGCONT');
    cli.type('worked\n');
    expect(await cli.exit, cli.errors).toBe(0);
    expect(cli.output).toContain('worked');
  });

  it('ends the command when it goes on, if the lock was lost meanwhile', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--ttl', '3s', '--', 'sh', '-c', script], { stdin: 'pipe' });
    const [, pid = ''] = await cli.printed(/ready (\d+)/);
    cli.signal('SIGTSTP');
    await vi.waitFor(() => expect([stateOf(pid), stateOf(cli.pid)]).toEqual(['T', 'T']), PATIENCE);
    await using _lock = await openRedlock(servers).acquire('job', { acquireTimeout: 20_000 });
    cli.type('worked\n');
    cli.signal('SIGCONT');
    expect(await cli.exit).toBe(76);
    expect(cli.errors).toContain('lost the lock on "job"');
    expect(cli.output).not.toContain('worked');
  });

  it('says that it has lost the lock also if the command has ended meanwhile', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--ttl', '3s', '--', 'sh', '-c', script], { stdin: 'pipe' });
    const [, pid = ''] = await cli.printed(/ready (\d+)/);
    cli.signal('SIGSTOP');
    await vi.waitFor(() => expect(stateOf(cli.pid)).toBe('T'), PATIENCE);
    cli.type('worked\n');
    await vi.waitFor(() => expect(stateOf(pid)).toBe('Z'), PATIENCE);
    await using _lock = await openRedlock(servers).acquire('job', { acquireTimeout: 20_000 });
    cli.signal('SIGCONT');
    expect(await cli.exit).toBe(76);
    expect(cli.errors).toContain('lost the lock on "job"');
  });
});

describe('a program that is killed by SIGKILL', () => {
  it('takes the command with it', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['run', 'job', '--ttl', '1s', '--', 'sh', '-c', CHATTERS]);
    const [, parent = ''] = await cli.printed(/parent ready (\d+)/);
    const [, child = ''] = await cli.printed(/child ready (\d+)/);
    cli.signal('SIGKILL');
    await Promise.all([cli.printed(/parent TERM/), cli.printed(/child TERM/)]);
    await vi.waitFor(() => expect([parent, child].filter(isRunning)).toEqual([]), PATIENCE);
    expect(await cli.exit).toBe('SIGKILL');
    // Nobody releases the lock: it ends with its ttl.
    await expectNoKeys(servers, 10_000);
  });

  it('takes it with it also if it ignores SIGTERM', async () => {
    const servers = await startNodes(3);
    const script = `trap 'echo told' TERM; echo ready $$; while ${IS_TESTED}; do sleep 0.05; done`;
    const cli = quorlock(servers, [
      'run',
      'job',
      '--ttl',
      '1s',
      '--grace',
      '500ms',
      '--',
      'sh',
      '-c',
      script,
    ]);
    const [, pid = ''] = await cli.printed(/ready (\d+)/);
    cli.signal('SIGKILL');
    await cli.printed(/told/);
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), PATIENCE);
    await expectNoKeys(servers, 10_000);
  });
});

it('nothing watches over a command that has ended', async () => {
  const servers = await startNodes(3);
  const args = ['run', 'job', '--', 'sh', '-c', 'echo parent $PPID; read line'];
  const cli = quorlock(servers, args, { stdin: 'pipe' });
  const [, pid = ''] = await cli.printed(/parent (\d+)/);
  const children = readProcessTable().filter(({ parent }) => parent === Number(pid));
  // The command, and the shell that watches over it.
  expect(children).toHaveLength(2);
  cli.type('end\n');
  expect(await cli.exit, cli.errors).toBe(0);
  await vi.waitFor(() => expect(children.filter((child) => isRunning(child.pid))).toEqual([]), PATIENCE);
});
