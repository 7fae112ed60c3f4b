import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { admittedNode, infoOf, nodeOver, QUARANTINE } from '../support/fake-connection.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { rejectionOf } from '../support/peek.ts';
import { ScriptedNode } from '../support/scripted-node.ts';

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a lock that is printed', () => {
  it('shows what it locks, whether it is held, for how long, and its token', async () => {
    const { redlock } = memoryRedlock(3, { ttl: 1_000 });
    const lock = await redlock.acquire(['a', 'b']);
    const { fencingToken } = lock;
    const fields = { resources: ['a', 'b'], state: 'held', remaining: 988, fencingToken };
    expect(plain(lock)).toEqual(fields);
    expect(inspect(lock)).toBe(`Lock ${inspect(fields)}`);
    expect(inspect(lock, { showHidden: true, depth: 9 })).not.toContain(lock.ownerToken);
    expect(Object.keys(lock)).toEqual([]);
  });

  it('shows no token if it has none', async () => {
    const { redlock } = memoryRedlock(3, { ttl: 1_000, fencing: false });
    const lock = await redlock.acquire('a');
    expect(plain(lock)).toEqual({ resources: ['a'], state: 'held', remaining: 988 });
  });

  it('shows that it was released, or lost, and why', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000, fencing: false });
    const [a, b] = [await redlock.acquire('a'), await redlock.acquire('b')];
    await a.release();
    clock.jump(2_000);
    expect(plain(a)).toEqual({ resources: ['a'], state: 'released', remaining: 0 });
    expect(plain(b)).toEqual({ resources: ['b'], state: 'lost', remaining: 0, reason: 'expired' });
  });

  it('is shown as other objects are where it is nested', async () => {
    const { redlock } = memoryRedlock(3, { ttl: 1_000, fencing: false });
    const lock = await redlock.acquire('a');
    expect(inspect({ lock })).toBe("{ lock: Lock { resources: [ 'a' ], state: 'held', remaining: 988 } }");
    expect(inspect({ a: { lock } })).toContain("Lock { resources: [ 'a' ]");
    expect(inspect({ a: { b: { lock } } })).toBe('{ a: { b: { lock: [Lock] } } }');
    expect(inspect([[[[lock]]]], { depth: null })).toContain("[ 'a' ]");
  });
});

describe('a Redlock that is printed', () => {
  it('shows its nodes and how they are, how many locks it holds, and how many calls wait', async () => {
    const { redlock, nodes } = memoryRedlock(3);
    await redlock.acquire('a');
    const waiting = rejectionOf(redlock.acquire('a'));
    nodes[0]?.fail();
    nodes[1]?.hang();
    const since = new Date(1_000);
    const fields = {
      state: 'open',
      nodes: [
        { name: 'memory-1', state: 'down', since, why: 'the node has failed' },
        { name: 'memory-2', state: 'hung', since },
        { name: 'memory-3', state: 'up', since },
      ],
      held: 1,
      waiting: 1,
    };
    expect(plain(redlock)).toEqual(plain(fields));
    expect(inspect(redlock)).toBe(`Redlock ${inspect(fields)}`);
    expect(inspect({ a: { redlock } })).toContain("name: 'memory-3', state: 'up'");
    await redlock.close();
    await waiting;
    expect(plain(redlock)).toMatchObject({ state: 'closed', held: 0, waiting: 0 });
  });

  it('shows the names of nodes that others have made', () => {
    const redlock = new Redlock([new ScriptedNode('mine')]);
    expect(plain(redlock)).toMatchObject({ nodes: [{ name: 'mine' }] });
  });

  it('shows no credentials', async () => {
    const redlock = new Redlock([
      'redis://somebody:a-secret@127.0.0.1:1',
      { host: '127.0.0.1', port: 2, password: 'a-secret' },
    ]);
    for (const text of [JSON.stringify(redlock), inspect(redlock, { depth: null, showHidden: true })]) {
      expect(text).toContain('127.0.0.1:1');
      expect(text).not.toMatch(/secret|somebody/);
    }
    await redlock.close();
  });
});

describe('a node on a server', () => {
  it('says how it is', async () => {
    const { node, connection } = nodeOver();
    const since = new Date(1_000);
    expect(node.condition).toEqual({ state: 'connecting', since });
    connection.info_ = [infoOf({ role: 'slave' })];
    await connection.up();
    expect(node.condition).toMatchObject({ state: 'unusable', why: expect.stringContaining('replica') });
    await connection.down(new Error('connect ECONNREFUSED'));
    expect(node.condition).toEqual({ state: 'down', since, why: 'connect ECONNREFUSED' });
    await node.close(0);
    expect(node.condition).toEqual({ state: 'closed', since });
  });

  it('says whether it votes', async () => {
    const { node } = await admittedNode();
    const since = new Date(1_000);
    expect(node.condition).toEqual({ state: 'up', since });
    const young = nodeOver();
    young.connection.info_ = [infoOf({ uptime_in_seconds: '1' })];
    await young.connection.up();
    const until = new Date(1_000 + QUARANTINE - 1_000);
    expect(young.node.condition).toEqual({ state: 'quarantined', since, until });
  });
});

describe('an error that is printed as JSON', () => {
  it('shows its message, its votes, and what caused it and them', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes) node.fail();
    const rejection = rejectionOf(redlock.acquire('a', { acquireTimeout: 10 }));
    await clock.advanceAsync(100);
    const error = (await rejection) as Error;
    const unreachable = { kind: 'unreachable', cause: { name: 'Error', message: 'the node has failed' } };
    const votes = [
      { node: 'memory-1', ...unreachable },
      { node: 'memory-2', ...unreachable },
      { node: 'memory-3', kind: 'late' },
    ];
    expect(plain(error)).toEqual({
      name: 'AcquireTimeoutError',
      message: error.message,
      code: 'ACQUIRE_TIMEOUT',
      votes,
      cause: {
        name: 'QuorumUnreachableError',
        message: (error.cause as Error).message,
        code: 'QUORUM_UNREACHABLE',
        votes,
      },
    });
  });
});
