import { describe, expect, it, vi } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { onPath } from '../support/redis-binary.ts';
import { quorlock } from './fixtures/cli.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const hasScript = process.platform === 'linux' && onPath('script') !== undefined;
const ESC = '\x1b';
const FAST = ['--interval', '100ms'];

describe('watch, when its output is no terminal', () => {
  it('prints all states, and then what changes', async () => {
    const servers = await startNodes(3);
    const last = servers.at(-1) as (typeof servers)[number];
    const redlock = openRedlock(servers);
    const cli = quorlock(servers, ['watch', 'job', ...FAST]);
    await cli.printed(/resource "job" is free\n/);
    for (const { port } of servers)
      expect(cli.output).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d {2}node 127.0.0.1:${port} is up$`, 'm'));
    const lock = await redlock.acquire('job', { label: 'web-1', autoExtend: true });
    await cli.printed(/resource "job" is held by web-1 since [\d:]+ \(.* ago\) with fencing token \d+\n/);
    expect(cli.output).not.toContain(lock.ownerToken);
    await lock.release();
    await cli.printed(/held(.|\n)*resource "job" is free\n/);
    await last.kill();
    await cli.printed(new RegExp(`node 127.0.0.1:${last.port} is down: .*\\n`));
    cli.signal('SIGINT');
    expect(await cli.exit, cli.errors).toBe(0);
    expect(cli.errors).toBe('');
    expect(cli.output).not.toContain('\x1b');
  });

  it('prints a JSON object for each change', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['watch', 'job', 'other', '--json', ...FAST]);
    await cli.printed(/"other"/);
    cli.signal('SIGTERM');
    expect(await cli.exit, cli.errors).toBe(143);
    const changes = cli.output
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(changes).toEqual([
      ...servers.map(({ port }) =>
        expect.objectContaining({
          at: expect.any(String),
          kind: 'node',
          name: `127.0.0.1:${port}`,
          state: 'up',
        }),
      ),
      { at: expect.any(String), kind: 'resource', resource: 'job', state: 'free' },
      { at: expect.any(String), kind: 'resource', resource: 'other', state: 'free' },
    ]);
  });

  it('ends quietly when nobody reads it any more', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const cli = quorlock(servers, ['watch', 'job', ...FAST]);
    await cli.printed(/free/);
    cli.process.stdout?.destroy();
    await using _lock = await redlock.acquire('job', { autoExtend: true });
    expect(await cli.exit).toBe(0);
    expect(cli.errors).toBe('');
  });
});

describe.skipIf(!hasScript)('watch on a terminal', () => {
  it('shows a picture, which is current, and leaves the terminal as it was', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers);
    const cli = quorlock(servers, ['watch', 'job', ...FAST], { onTerminal: true });
    await cli.printed(/RESOURCE.*STATE/);
    await cli.printed(new RegExp(`${ESC}\\[32mfree${ESC}\\[0m`));
    await using _lock = await redlock.acquire('job', { label: 'web-1', autoExtend: true });
    await cli.printed(/web-1/);
    cli.type('\x03');
    expect(await cli.exit, cli.output).toBe(0);
    const [, end = ''] = cli.output.split('\x1b[?1049l');
    expect(cli.output.match(new RegExp(`${ESC}\\[\\?1049h`, 'g'))).toHaveLength(1);
    expect(cli.output).toContain('\x1b[?25h');
    expect(end).toMatch(/3 of 3 nodes up, 2 needed(.|\r|\n)*job .*web-1/);
  });

  it('has no colours with NO_COLOR', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['watch', 'job', ...FAST], { onTerminal: true, env: { NO_COLOR: '1' } });
    await cli.printed(/job +free/);
    cli.type('\x03');
    expect(await cli.exit, cli.output).toBe(0);
    expect(cli.output).not.toMatch(new RegExp(`${ESC}\\[\\d*m`));
  });

  it('is no picture with --json', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['watch', '--json', ...FAST], { onTerminal: true });
    await cli.printed(/"kind":"node"/);
    cli.type('\x03');
    expect(await cli.exit, cli.output).toBe(0);
    expect(cli.output).not.toContain('\x1b');
  });
});
