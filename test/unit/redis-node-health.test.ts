import { describe, expect, it } from 'vitest';
import { admittedNode } from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';

describe('a server that leaves a command unanswered', () => {
  it('gets no grant from when its connection is down until it has been looked at again', async () => {
    const { connection, clock, ask, replies } = await admittedNode();
    ask('grant', 't1');
    await clock.advanceAsync(1_100);
    await connection.down(new Error('no answer for 1000 ms'));
    ask('grant', 't2');
    connection.info_ = 'hold';
    await connection.up();
    ask('grant', 't3');
    await turn();
    expect(replies).toEqual(['t1 unreachable', 't2 unreachable', 't3 unreachable']);
    expect(connection.sent).toEqual(['grant t1', 'info']);
  });

  it('may have executed what it was sent', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    node.grant({ keys: ['k'], ownerToken: 't', ttl: 5, wanted: () => true }, (reply) => replies.push(reply));
    await turn();
    await connection.down();
    expect(replies).toEqual([
      { kind: 'unreachable', cause: new Error('connection lost'), maybeExecuted: true },
    ]);
  });

  it('gets no more than so many grants', async () => {
    const { connection, ask, replies } = await admittedNode();
    for (let i = 0; i < 20_000; i++) ask('grant', `t${i}`);
    await turn();
    expect(replies).toEqual([]);
    ask('grant', 'one more');
    ask('release', 't0');
    await turn();
    expect(replies).toEqual(['one more unreachable']);
    expect(connection.sent.at(-1)).toBe('release t0');
  });
});

describe('a server that was demoted', () => {
  it.each([
    ['says so in a reply', [new Error('READONLY You cannot write against a read only replica.')]],
    ['says so of the command', new Error('READONLY You cannot write against a read only replica.')],
  ])('is connected to anew when it %s', async (_how, reply) => {
    const { connection, ask, replies } = await admittedNode();
    ask('grant', 't1');
    await turn();
    await connection.answer(reply);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.resets.map(({ message }) => message)).toEqual([expect.stringMatching(/^READONLY/)]);
  });
});

describe('a connection that comes and goes', () => {
  it('is not believed an answer to an earlier look', async () => {
    const { connection, ask, replies } = await admittedNode();
    await connection.down();
    let answer!: (infos: readonly string[]) => void;
    connection.info_ = new Promise((resolve) => {
      answer = resolve;
    });
    await connection.up();
    await connection.down();
    connection.info_ = 'hold';
    await connection.up();
    answer(['redis_version:7.0.0\r\nrole:master\r\nrun_id:x\r\n']);
    await turn();
    ask('grant', 't1');
    await turn();
    expect(replies).toEqual(['t1 unreachable']);
  });

  it('leaves no timer behind when the node is closed', async () => {
    const { node, connection, clock, ask } = await admittedNode();
    ask('grant', 't1');
    await turn();
    await connection.down();
    await connection.up();
    ask('grant', 't2');
    await turn();
    const closing = node.close(100);
    await clock.advanceAsync(100);
    await closing;
    expect(clock.pending).toBe(0);
  });
});
