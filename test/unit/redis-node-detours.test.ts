import { beforeEach, describe, expect, it } from 'vitest';
import { infoOf, type NodeOver, nodeOver, scriptsOf } from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';

const MOVED = new Error('MOVED 7 10.0.0.2:7000');
const ASK = new Error('ASK 7 10.0.0.2:7000');
const TRYAGAIN = new Error('TRYAGAIN Multiple keys request during rehashing of slot');
const FIRST = infoOf();
const SECOND = infoOf({ run_id: 'run-2', master_replid: 'replid-2' });

let over: NodeOver;

/** Two masters; the first one has the key. */
beforeEach(async () => {
  over = nodeOver();
  const { connection } = over;
  connection.info_ = [FIRST, SECOND];
  connection.reorders = true;
  connection.isSharded = true;
  connection.redirection = 1;
  await connection.up();
  connection.sent.length = 0;
});

const shas = (): string[] => over.connection.commands.map(({ sha }) => sha);

describe('an operation whose slot has moved', () => {
  it('goes to the master that has it now, under that one’s script', async () => {
    const { connection, ask, replies } = over;
    ask('grant', 't1');
    await turn();
    connection.place = () => 1;
    await connection.answer(MOVED);
    expect(shas()).toEqual([scriptsOf(FIRST).grants, scriptsOf(SECOND).grants]);
    await connection.answer(['granted']);
    expect(replies).toEqual(['t1 granted']);
  });

  it('is not redirected for ever', async () => {
    const { connection, ask, replies } = over;
    ask('grant', 't1');
    await turn();
    for (let i = 0; i < 20; i++) await connection.answer(MOVED);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.commands.length).toBeLessThan(8);
  });

  it('is not sent again once its round is decided', async () => {
    const { connection, ask, replies } = over;
    let wanted = true;
    ask('grant', 't1', () => wanted);
    await turn();
    wanted = false;
    await connection.answer(MOVED);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.commands).toHaveLength(1);
  });

  it('is refused by a single server, which says what to give instead', async () => {
    const { connection, ask, node } = over;
    connection.redirection = undefined;
    connection.reorders = false;
    const replies: unknown[] = [];
    node.inspect('k', (reply) => replies.push(reply));
    await turn();
    await connection.answer(MOVED);
    expect(replies).toMatchObject([
      { kind: 'unusable', why: expect.stringContaining('give a Cluster client') },
    ]);
    ask('grant', 't1');
    await turn();
    expect(connection.commands).toHaveLength(2);
  });
});

describe('an operation whose slot is moving', () => {
  it('goes to the master that it is moving to, and the next one is sent to the old one first', async () => {
    const { connection, ask, replies } = over;
    ask('grant', 't1');
    await turn();
    await connection.answer(ASK);
    await connection.answer(['granted']);
    ask('grant', 't2');
    await turn();
    expect(shas()).toEqual([scriptsOf(FIRST).grants, scriptsOf(SECOND).grants, scriptsOf(FIRST).grants]);
    expect(replies).toEqual(['t1 granted']);
  });

  it('is tried again every 20 ms while only some of its keys have moved', async () => {
    const { connection, ask, replies, clock } = over;
    ask('extend', 't1');
    await turn();
    for (let i = 1; i <= 10; i++) {
      await connection.answer(TRYAGAIN);
      await clock.advanceAsync(19);
      expect(connection.commands).toHaveLength(i);
      await clock.advanceAsync(1);
      expect(connection.commands).toHaveLength(i + 1);
    }
    await connection.answer(['extended']);
    expect(replies).toEqual(['t1 extended']);
  });

  it('is given up when its round is decided', async () => {
    const { connection, ask, replies, clock } = over;
    let wanted = true;
    ask('extend', 't1', () => wanted);
    await turn();
    await connection.answer(TRYAGAIN);
    wanted = false;
    await clock.advanceAsync(1_000);
    expect(connection.commands).toHaveLength(1);
    expect(replies).toEqual(['t1 unreachable']);
  });

  it('is repeated as every release is that a server refuses, if it is a release', async () => {
    const { connection, ask, replies, clock } = over;
    ask('release', 't1');
    await turn();
    await connection.answer(TRYAGAIN);
    expect(replies).toEqual(['t1 unreachable']);
    await clock.advanceAsync(249);
    expect(connection.commands).toHaveLength(1);
    await clock.advanceAsync(1);
    expect(connection.commands).toHaveLength(2);
  });

  it('keeps a node that is being closed waiting no longer than its keys need', async () => {
    const { connection, ask, clock, node } = over;
    ask('extend', 't1');
    await turn();
    await connection.answer(TRYAGAIN);
    const closed = node.close(1_000);
    await clock.advanceAsync(1_000);
    await closed;
    expect(clock.pending).toBe(0);
  });
});
