import { describe, expect, it, vi } from 'vitest';
import type { Lock } from '../../src/index.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { onPath } from '../support/redis-binary.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { quorlock } from './fixtures/cli.ts';
import { aborted, openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const hasScript = process.platform === 'linux' && onPath('script') !== undefined;

async function heldLock(servers: readonly RedisServer[]): Promise<Lock> {
  return openRedlock(servers).acquire('job', { ttl: 2_000, label: 'web-1', autoExtend: true });
}

/** Tombstones have to expire before the test ends. */
async function gone(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      while ((await server.cli('EXISTS', 'job')) !== 0)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }),
  );
}

describe('revoke', () => {
  it('takes a lock away with --yes', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job', '--yes']);
    expect(await cli.exit, cli.errors).toBe(0);
    await aborted(lock.signal);
    expect(cli.output).toMatch(
      /^the lock on "job" is revoked\n {2}taken from +web-1\n {2}held since +[\d:]+ \(.* ago\)\n {2}free from +[\d:]+ \(in .*\) at the latest\n/,
    );
    await gone(servers);
  });

  it('prints JSON', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job', '--yes', '--json']);
    expect(await cli.exit, cli.errors).toBe(0);
    expect(JSON.parse(cli.output)).toEqual({
      resource: 'job',
      outcome: 'revoked',
      remaining: expect.any(Number),
      owner: { id: lock.ownerToken.slice(0, 16), label: 'web-1' },
      nodes: servers.map(({ port }) => ({ node: `127.0.0.1:${port}`, kind: 'granted' })),
    });
    await gone(servers);
  });

  it('says that nobody holds a resource', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['revoke', 'job', '--yes']);
    expect(await cli.exit, cli.errors).toBe(3);
    expect(cli.output).toBe('nobody holds "job": nothing was revoked\n');
  });

  it('leaves alone what is not a lock', async () => {
    const servers = await startNodes(3);
    await Promise.all(servers.map((server) => server.cli('SET', 'job', 'value')));
    const cli = quorlock(servers, ['revoke', 'job', '--yes']);
    expect(await cli.exit, cli.errors).toBe(3);
    expect(cli.output).toContain('"job" is not a lock');
    for (const server of servers) {
      expect(await server.cli('GET', 'job')).toBe('value');
      await server.cli('DEL', 'job');
    }
  });

  it('says that a lock is perhaps not revoked if too few nodes answer', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    await Promise.all(servers.slice(1).map((server) => server.kill()));
    const cli = quorlock(servers, ['revoke', 'job', '--yes']);
    expect(await cli.exit, cli.errors).toBe(69);
    expect(cli.output).toContain('perhaps not revoked');
    await aborted(lock.signal);
    await gone(servers.slice(0, 1));
  });

  it('refuses to act without a terminal and without --yes', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job']);
    expect(await cli.exit).toBe(64);
    expect(cli.errors).toBe(
      'quorlock: revoke asks before it takes a lock away, but there is no terminal: give --yes\nquorlock revoke --help explains the command\n',
    );
    expect(lock.state).toBe('held');
    await lock.release();
  });
});

describe.skipIf(!hasScript)('revoke on a terminal', () => {
  it('shows who holds the lock, asks, and takes it away', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job'], { onTerminal: true });
    await cli.printed(/Take the lock on "job" away from its holder\? \[y\/N\] /);
    expect(cli.output).toMatch(/holder +web-1/);
    expect(lock.state).toBe('held');
    cli.type('y\n');
    expect(await cli.exit, cli.output).toBe(0);
    await aborted(lock.signal);
    await gone(servers);
  });

  it.each([
    ['no', 'n\n'],
    ['nothing', '\n'],
    ['the end of input', '\x04'],
  ])('takes %s for a no', async (_, answer) => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job'], { onTerminal: true });
    await cli.printed(/\[y\/N\] /);
    cli.type(answer);
    expect(await cli.exit, cli.output).toBe(3);
    expect(cli.output).toContain('nothing was revoked');
    expect(lock.state).toBe('held');
    await lock.release();
  });

  it('is ended by Ctrl-C', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job'], { onTerminal: true });
    await cli.printed(/\[y\/N\] /);
    cli.type('\x03');
    expect(await cli.exit, cli.output).toBe(130);
    expect(lock.state).toBe('held');
    await lock.release();
  });

  it('revokes nothing if the holder has changed before the answer', async () => {
    const servers = await startNodes(3);
    const lock = await heldLock(servers);
    const cli = quorlock(servers, ['revoke', 'job'], { onTerminal: true });
    await cli.printed(/\[y\/N\] /);
    await lock.release();
    await using next = await openRedlock(servers).acquire('job', { autoExtend: true });
    cli.type('y\n');
    expect(await cli.exit, cli.output).toBe(3);
    expect(cli.output).toContain('nothing was revoked: the holder has changed meanwhile');
    expect(next.state).toBe('held');
  });
});
