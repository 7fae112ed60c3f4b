import { describe, expect, it } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type Fixture, runFixture } from './fixtures/child.ts';
import { openRedlock, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

/** How soon a process ends that nothing keeps alive, in ms; starting it takes most of that. */
const ENDS_WITHIN = 10_000;

const ENDED_BY_ITSELF = { code: 0, signal: null };

/** Runs one of the cases in fixtures/lifetime.ts. */
function run(name: string, urls: readonly string[] = []): Fixture {
  return runFixture('lifetime.ts', [name, ...urls]);
}

describe('a process', () => {
  it(
    'is kept alive by an open Redlock, and ends by itself after close',
    async () => {
      const servers = await startNodes(3);
      const { exit, lines } = run(
        'open',
        servers.map(({ url }) => url),
      );
      expect(await exit).toEqual(ENDED_BY_ITSELF);
      expect(lines).toEqual(['open', 'still alive', 'closed', 'nothing left to do']);
    },
    ENDS_WITHIN,
  );

  it.each(['down', 'hung'] as const)(
    'ends by itself after close, also when nodes are %s',
    async (fault) => {
      const servers = await startNodes(3);
      const child = run(
        'wait for SIGUSR2',
        servers.map(({ url }) => url),
      );
      await child.printed('locked');
      for (const server of servers.slice(1)) {
        if (fault === 'hung') server.pause();
        else await server.kill();
      }
      child.process.kill('SIGUSR2');
      expect(await child.exit).toEqual(ENDED_BY_ITSELF);
      expect(child.lines).toEqual(['locked', 'closed', 'nothing left to do', 'at once']);
      for (const server of servers.slice(1)) if (fault === 'hung') server.resume();
    },
    ENDS_WITHIN,
  );

  it(
    'is kept alive by an open Redlock whose nodes are all down',
    async () => {
      const servers = await startNodes(3);
      await Promise.all(servers.map((server) => server.kill()));
      const { exit, lines } = run(
        'unreachable',
        servers.map(({ url }) => url),
      );
      expect(await exit).toEqual(ENDED_BY_ITSELF);
      expect(lines).toEqual(['open', 'still alive', 'closed', 'nothing left to do']);
    },
    ENDS_WITHIN,
  );

  it(
    'is not kept alive by a lock in itself, extended or not',
    async () => {
      const { exit, lines } = run('locks in memory');
      expect(await exit).toEqual(ENDED_BY_ITSELF);
      expect(lines).toEqual(['locked', 'nothing left to do', 'still held']);
    },
    ENDS_WITHIN,
  );

  it.each(['a call that waits for a lock', 'a call whose nodes do not answer'])(
    'is kept alive by %s',
    async (name) => {
      const { exit, lines } = run(name);
      expect(await exit).toEqual(ENDED_BY_ITSELF);
      expect(lines).toEqual(['settled', 'nothing left to do']);
    },
    ENDS_WITHIN,
  );

  it(
    'ends at once after close when a call has waited for a lock of another process',
    async () => {
      const servers = await startNodes(3);
      const holder = openRedlock(servers);
      await using _lock = await holder.acquire('held elsewhere', { autoExtend: true });
      const { exit, lines } = run(
        'a call that has waited',
        servers.map(({ url }) => url),
      );
      expect(await exit).toEqual(ENDED_BY_ITSELF);
      expect(lines).toEqual(['settled', 'closed', 'nothing left to do', 'at once']);
    },
    ENDS_WITHIN,
  );

  it(
    'is ended by signals as if there were no Redlock',
    async () => {
      const servers = await startNodes(3);
      const child = run(
        'signals',
        servers.map(({ url }) => url),
      );
      await child.printed('no listeners');
      child.process.kill('SIGINT');
      expect(await child.exit).toEqual({ code: null, signal: 'SIGINT' });
      // Nobody has given the lock back; only the ttl will.
      await Promise.all(servers.map((server) => server.cli('DEL', 'r')));
    },
    ENDS_WITHIN,
  );
});
