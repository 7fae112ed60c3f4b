import { describe, expect, it, vi } from 'vitest';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { onPath } from '../support/redis-binary.ts';
import { IS_TESTED, isRunning, quorlock } from './fixtures/cli.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const hasScript = process.platform === 'linux' && onPath('script') !== undefined;

describe.skipIf(!hasScript)('a command on a terminal', () => {
  it('reads from it, and has it as its controlling terminal', async () => {
    const servers = await startNodes(3);
    const script =
      'echo ready; read line </dev/tty; read more; echo "read $line $more"; [ -t 0 ] && [ -t 1 ]';
    const cli = quorlock(servers, ['run', 'job', '--', 'sh', '-c', script], { onTerminal: true });
    await cli.printed(/ready/);
    cli.type('some\nthing\n');
    await cli.printed(/read some thing/);
    expect(await cli.exit, cli.output).toBe(0);
  });

  it('gets Ctrl-C once, and may go on', async () => {
    const servers = await startNodes(3);
    const program = `
      let interrupts = 0;
      process.on('SIGINT', () => console.log('interrupted ' + ++interrupts));
      process.on('SIGTERM', () => process.exit(4));
      setInterval(() => process.kill(${process.pid}, 0), 1_000);
      console.log('ready');`;
    const cli = quorlock(servers, ['run', 'job', '--', process.execPath, '-e', program], {
      onTerminal: true,
    });
    await cli.printed(/ready/);
    cli.type('\x03');
    await cli.printed(/interrupted 1/);
    // If quorlock had passed on the first signal, too, that would have come before this one.
    cli.signal('SIGTERM');
    expect(await cli.exit, cli.output).toBe(4);
    expect(cli.output).not.toContain('interrupted 2');
  });

  it('gets SIGTERM with its children', async () => {
    const servers = await startNodes(3);
    const child = `trap "echo child TERM; exit" TERM; echo child ready; while ${IS_TESTED}; do sleep 0.05; done`;
    const script = `sh -c '${child}' & trap 'echo parent TERM; wait; exit 5' TERM; echo parent ready; wait`;
    const cli = quorlock(servers, ['run', 'job', '--', 'sh', '-c', script], { onTerminal: true });
    await Promise.all([cli.printed(/parent ready/), cli.printed(/child ready/)]);
    cli.signal('SIGTERM');
    await Promise.all([cli.printed(/parent TERM/), cli.printed(/child TERM/)]);
    expect(await cli.exit, cli.output).toBe(5);
  });

  it('is killed with its children when the lock is lost', async () => {
    const servers = await startNodes(3);
    const child = `trap "" TERM; echo child $$; while ${IS_TESTED}; do sleep 0.05; done`;
    const script = `sh -c '${child}' & echo parent $$; wait`;
    const args = ['run', 'job', '--ttl', '3s', '--grace', '500ms', '--', 'sh', '-c', script];
    const cli = quorlock(servers, args, { onTerminal: true });
    const [[, parent = ''], [, own = '']] = await Promise.all([
      cli.printed(/parent (\d+)/),
      cli.printed(/child (\d+)/),
    ]);
    await openRedlock(servers).revoke('job');
    expect(await cli.exit, cli.output).toBe(76);
    expect([parent, own].filter(isRunning)).toEqual([]);
    expect(cli.output).toContain('quorlock: lost the lock on "job"');
    await expectNoKeys(servers, 5_000);
  });
});
