import { NodeMisconfiguredError, QuorumUnreachableError, Redlock } from 'quorlock';
import { describe, expect, it } from 'vitest';
import { counterOf } from '../../src/node/counter.ts';
import { array, startFakeNode } from '../support/fake-node.ts';
import { bulk } from '../support/fake-redis.ts';
import { failureOf, LONG_LOCK, reasonOf } from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

describe('a server that answers INFO with', () => {
  it.each([
    ['nothing', bulk(''), 'says nothing about itself'],
    ['nil', '$-1\r\n', 'says nothing about itself'],
    ['a number', ':1\r\n', 'says nothing about itself'],
    ['a list', array([':1\r\n']), 'says nothing about itself'],
    ['no run_id', { run_id: '' }, 'no run_id'],
    ['no master_replid', { master_replid: '' }, 'no master_replid'],
    ['a limit that is no number', { maxmemory: 'x', maxmemory_policy: 'allkeys-lru' }, 'allkeys-lru'],
  ])('%s gets no grant, for that reason', async (_what, said, why) => {
    const fake = await startFakeNode({ info: () => said });
    await using redlock = new Redlock([fake.url], LONG_LOCK);
    const error = await failureOf(redlock);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toContain(why);
    expect(fake.commands.map(([name]) => name?.toLowerCase())).not.toContain('evalsha');
  });

  it.each(['x', '', '-1000000000000', '1e999'])(
    'the uptime %j is in quarantine for its full length',
    async (uptime_in_seconds) => {
      const fake = await startFakeNode({ info: () => ({ uptime_in_seconds }), hasScripts: false });
      await using redlock = new Redlock([fake.url], { nodeTimeout: 5_000, restartGuard: 'strict' });
      const { votes } = await failureOf(redlock);
      const [vote] = votes;
      expect(vote?.kind).toBe('quarantined');
      const quarantine = 30_000 * 1.01 + 1_000;
      if (vote?.kind !== 'quarantined') return;
      expect(vote.remaining).toBeGreaterThan(quarantine / 2);
      expect(vote.remaining).toBeLessThanOrEqual(quarantine);
    },
  );
});

describe('a server that grants with', () => {
  it.each(['9007199254740991', '9007199254740992', '7258118400000001', 'NaN', '-1', '0', '1.5'])(
    'the counter %s does not vote, is undone, and spoils no other counter',
    async (counter) => {
      const servers = await startNodes(2);
      const fake = await startFakeNode({
        answer: ({ operation }) =>
          operation === 'grant' ? array([bulk('granted'), bulk(counter)]) : ':1\r\n',
      });
      {
        await using redlock = new Redlock([fake.url], LONG_LOCK);
        const error = await failureOf(redlock);
        expect(error).toBeInstanceOf(NodeMisconfiguredError);
        expect(reasonOf(error.votes[0])).toContain('its fencing counter is');
      }
      const verbs = fake.commands.flatMap((command) => command.filter((word) => word === 'release'));
      expect(verbs).toEqual(['release']);
      await using redlock = new Redlock([fake.url, ...servers.map(({ url }) => url)], LONG_LOCK);
      const before = Date.now() * 1_000;
      await using lock = await redlock.acquire('r', { acquireTimeout: 0 });
      expect(lock.fencingToken).toBeGreaterThanOrEqual(before);
      expect(lock.fencingToken).toBeLessThanOrEqual(Date.now() * 1_000 + 1);
      for (const server of servers)
        expect(await server.cli('GET', counterOf('r'))).toBe(String(lock.fencingToken));
    },
  );
});

it.each([
  ['no number', bulk('abc')],
  ['nil', '$-1\r\n'],
  ['a list', '*0\r\n'],
  ['a time before now', ':-5\r\n'],
])('a server that denies for %s does not vote', async (_what, remaining) => {
  const fake = await startFakeNode({
    answer: ({ operation }) =>
      operation === 'grant' ? array([bulk('denied'), remaining, bulk('x')]) : ':1\r\n',
  });
  await using redlock = new Redlock([fake.url], LONG_LOCK);
  const error = await failureOf(redlock);
  expect(error).toBeInstanceOf(QuorumUnreachableError);
  expect(reasonOf(error.votes[0])).toContain('unexpected reply to grant: denied');
});
