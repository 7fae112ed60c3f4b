import { describe, expect, it } from 'vitest';
import type { NodeEvent } from '../../src/index.ts';
import { createMemoryNodes } from '../../src/testing.ts';
import { FakeConnection, infoOf, nodeOver, QUARANTINE } from '../support/fake-connection.ts';
import { heard } from '../support/heard.ts';

/** What the channels of nodes publish, in the order in which it comes. */
function states(): NodeEvent[] {
  const all: NodeEvent[] = [];
  for (const state of ['up', 'down', 'quarantined', 'unusable', 'closed'] as const)
    heard<NodeEvent>(`quorlock:node:${state}`, (event) => {
      expect(event.state).toBe(state);
      all.push(event);
    });
  return all;
}

describe('of a node on a server', () => {
  it('quorlock:node:up is published when it votes, once', async () => {
    const all = states();
    const { connection } = nodeOver();
    expect(all).toEqual([]);
    await connection.up();
    expect(all).toEqual([{ node: 'a:6379', state: 'up', previous: 'connecting' }]);
    await connection.up();
    expect(all).toHaveLength(1);
  });

  it('quorlock:node:down says why, once', async () => {
    const { connection } = nodeOver();
    await connection.up();
    const all = states();
    await connection.down(new Error('connection reset'));
    await connection.down(new Error('connection refused'));
    expect(all).toEqual([{ node: 'a:6379', state: 'down', previous: 'up', why: 'connection reset' }]);
    await connection.up();
    expect(all.slice(1)).toEqual([{ node: 'a:6379', state: 'up', previous: 'down' }]);
  });

  it('quorlock:node:down is published for a node that was never reached', async () => {
    const all = states();
    const { clock } = nodeOver();
    await clock.advanceAsync(2_000);
    expect(all).toEqual([
      { node: 'a:6379', state: 'down', previous: 'connecting', why: 'no contact within 2000 ms' },
    ]);
  });

  it('quorlock:node:closed is all that is published of a node that is closed while it connects', async () => {
    const all = states();
    const { node } = nodeOver();
    await node.close(0);
    expect(all).toEqual([{ node: 'a:6379', state: 'closed', previous: 'connecting' }]);
  });

  it('quorlock:node:quarantined says until when, and up follows', async () => {
    const { connection, clock } = nodeOver();
    await connection.up();
    const all = states();
    await connection.down();
    connection.replace(infoOf({ run_id: 'run-2', uptime_in_seconds: '0' }));
    await connection.up();
    expect(all.slice(1)).toEqual([
      { node: 'a:6379', state: 'quarantined', previous: 'down', until: expect.any(Date) as Date },
    ]);
    const until = all[1]?.until?.getTime() ?? 0;
    expect(until - clock.wallTime()).toBeGreaterThan(0);
    expect(until - clock.wallTime()).toBeLessThanOrEqual(QUARANTINE);
    await clock.advanceAsync(QUARANTINE + 2_000);
    expect(all.slice(2)).toEqual([{ node: 'a:6379', state: 'up', previous: 'quarantined' }]);
  });

  it('quorlock:node:unusable says why', async () => {
    const connection = new FakeConnection();
    connection.info_ = [infoOf({ maxmemory: '100', maxmemory_policy: 'allkeys-lru' })];
    const all = states();
    nodeOver({ connection });
    await connection.up();
    expect(all).toEqual([
      {
        node: 'a:6379',
        state: 'unusable',
        previous: 'connecting',
        why: expect.stringContaining('allkeys-lru') as string,
      },
    ]);
  });

  it('quorlock:node:closed is published last, once', async () => {
    const { connection, node, clock } = nodeOver();
    await connection.up();
    const all = states();
    const closed = node.close(100);
    await clock.advanceAsync(100);
    await closed;
    await node.close(100);
    await connection.down();
    expect(all).toEqual([{ node: 'a:6379', state: 'closed', previous: 'up' }]);
  });
});

describe('of a node in memory', () => {
  it('faults are published, but not that it hangs', async () => {
    const [node] = createMemoryNodes(1);
    const all = states();
    node?.hang();
    node?.heal();
    node?.fail();
    node?.fail();
    node?.hang();
    await node?.close();
    expect(all).toEqual([
      { node: 'memory-1', state: 'down', previous: 'up', why: 'the node has failed' },
      { node: 'memory-1', state: 'up', previous: 'down' },
      { node: 'memory-1', state: 'closed', previous: 'up' },
    ]);
  });
});
