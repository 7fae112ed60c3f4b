import { describe, expect, it, vi } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { quorlock } from './fixtures/cli.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();
// Each starts a program from its sources, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const names = (servers: readonly { port: number }[]): string[] =>
  servers.map(({ port }) => `127.0.0.1:${port}`);

describe('inspect', () => {
  it('says that nobody holds a resource', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['inspect', 'job']);
    expect(await cli.exit, cli.errors).toBe(0);
    const [first, , ...table] = cli.output.trimEnd().split('\n');
    expect(first).toBe('"job" is free: nobody holds it');
    expect(table).toEqual([
      expect.stringMatching(/^NODE +SAYS$/),
      ...names(servers).map((name) => expect.stringMatching(`^${name} +free$`)),
    ]);
  });

  it('says who holds it, since when and for how long', async () => {
    const servers = await startNodes(3);
    const redlock = openRedlock(servers, { keyPrefix: 'locks:' });
    await using lock = await redlock.acquire('job', { label: 'web-1', autoExtend: true });
    const cli = quorlock(servers, ['inspect', 'job', '--key-prefix', 'locks:']);
    expect(await cli.exit, cli.errors).toBe(0);
    expect(cli.output).toMatch(
      /^"job" is held\n {2}holder +web-1\n {2}since +\d\d:\d\d:\d\d \(.* ago\)\n {2}remaining +[\d.]+ m?s, unless it is extended\n/,
    );
    expect(cli.output).toContain(`  fencing token  ${lock.fencingToken}\n`);
    for (const name of names(servers)) expect(cli.output).toMatch(new RegExp(`^${name} +held +web-1 `, 'm'));
    expect(cli.output).not.toContain(lock.ownerToken);
    expect(cli.output).not.toContain('\x1b');
  });

  it('prints JSON', async () => {
    const servers = await startNodes(3);
    await using lock = await openRedlock(servers).acquire('job', { label: 'web-1', autoExtend: true });
    const cli = quorlock(servers, ['inspect', 'job', '--json']);
    expect(await cli.exit, cli.errors).toBe(0);
    const id = lock.ownerToken.slice(0, 16);
    expect(cli.output).toMatch(/^[^\n]*\n$/);
    expect(JSON.parse(cli.output)).toEqual({
      resource: 'job',
      state: 'held',
      remaining: expect.any(Number),
      owner: { id, label: 'web-1', since: expect.any(String) },
      fencingToken: lock.fencingToken,
      nodes: names(servers).map((node) => ({
        node,
        kind: 'held',
        remaining: expect.any(Number),
        owner: id,
        counter: lock.fencingToken,
      })),
    });
  });

  it('does not know who holds a resource if too few nodes answer', async () => {
    const servers = await startNodes(3);
    await Promise.all(servers.slice(1).map((server) => server.kill()));
    const cli = quorlock(servers, ['inspect', 'job']);
    expect(await cli.exit, cli.errors).toBe(69);
    expect(cli.output).toContain('"job" is indeterminate: too few nodes agree on who holds it');
    expect(cli.output.match(/unreachable .*ECONNREFUSED/g)).toHaveLength(2);
  });
});

describe('nodes', () => {
  it('shows that all are up', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['nodes']);
    expect(await cli.exit, cli.errors).toBe(0);
    for (const name of names(servers))
      expect(cli.output).toMatch(
        new RegExp(`^${name} +up +\\d\\d:\\d\\d:\\d\\d \\(.* ago\\) +[\\d.]+ ms$`, 'm'),
      );
    expect(cli.output).toMatch(/\n3 of 3 nodes up, 2 needed\n$/);
  });

  it('shows which are down or quarantined, and until when', async () => {
    const servers = await startNodes(3);
    const [first, second] = servers as [(typeof servers)[number], (typeof servers)[number]];
    await first.kill();
    await second.restart();
    const cli = quorlock(servers, ['nodes', '--restart-guard', 'strict']);
    expect(await cli.exit, cli.errors).toBe(69);
    const [down, ...quarantined] = names(servers);
    expect(cli.output).toMatch(new RegExp(`^${down} +down .*ECONNREFUSED`, 'm'));
    for (const name of quarantined)
      expect(cli.output).toMatch(
        new RegExp(`^${name} +quarantined .*\\d\\d:\\d\\d:\\d\\d \\(in .*\\)$`, 'm'),
      );
    expect(cli.output).toMatch(/\n0 of 3 nodes up, 2 needed\n$/);
  });

  it('prints JSON', async () => {
    const servers = await startNodes(3);
    const cli = quorlock(servers, ['nodes', '--json']);
    expect(await cli.exit, cli.errors).toBe(0);
    expect(JSON.parse(cli.output)).toEqual({
      quorum: 2,
      up: 3,
      nodes: names(servers).map((name) => ({
        name,
        state: 'up',
        since: expect.any(String),
        roundTrip: expect.any(Number),
      })),
    });
  });
});
