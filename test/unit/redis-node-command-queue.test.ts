import slotOf from 'cluster-key-slot';
import { describe, expect, it } from 'vitest';
import type { LockNode } from '../../src/node/lock-node.ts';
import { allButGrants } from '../../src/node/redis/scripts/script.ts';
import { admittedNode, infoOf, type NodeOver, RETENTION, scriptsOf } from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';
import { tokenOf } from '../support/token.ts';

/** Asks for grants with so many keys each; their tokens are the slot and a number, as in `a0`. */
function askFor({ node }: NodeOver, sizes: readonly number[], slot = 'a'): void {
  sizes.forEach((size, index) => {
    const keys = Array.from({ length: size }, (_, key) => `${slot}${key}`);
    node.grant({ keys, ownerToken: `${slot}${index}`, ttl: 1_000, wanted: () => true }, () => {});
  });
}

/** A server that was admitted, and has no scripts any more, as after SCRIPT FLUSH. */
async function flushed(): Promise<NodeOver> {
  const over = await admittedNode();
  over.connection.scripts().clear();
  return over;
}

/** The commands that were sent under the script that grants nothing. */
function withoutGrants({ connection }: NodeOver): string[] {
  const commands = connection.commands.filter(({ sha }) => sha === allButGrants.sha);
  return commands.map(({ operations }) => operations.join(', '));
}

/** The commands sent, as the numbers of their keys. */
function sizesOf({ connection }: NodeOver): number[] {
  return connection.commands.map(({ keys }) => keys.length);
}

describe('the operations of one tick', () => {
  it('leave as one command, in order', async () => {
    const { connection, ask } = await admittedNode();
    ask('grant', 't1');
    ask('release', 't2');
    ask('extend', 't3');
    expect(connection.sent).toEqual([]);
    await turn();
    expect(connection.sent).toEqual(['grant t1, release t2, extend t3']);
    expect(connection.commands[0]).toMatchObject({ sha: scriptsOf(infoOf()).grants, keys: ['k', 'k', 'k'] });
  });

  it('leave at the end of that tick', async () => {
    const { connection, ask } = await admittedNode();
    ask('grant', 't1');
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(connection.sent).toEqual(['grant t1']);
  });

  it.each([[['granted']], [['granted', 'released', 'released']], ['granted']])(
    'are all of unknown outcome if there are not as many replies: %j',
    async (answer) => {
      const { node, connection } = await admittedNode();
      const replies: unknown[] = [];
      const claim = {
        keys: ['k'],
        ownerToken: 't',
        ttl: 5,
        longestTtl: 5,
        afterwards: 'serve',
        reservation: 30,
        wanted: () => true,
      } as const;
      node.grant(claim, (reply) => void replies.push(reply));
      node.release(claim, (reply) => void replies.push(reply));
      await turn();
      await connection.answer(answer);
      const unknown = expect.objectContaining({ kind: 'unreachable', maybeExecuted: true });
      expect(replies).toEqual([unknown, unknown]);
    },
  );

  it('get their replies each', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    const claim = {
      keys: ['k', 'l'],
      ownerToken: 't',
      ttl: 5,
      longestTtl: 5,
      afterwards: 'serve',
      reservation: 30,
      wanted: () => true,
    } as const;
    const note = (reply: unknown): void => void replies.push(reply);
    for (let i = 0; i < 7; i++) node.grant(claim, note);
    for (let i = 0; i < 3; i++) node.extend(claim, note);
    for (let i = 0; i < 3; i++) node.repair(claim, note);
    for (let i = 0; i < 2; i++) node.release(claim, note);
    for (let i = 0; i < 4; i++) node.inspect('k', note);
    await turn();
    await connection.answer([
      'granted',
      ['denied', 50, 'turn', 2],
      ['denied', -1, 'type', 1],
      ['denied', 5, 'value', 2],
      ['denied', 5, '0123456789abcdef', 1],
      ['denied', 0, 'turn', 1, 7, '1764441234567890'],
      new Error('OOM command not allowed'),
      'extended',
      'missing',
      ['taken', 7],
      'extended',
      'repaired',
      ['taken', 8],
      'released',
      'absent',
      'free',
      ['held', 40, 'x'],
      ['held', -1, null],
      ['held', 40, tokenOf(1, 2)],
    ]);
    expect(replies).toEqual([
      { kind: 'granted' },
      { kind: 'denied', remaining: 50, key: 'l', isReserved: true },
      { kind: 'denied', remaining: Number.POSITIVE_INFINITY, key: 'k', foreign: 'type' },
      { kind: 'denied', remaining: 5, key: 'l', foreign: 'value' },
      { kind: 'denied', remaining: 5, key: 'k', owner: '0123456789abcdef' },
      {
        kind: 'denied',
        remaining: 0,
        key: 'k',
        isReserved: true,
        place: { position: 7, since: 1_764_441_234_567_890 },
      },
      { kind: 'unreachable', cause: new Error('OOM command not allowed'), maybeExecuted: true },
      { kind: 'extended' },
      { kind: 'missing' },
      { kind: 'taken', remaining: 7 },
      { kind: 'extended' },
      { kind: 'repaired' },
      { kind: 'taken', remaining: 8 },
      { kind: 'released' },
      { kind: 'absent' },
      { kind: 'free' },
      { kind: 'held', remaining: 40, ownerToken: 'x', foreign: 'value' },
      { kind: 'held', remaining: Number.POSITIVE_INFINITY, foreign: 'type' },
      { kind: 'held', remaining: 40, ownerToken: tokenOf(1, 2) },
    ]);
  });

  it.each([[['nonsense']], [[5]], [[null]], [['repaired']], [[]], ['granted'], [undefined]])(
    'may have been executed when the reply is %j',
    async (reply) => {
      const { node, connection } = await admittedNode();
      const replies: unknown[] = [];
      node.grant({ keys: ['k'], ownerToken: 't', ttl: 5, wanted: () => true }, (each) => replies.push(each));
      await turn();
      await connection.answer(reply);
      expect(replies).toMatchObject([{ kind: 'unreachable', maybeExecuted: true }]);
    },
  );

  it('may have been executed when the command failed', async () => {
    const { connection, ask, replies } = await admittedNode();
    ask('grant', 't1');
    ask('grant', 't2');
    await turn();
    await connection.answer(new Error('BUSY Redis is busy running a script'));
    expect(replies).toEqual(['t1 unreachable', 't2 unreachable']);
    expect(connection.commands).toHaveLength(1);
  });

  it('leave in commands of at most 128 keys, the counters of fencing tokens included', async () => {
    const over = await admittedNode();
    const claim = { keys: ['k'], ttl: 1_000, hint: 7, wanted: () => true };
    for (let i = 0; i < 150; i++) over.node.grant({ ...claim, ownerToken: `t${i}` }, () => {});
    await turn();
    expect(sizesOf(over)).toEqual([128, 128, 44]);
  });

  it('leave in commands of at most 64', async () => {
    const { connection, ask } = await admittedNode();
    for (let i = 0; i < 300; i++) ask('grant', `t${i}`);
    await turn();
    expect(connection.commands.map(({ operations }) => operations.length)).toEqual([64, 64, 64, 64, 44]);
    const sent = connection.commands.flatMap(({ operations }) => operations);
    expect(sent).toEqual(Array.from({ length: 300 }, (_, i) => `grant t${i}`));
  });

  it.each<[number[], number[]]>([
    [Array.from({ length: 60 }, () => 3), [126, 54]],
    // 64 operations leave before the tick is over.
    [Array.from({ length: 100 }, () => 3), [126, 66, 108]],
    [
      [64, 64, 1],
      [128, 1],
    ],
    [
      [127, 2],
      [127, 2],
    ],
    [
      [1, 128, 1],
      [1, 128, 1],
    ],
    [
      [1_000, 1, 1, 1_000, 1],
      [1_000, 2, 1_000, 1],
    ],
    [Array.from({ length: 60 }, () => 1_000), Array.from({ length: 60 }, () => 1_000)],
  ])('leave in commands of at most 128 keys, unless one has more: %j', async (sizes, sent) => {
    const over = await admittedNode();
    askFor(over, sizes);
    await turn();
    expect(sizesOf(over)).toEqual(sent);
    const tokens = over.connection.commands.flatMap(({ operations }) => operations);
    expect(tokens).toEqual(sizes.map((_, index) => `grant a${index}`));
  });

  it('keep their order within a hash slot when others have too many keys for one command', async () => {
    const over = await admittedNode();
    over.connection.slots = (key) => key.charCodeAt(0);
    askFor(over, [100, 20, 100, 1_000, 1], 'a');
    askFor(over, [1, 200, 1], 'b');
    await turn();
    const sent = over.connection.commands.map(({ operations }) => operations.join(', '));
    const inSlot = (slot: string): string[] => sent.filter((each) => each.startsWith(`grant ${slot}`));
    expect(inSlot('a')).toEqual(['grant a0, grant a1', 'grant a2', 'grant a3', 'grant a4']);
    expect(inSlot('b')).toEqual(['grant b0', 'grant b1', 'grant b2']);
    expect(sent).toHaveLength(7);
  });

  it('leave in one command for each hash slot', async () => {
    const { node, connection } = await admittedNode();
    connection.slots = (key) => key.charCodeAt(0);
    for (const key of ['a1', 'b1', 'a2']) node.inspect(key, () => {});
    await turn();
    expect(connection.commands.map(({ keys }) => keys)).toEqual([['a1', 'a2'], ['b1']]);
  });
});

describe('keys on a cluster', () => {
  it('of one slot are no problem', async () => {
    const { node } = await admittedNode();
    expect(node.objection(['a', 'b'])).toBeUndefined();
  });

  it('of two slots are', async () => {
    const { node, connection } = await admittedNode();
    connection.slots = slotOf;
    connection.isSharded = true;
    expect(node.objection(['a', 'b'])).toMatch(/same hash slot.* give "a" and "b" a common \{hash tag\}/);
  });

  it('of one slot by their hash tags are no problem', async () => {
    const { node, connection } = await admittedNode();
    connection.slots = slotOf;
    connection.isSharded = true;
    expect(node.objection(['{a}', 'b{a}', 'a', '{a}{c}'])).toBeUndefined();
  });

  it.each(['a}b', '}{', '{}x'])('of which the counter is in another slot are: %s', async (key) => {
    const { node, connection } = await admittedNode();
    connection.slots = slotOf;
    connection.isSharded = true;
    expect(node.objection([key])).toContain(JSON.stringify(key));
    expect(node.objection(['a', key])).toBeDefined();
  });

  it.each(['a}b', '}{', '{}x'])('are no problem anywhere else: %s', async (key) => {
    const { node } = await admittedNode();
    expect(node.objection([key])).toBeUndefined();
  });
});

describe('a command without permission', () => {
  const NOPERM = new Error('NOPERM this user has no permissions to access one of the keys');

  it('is unusable, naming the permission', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    node.inspect('k', (reply) => replies.push(reply));
    await turn();
    const refusal = "NOPERM this user has no permissions to run the 'evalsha' command";
    await connection.answer(new Error(refusal));
    expect(replies).toEqual([{ kind: 'unusable', why: refusal }]);
  });

  it('for a key is unusable, naming the key and the pattern that would allow it', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    node.inspect('k', (reply) => replies.push(reply));
    await turn();
    await connection.answer(NOPERM);
    expect(replies).toEqual([
      { kind: 'unusable', why: 'NOPERM the user may not read and write "k": allow ~*' },
    ]);
  });

  it.each([
    [NOPERM, [], '"k": allow ~*'],
    [[], NOPERM, '"{k}:quorlock:fence": allow ~*:quorlock:fence'],
    [NOPERM, NOPERM, '"k", "{k}:quorlock:fence": allow ~* ~*:quorlock:fence'],
  ])(
    'for a key or its counter is asked about each, without effect: %s, %s',
    async (onKeys, onCounters, named) => {
      const { node, connection } = await admittedNode();
      const replies: unknown[] = [];
      const claim = { keys: ['k'], ownerToken: 't', ttl: 5, hint: 7, wanted: () => true };
      node.grant(claim, (reply) => replies.push(reply));
      await turn();
      await connection.answer(NOPERM);
      const probes = connection.commands.slice(1);
      expect(probes.map(({ keys, args }) => [keys, args])).toEqual([
        [['k'], [0]],
        [['{k}:quorlock:fence'], [0]],
      ]);
      await connection.answer(onKeys, 1);
      expect(replies).toEqual([]);
      await connection.answer(onCounters, 2);
      expect(replies).toEqual([{ kind: 'unusable', why: `NOPERM the user may not read and write ${named}` }]);
    },
  );

  it('for a key is unusable as the server says it, if the connection is lost before it is named', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    const claim = { keys: ['k'], ownerToken: 't', ttl: 5, hint: 7, wanted: () => true };
    node.grant(claim, (reply) => replies.push(reply));
    await turn();
    await connection.answer(NOPERM);
    await connection.down();
    expect(replies).toEqual([{ kind: 'unusable', why: NOPERM.message }]);
  });

  it('does not fail its neighbours, which go again one by one', async () => {
    const { connection, ask, replies } = await admittedNode();
    ask('grant', 't1');
    ask('grant', 't2');
    await turn();
    await connection.answer(NOPERM);
    expect(connection.sent).toEqual(['grant t1, grant t2', 'grant t1', 'grant t2']);
    await connection.answer(NOPERM, 1);
    await connection.answer(['granted'], 2);
    expect(replies.sort()).toEqual(['t1 unusable', 't2 granted']);
  });

  it('is not sent again for a grant that nobody waits for', async () => {
    const { connection, ask, replies } = await admittedNode();
    let wanted = true;
    ask('grant', 't1', () => wanted);
    ask('grant', 't2');
    await turn();
    wanted = false;
    await connection.answer(NOPERM);
    expect(connection.sent.slice(1)).toEqual(['grant t2']);
    expect(replies).toEqual(['t1 unreachable']);
  });
});

describe('a server that has forgotten its scripts', () => {
  const NOSCRIPT = new Error('NOSCRIPT No matching script.');

  it('is looked at before it gets a grant again', async () => {
    const { connection, ask } = await flushed();
    ask('grant', 't1');
    await turn();
    await connection.answer(NOSCRIPT);
    const again = ['info', 'exists', 'load gate', 'load grants', 'grant t1'];
    expect(connection.sent).toEqual(['grant t1', ...again]);
  });

  it('is given no script that it has', async () => {
    const { connection, ask } = await admittedNode();
    connection.scripts().delete(scriptsOf(infoOf()).grants);
    ask('grant', 't1');
    await turn();
    await connection.answer(NOSCRIPT);
    expect(connection.sent).toEqual(['grant t1', 'info', 'exists', 'load grants', 'grant t1']);
  });

  it('is looked at once for all grants that wait', async () => {
    const { connection, ask } = await flushed();
    ask('grant', 't1');
    await turn();
    ask('grant', 't2');
    await turn();
    let tell!: (infos: string[]) => void;
    connection.info_ = new Promise((resolve) => {
      tell = resolve;
    });
    await connection.answer(NOSCRIPT, 0);
    await connection.answer(NOSCRIPT, 1);
    ask('grant', 't3');
    await turn();
    expect(connection.sent.slice(2)).toEqual(['info']);
    tell([infoOf()]);
    await turn();
    const again = ['exists', 'load gate', 'load grants', 'grant t1, grant t2, grant t3'];
    expect(connection.sent.slice(3)).toEqual(again);
  });

  it('gets at once under another script what is no vote', async () => {
    const over = await flushed();
    const { connection, ask } = over;
    connection.info_ = 'hold';
    ask('grant', 't1');
    ask('release', 't2');
    ask('extend', 't3');
    ask('confirm', 't4');
    ask('inspect', 't5');
    await turn();
    await connection.answer(NOSCRIPT);
    expect(withoutGrants(over)).toEqual(['release t2, extend t3, confirm t4']);
    expect(connection.commands).toHaveLength(2);
  });

  it('gets what is no vote in its order, also from several commands', async () => {
    const over = await flushed();
    const { connection, ask } = over;
    connection.info_ = 'hold';
    ask('release', 't1');
    await turn();
    ask('extend', 't2');
    ask('release', 't3');
    await turn();
    await connection.answer(NOSCRIPT, 0);
    await connection.answer(NOSCRIPT, 1);
    expect(withoutGrants(over)).toEqual(['release t1', 'extend t2, release t3']);
  });

  it('is given the other script too, and then what did not run, before anything newer', async () => {
    const { connection, ask } = await flushed();
    connection.info_ = 'hold';
    ask('release', 't1');
    await turn();
    await connection.answer(NOSCRIPT);
    let loaded!: (value: 'loaded') => void;
    connection.load_ = new Promise((resolve) => {
      loaded = resolve;
    });
    await connection.answer(NOSCRIPT);
    ask('extend', 't2');
    await turn();
    expect(connection.sent).toEqual(['release t1', 'release t1', 'load all but grants']);
    loaded('loaded');
    await turn();
    expect(connection.sent.slice(3)).toEqual(['release t1, extend t2']);
    expect(connection.commands.at(-1)?.sha).toBe(allButGrants.sha);
  });

  it('gets no grant again that nobody waits for any more', async () => {
    const { connection, ask, replies } = await flushed();
    let wanted = true;
    ask('grant', 't1', () => wanted);
    await turn();
    wanted = false;
    await connection.answer(NOSCRIPT);
    expect(connection.commands).toHaveLength(1);
    expect(replies).toEqual(['t1 unreachable']);
  });

  it('gets no grant that nobody waits for any more once it has been looked at', async () => {
    const { connection, ask, replies } = await flushed();
    let wanted = true;
    ask('grant', 't1', () => wanted);
    await turn();
    let tell!: (infos: string[]) => void;
    connection.info_ = new Promise((resolve) => {
      tell = resolve;
    });
    await connection.answer(NOSCRIPT);
    wanted = false;
    tell([infoOf()]);
    await turn();
    expect(connection.commands).toHaveLength(1);
    expect(replies).toEqual(['t1 unreachable']);
  });

  it('gets no grant a third time', async () => {
    const { connection, ask, replies } = await flushed();
    ask('grant', 't1');
    await turn();
    await connection.answer(NOSCRIPT);
    await connection.answer(NOSCRIPT);
    await turn();
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.commands).toHaveLength(2);
  });

  it('gets nothing else a third time under the same script', async () => {
    const { connection, ask, replies } = await flushed();
    connection.info_ = 'hold';
    ask('extend', 't1');
    await turn();
    for (let i = 0; i < 4; i++) await connection.answer(NOSCRIPT);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.commands).toHaveLength(3);
  });

  it('gets no confirmation that nobody waits for once it has the other script', async () => {
    const { connection, ask, replies } = await flushed();
    connection.info_ = 'hold';
    let wanted = true;
    ask('confirm', 't1', () => wanted);
    await turn();
    await connection.answer(NOSCRIPT);
    wanted = false;
    await connection.answer(NOSCRIPT);
    expect(connection.sent.at(-1)).toBe('load all but grants');
    expect(replies).toEqual(['t1 unreachable']);
  });

  it('is unreachable if it does not take them', async () => {
    const { connection, ask, replies } = await flushed();
    ask('grant', 't1');
    await turn();
    connection.load_ = new Error('OOM command not allowed');
    await connection.answer(NOSCRIPT);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.commands).toHaveLength(1);
  });

  it('gets nothing again that may have been executed', async () => {
    const { connection, ask, replies } = await admittedNode();
    ask('grant', 't1');
    await turn();
    await connection.down();
    await connection.up();
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.sent.filter((each) => each.startsWith('grant'))).toHaveLength(1);
  });
});

/** What a command says of requests, after the time for which counters are kept. */
async function sent(act: (node: LockNode) => void, isSharded = false): Promise<unknown> {
  const { node, connection } = await admittedNode();
  connection.isSharded = isSharded;
  act(node);
  await turn();
  return connection.commands[0]?.args.slice(1);
}

describe('what a command says', () => {
  it('is for how long counters are kept, and five things of each operation, without anybody who waits', async () => {
    const { node, connection } = await admittedNode();
    const holding = { keys: ['k', '{l}m'], ownerToken: 't' };
    const claim = { ...holding, ttl: 5, wanted: () => true };
    node.grant({ ...claim, hint: 0 }, () => {});
    node.confirm({ ...holding, fencingToken: 2 ** 53 - 1, wanted: () => true }, () => {});
    node.extend({ ...claim, fencingToken: 8 }, () => {});
    node.extend(claim, () => {});
    node.repair({ ...claim, fencingToken: 9 }, () => {});
    const release = { ...holding, reservation: 30, longestTtl: 5 };
    node.release({ ...release, afterwards: 'serve' }, () => {});
    node.release({ ...release, afterwards: 'hand over' }, () => {});
    node.inspect('k', () => {});
    await turn();
    const counters = ['{k}:quorlock:fence', '{l}m:quorlock:fence'];
    const fenced = [...holding.keys, ...counters];
    const [command] = connection.commands;
    expect(command?.keys).toEqual([
      ...fenced,
      ...fenced,
      ...fenced,
      ...holding.keys,
      ...fenced,
      ...holding.keys,
      ...holding.keys,
      'k',
    ]);
    const args = [
      RETENTION,
      ['grant', 2, 't', 5, 1],
      ['confirm', 2, 't', 0, 2 ** 53 - 1],
      ['extend', 2, 't', 5, 8],
      ['extend', 2, 't', 5, ''],
      ['repair', 2, 't', 5, 9],
      ['release', 2, 't', 30, ''],
      ['release', 2, 't', 0, ''],
      ['inspect', 1, '', 0, ''],
    ];
    expect(command?.args).toEqual(args.flat());
  });

  describe('of somebody who waits', () => {
    const waiter = { name: 'w', key: 'k{x}', since: -25 };
    const holding = { keys: ['l{x}', 'k{x}'], ownerToken: 't' };
    const claim = { ...holding, ttl: 5, wanted: () => true, waiter, reservation: 30 };
    const release = { ...holding, afterwards: 'serve', waiter, reservation: 30, longestTtl: 5 } as const;

    it('is also its inbox, since when it has waited, for which key, and for how long a key may be reserved', async () => {
      const args = [
        ['stand', 2, 't', 5, '', 'quorlock:turn:w', -25, 2, 30],
        ['stand', 2, 't', 5, 8, 'quorlock:turn:w', -25, 2, 30],
        ['leave', 2, 't', 30, '', 'quorlock:turn:w'],
        ['leave', 2, 't', 0, '', 'quorlock:turn:w'],
        ['yield', 2, 't', 30, '', 'quorlock:turn:w', -25, 2],
        ['grant', 2, 't', 5, ''],
      ];
      const all = await sent((node) => {
        node.grant(claim, () => {});
        node.grant({ ...claim, hint: 7 }, () => {});
        node.release(release, () => {});
        node.release({ ...release, afterwards: 'hand over' }, () => {});
        node.release({ ...release, afterwards: 'yield' }, () => {});
        node.grant({ ...claim, waiter: undefined }, () => {});
      });
      expect(all).toEqual(args.flat());
    });

    it('names an inbox in the hash slot of the key on a Redis Cluster', async () => {
      const args = await sent((node) => node.release(release, () => {}), true);
      expect(args).toEqual(['leave', 2, 't', 30, '', 'quorlock:turn:{x}:w']);
    });

    it('is never 0 for a reservation, which would serve nobody', async () => {
      const args = await sent((node) => {
        node.grant({ ...claim, reservation: 0 }, () => {});
        node.grant({ ...claim, reservation: undefined }, () => {});
        node.release({ ...release, reservation: 0, waiter: undefined }, () => {});
      });
      const stand = ['stand', 2, 't', 5, '', 'quorlock:turn:w', -25, 2, 1];
      expect(args).toEqual([...stand, ...stand, 'release', 2, 't', 1, '']);
    });
  });

  it.each([
    ['no key', []],
    ['a key that was not asked for', [2]],
    ['a key before the first', [0]],
    ['a key that is no number', ['x']],
  ])('is no denial if it names %s', async (_what, rest) => {
    const { connection, ask, replies } = await admittedNode();
    ask('grant', 't');
    await turn();
    await connection.answer([['denied', 5, 'x', ...rest]]);
    expect(replies).toEqual(['t unreachable']);
  });

  it.each([
    [[]],
    [[null, null]],
    [[0]],
    [['0', '5']],
    [[0.5, '5']],
    [[0, 5]],
    [[0, 'x']],
    [[0, 'inf']],
    [[0, '9007199254740993']],
  ])('is a denial without a place if that makes no sense: %j', async (place) => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    node.grant({ keys: ['k'], ownerToken: 't', ttl: 5, wanted: () => true }, (reply) => replies.push(reply));
    await turn();
    await connection.answer([['denied', 5, 'x', 1, ...place]]);
    expect(replies).toEqual([{ kind: 'denied', remaining: 5, key: 'k', owner: 'x' }]);
  });

  it.each([
    ['denied', ['abc', null, [], undefined, Number.NaN, -2, -5, '5']],
    ['taken', ['abc', null, [], undefined, Number.NaN, -2, -5, '5']],
    ['held', ['abc', null, [], undefined, Number.NaN, -2, -5, '5']],
  ] as const)('is no answer if it names no time that a key may have left: %s', async (word, times) => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    const claim = { keys: ['k'], ownerToken: 't', ttl: 5, wanted: () => true };
    const note = (reply: unknown): unknown => replies.push(reply);
    for (const _ of times) {
      if (word === 'denied') node.grant(claim, note);
      else if (word === 'taken') node.extend(claim, note);
      else node.inspect('k', note);
    }
    await turn();
    await connection.answer(times.map((time) => [word, time, 'x', 1]));
    const unknown = expect.objectContaining({ kind: 'unreachable', maybeExecuted: true });
    expect(replies).toEqual(times.map(() => unknown));
  });

  it('is no vote if its counter is no number that a clock shows, or not above the hint, and is undone', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    const claim = { keys: ['k'], ownerToken: 't', ttl: 5, hint: 7, wanted: () => true };
    const counters = ['NaN', '-1', '7', '8.5', '', null, [], '9007199254740991', '7258118400000001', '1e400'];
    for (const _ of counters) node.grant(claim, (reply) => replies.push(reply));
    await turn();
    await connection.answer(counters.map((counter) => ['granted', counter]));
    const nonsense = { kind: 'unusable', why: expect.stringContaining('counter'), maybeExecuted: true };
    expect(replies).toEqual(counters.map(() => nonsense));
  });

  it('is no vote if it has a counter that nobody asked for', async () => {
    const { connection, ask, replies } = await admittedNode();
    ask('grant', 't');
    await turn();
    await connection.answer([['granted', '8']]);
    expect(replies).toEqual(['t unreachable']);
  });

  it('is told without being written out if it is nested deeply', async () => {
    const { connection, ask, replies } = await admittedNode();
    let nested: unknown[] = [];
    for (let depth = 0; depth < 20_000; depth++) nested = [nested];
    ask('grant', 't');
    await turn();
    await connection.answer([nested]);
    expect(replies).toEqual(['t unreachable']);
  });

  it('is answered with a counter as a number', async () => {
    const { node, connection } = await admittedNode();
    const replies: unknown[] = [];
    const claim = { keys: ['k'], ownerToken: 't', ttl: 5, wanted: () => true };
    for (let i = 0; i < 3; i++) node.grant({ ...claim, hint: 1 }, (reply) => replies.push(reply));
    node.confirm({ ...claim, fencingToken: 2 }, (reply) => replies.push(reply));
    node.confirm({ ...claim, fencingToken: 2 }, (reply) => replies.push(reply));
    await turn();
    const last = Date.UTC(2200, 0) * 1_000;
    await connection.answer([
      ['granted', 2],
      ['granted', String(last)],
      new Error('ERR no fencing token is left: the counter is at its end'),
      'confirmed',
      'absent',
    ]);
    expect(replies).toEqual([
      { kind: 'granted', counter: 2 },
      { kind: 'granted', counter: last },
      { kind: 'unusable', why: expect.stringContaining('no fencing token is left') },
      { kind: 'confirmed' },
      { kind: 'absent' },
    ]);
  });
});
