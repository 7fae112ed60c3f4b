import { describe, expect, it } from 'vitest';
import { admittedNode, infoOf, nodeOver } from '../support/fake-connection.ts';
import { peek, turn } from '../support/peek.ts';

describe('closing a node', () => {
  it('waits for the answers to what it sent', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    const closing = node.close(500);
    expect(await peek(closing)).toBe('pending');
    expect(connection.sent).toEqual(['release t1']);
    await connection.answer(['released']);
    expect(await peek(closing)).toMatchObject({ status: 'fulfilled' });
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  it('waits for its patience at most', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    const closing = node.close(500);
    await clock.advanceAsync(499);
    expect(connection.closed).toBe(false);
    await clock.advanceAsync(1);
    await closing;
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  it('waits for nothing when nothing is open', async () => {
    const { node, connection, clock } = await admittedNode();
    expect(await peek(node.close(500))).toMatchObject({ status: 'fulfilled' });
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  it('waits for nothing when the server is down and nothing is owed', async () => {
    const { node, connection, clock } = await admittedNode();
    await connection.down();
    expect(await peek(node.close(500))).toMatchObject({ status: 'fulfilled' });
    expect(clock.pending).toBe(0);
  });

  it('waits for a server that is down and is owed something, and sends it that alone', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.down();
    const closing = node.close(500);
    expect(await peek(closing)).toBe('pending');
    await connection.up();
    ask('grant', 't2');
    await turn();
    expect(connection.sent.at(-1)).toBe('release t1');
    await connection.answer(['absent']);
    expect(await peek(closing)).toMatchObject({ status: 'fulfilled' });
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  it('flushes what is owed also when it is called while the server is being looked at', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.down();
    const up = connection.up();
    const closing = node.close(500);
    await up;
    expect(connection.sent.at(-1)).toBe('release t1');
    await connection.answer(['released']);
    await closing;
    expect(clock.pending).toBe(0);
  });

  it('waits no longer than its patience for a server that does not come back', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    const closing = node.close(500);
    await connection.down();
    await clock.advanceAsync(500);
    expect(await peek(closing)).toMatchObject({ status: 'fulfilled' });
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  it.each(['is cut short', 'is refused'])('waits for a look no longer than until it %s', async (what) => {
    const { node, connection, ask, replies, clock } = await admittedNode();
    let fail!: (cause: Error) => void;
    connection.info_ = new Promise((_, reject) => {
      fail = reject;
    });
    connection.renew();
    ask('grant', 't1');
    await turn();
    const closing = node.close(500);
    expect(await peek(closing)).toBe('pending');
    fail(new Error(what === 'is refused' ? 'NOPERM info' : 'connection lost'));
    if (what === 'is cut short') await connection.down();
    expect(await peek(closing)).toMatchObject({ status: 'fulfilled' });
    expect([replies, connection.closed, clock.pending]).toEqual([['t1 unreachable'], true, 0]);
  });

  it('accepts releases, and nothing else', async () => {
    const { node, connection, ask, replies } = await admittedNode();
    ask('release', 't1');
    void node.close(500);
    ask('grant', 't2');
    ask('extend', 't3');
    ask('release', 't4');
    await turn();
    expect(replies).toEqual(['t2 unreachable', 't3 unreachable']);
    expect(connection.sent.join(', ')).toBe('release t1, release t4');
  });

  it('answers everything afterwards', async () => {
    const { node, ask, replies } = await admittedNode();
    await node.close(500);
    for (const verb of ['grant', 'extend', 'release'] as const) ask(verb, verb);
    node.inspect('k', ({ kind }) => replies.push(`inspect ${kind}`));
    await turn();
    expect(replies).toEqual([
      'grant unreachable',
      'extend unreachable',
      'release unreachable',
      'inspect unreachable',
    ]);
  });

  it('answers what waits for the first contact', async () => {
    const { node, connection, ask, replies, clock } = nodeOver();
    ask('grant', 't1');
    await node.close(500);
    expect(replies).toEqual(['t1 unreachable']);
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  it('is one closing, however often it is called', async () => {
    const { node } = await admittedNode();
    const first = node.close(500);
    expect(node.close(9)).toBe(first);
    await first;
  });

  it.each(['is not fit', 'refuses to tell'])('waits for nothing when the server %s', async (what) => {
    const { node, connection, clock, ask } = nodeOver();
    connection.info_ = what === 'is not fit' ? [infoOf({ role: 'slave' })] : new Error('NOPERM info');
    await connection.up();
    ask('grant', 't1');
    expect(await peek(node.close(500))).toMatchObject({ status: 'fulfilled' });
    expect(clock.pending).toBe(0);
  });
});
