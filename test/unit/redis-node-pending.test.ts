import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { admittedNode, infoOf, type NodeOver, nodeOver } from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';

describe('a release that was not answered', () => {
  it('goes first on the next connection', async () => {
    const { connection, ask, replies } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.down();
    expect(replies).toEqual(['t1 unreachable']);
    connection.sent.length = 0;
    await connection.up();
    expect(connection.sent).toEqual(['info', 'exists', 'release t1']);
  });

  it('goes before what is newer', async () => {
    const { connection, ask } = await admittedNode();
    ask('release', 't1');
    ask('release', 't2');
    await turn();
    await connection.down();
    ask('release', 't3');
    await connection.up();
    ask('grant', 't4');
    await turn();
    expect(connection.sent.slice(-2)).toEqual(['release t1, release t2, release t3', 'grant t4']);
  });

  it.each(['released', 'absent'])('is settled by the answer %s', async (answer) => {
    const { connection, ask } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.answer([answer]);
    await connection.down();
    await connection.up();
    expect(connection.commands).toHaveLength(1);
  });

  it.each([
    ['in the reply', [new Error('OOM command not allowed')]],
    ['of the command', new Error('BUSY Redis is busy')],
    ['of permission', new Error('NOPERM no permission')],
  ])('is not settled by an error %s', async (_where, answer) => {
    const { connection, ask } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.answer(answer);
    await connection.down();
    await connection.up();
    expect(connection.sent.at(-1)).toBe('release t1');
  });

  it('that the user may not send is not repeated before the server has been checked again', async () => {
    const { connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.answer(new Error("NOPERM User q has no permissions to run the 'evalsha' command"));
    await clock.advanceAsync(30_000);
    expect(connection.commands).toHaveLength(1);
    // SCRIPT FLUSH: a grant finds its script gone, and so the server is checked.
    connection.scripts().clear();
    ask('grant', 't2');
    await turn();
    await connection.answer(new Error('NOSCRIPT No matching script.'));
    await clock.advanceAsync(250);
    expect(connection.sent.filter((each) => each === 'release t1')).toHaveLength(2);
  });

  it('of keys in two hash slots is not repeated, as its grant was refused for the same reason', async () => {
    const { connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.answer(new Error("CROSSSLOT Keys in request don't hash to the same slot"));
    await clock.advanceAsync(5_000);
    await connection.down();
    await connection.up();
    expect(connection.commands).toHaveLength(1);
  });

  it('is repeated on the same connection when the answer was an error', async () => {
    const { connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    for (const [i, pause] of [250, 500, 1_000, 2_000, 2_000].entries()) {
      await connection.answer(new Error('BUSY Redis is busy'));
      await clock.advanceAsync(pause - 1);
      expect(connection.commands).toHaveLength(i + 1);
      await clock.advanceAsync(1);
      expect(connection.commands).toHaveLength(i + 2);
    }
    await connection.answer(['absent']);
    await clock.advanceAsync(5_000);
    expect(connection.commands).toHaveLength(6);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer for the repetition when the node is closed', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.answer(new Error('BUSY Redis is busy'));
    const closing = node.close(100);
    await clock.advanceAsync(100);
    await closing;
    expect(clock.pending).toBe(0);
  });

  it('is repeated until it is answered', async () => {
    const { connection, ask } = await admittedNode();
    ask('release', 't1');
    await turn();
    for (let i = 0; i < 3; i++) {
      await connection.down();
      await connection.up();
    }
    await connection.answer(['absent']);
    await connection.down();
    await connection.up();
    expect(connection.sent.filter((each) => each === 'release t1')).toHaveLength(4);
  });

  it('is owed also when the server was known to be down', async () => {
    const { connection, ask } = nodeOver();
    await connection.down();
    ask('release', 't1');
    await connection.up();
    expect(connection.sent.at(-1)).toBe('release t1');
  });

  it('is sent also to a server that gets no grants', async () => {
    const { connection, ask } = await admittedNode();
    ask('release', 't1');
    await turn();
    await connection.down();
    connection.info_ = [infoOf({ maxmemory: '5', maxmemory_policy: 'allkeys-lru' })];
    await connection.up();
    expect(connection.sent.at(-1)).toBe('release t1');
  });

  it('is dropped when there are too many, the oldest first', async () => {
    const { connection, ask } = nodeOver();
    await connection.down();
    for (let i = 0; i < 10_001; i++) ask('release', `t${i}`);
    await connection.up();
    const released = connection.commands.flatMap(({ operations }) => operations);
    expect(released).toHaveLength(10_000);
    expect([released[0], released.at(-1)]).toEqual(['release t1', 'release t10000']);
  });
});

/** The commands of releases, without what is the same in all. */
const sent = ({ connection }: NodeOver): unknown[] =>
  connection.commands
    .filter(({ operations }) => operations[0]?.startsWith('release'))
    .map(({ args }) => args.slice(1, 7));

describe('a release by a waiter that was not answered', () => {
  const waiter = { name: 'w', key: 'k', since: 5 };
  const owned = { keys: ['k'], ownerToken: 't' };
  const release = { ...owned, afterwards: 'serve', reservation: 30, waiter, longestTtl: 60_000 } as const;
  const claim = { ...owned, ttl: 5, wanted: () => true, waiter, reservation: 30 };
  const inbox = 'quorlock:turn:w';

  it.each([
    ['leaves', 'serve', ['leave', 1, 't', 30, '', inbox]],
    ['yielded, and does so no more', 'yield', ['release', 1, 't', 30, '']],
    ['handed over, and serves', 'hand over', ['leave', 1, 't', 30, '', inbox]],
  ] as const)('is repeated as one that %s', async (_what, afterwards, args) => {
    const over = await admittedNode();
    over.node.release({ ...release, afterwards }, () => {});
    await turn();
    await over.connection.down();
    await over.connection.up();
    expect(sent(over).at(-1)).toEqual(args);
  });

  it('does not take it out of the line in which it stands again', async () => {
    const over = await admittedNode();
    const { node, connection, clock } = over;
    node.release(release, () => {});
    await turn();
    await connection.answer([new Error('OOM command not allowed')]);
    node.grant(claim, () => {});
    await turn();
    await clock.advanceAsync(250);
    expect(sent(over)).toEqual([
      ['leave', 1, 't', 30, '', inbox],
      ['release', 1, 't', 30, ''],
    ]);
  });

  it('still takes it out when it stands for another key, or somebody else stands', async () => {
    const over = await admittedNode();
    const { node, connection, clock } = over;
    node.release(release, () => {});
    await turn();
    await connection.answer([new Error('OOM command not allowed')]);
    node.grant({ ...claim, keys: ['l'], waiter: { ...waiter, key: 'l' } }, () => {});
    node.grant({ ...claim, waiter: { ...waiter, name: 'another' } }, () => {});
    await turn();
    await clock.advanceAsync(250);
    expect(sent(over).at(-1)).toEqual(['leave', 1, 't', 30, '', inbox]);
  });
});

describe('nothing is owed', () => {
  it('for a grant that was never sent', async () => {
    const { connection, ask } = nodeOver();
    await connection.down();
    ask('grant', 't1');
    await connection.up();
    expect(connection.commands).toEqual([]);
  });
});

describe('a release that one master of a Redis Cluster has lost', () => {
  const LOST = new Error('the connection was lost');

  /** Two masters, of which the first has lost the release t1, and is connected to again when `back` is called. */
  async function lost() {
    const over = nodeOver();
    const { connection, ask } = over;
    connection.info_ = [infoOf(), infoOf({ run_id: 'run-2', master_replid: 'replid-2' })];
    connection.reorders = true;
    await connection.up();
    ask('release', 't1');
    await turn();
    await connection.answer(LOST);
    connection.sent.length = 0;
    const back = async (): Promise<void> => {
      connection.renew();
      connection.connect();
      await turn();
    };
    return { ...over, back };
  }

  it('is sent as soon as that master is back, before it is known whether it votes', async () => {
    const { connection, back } = await lost();
    connection.info_ = 'hold';
    await back();
    expect(connection.sent).toContain('release t1');
  });

  it('goes before a newer grant although its script has to be loaded first', async () => {
    const { connection, ask, back } = await lost();
    const [loaded, looked] = [new EventEmitter(), new EventEmitter()];
    connection.load_ = once(loaded, 'now').then(() => 'loaded' as const);
    connection.exists_ = once(looked, 'now').then(() => [true, true, false]);
    await back();
    await connection.answer(new Error('NOSCRIPT No matching script.'));
    looked.emit('now');
    await turn();
    connection.sent.length = 0;
    ask('grant', 't2');
    await turn();
    expect(connection.sent.join(', ')).not.toContain('grant');
    loaded.emit('now');
    await turn();
    expect(connection.sent.join(', ')).toMatch(/release t1, grant t2$/);
  });
});
