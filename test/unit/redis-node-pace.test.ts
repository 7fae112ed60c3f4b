import { describe, expect, it } from 'vitest';
import { admittedNode, infoOf, type NodeOver } from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';

const BUSY = new Error('BUSY Redis is busy running a script.');
const NO_KEY = new Error('NOPERM No permissions to access a key');
const NO_COMMAND = new Error("NOPERM User q has no permissions to run the 'evalsha' command");
const NOSCRIPT = new Error('NOSCRIPT No matching script.');
const READONLY = new Error("READONLY You can't write against a read only replica.");

/** Answers all commands that have none yet, and those that follow from that, for `ms` ms in steps of `step`. */
async function answering(
  over: NodeOver,
  reply: (command: string) => unknown,
  ms = 0,
  step = 5,
): Promise<void> {
  const { connection, clock } = over;
  for (let left = ms; ; left -= step) {
    for (let i = 0; i < connection.commands.length; i++) {
      const command = connection.commands[i];
      if (command?.reply) await connection.answer(reply(command.operations.join(', ')), i);
    }
    if (left <= 0) return;
    await clock.advanceAsync(step);
  }
}

/** A node that owes so many releases, and whose server answers all of them with an error. */
async function owing(many: number, error: Error): Promise<NodeOver> {
  const over = await admittedNode();
  for (let i = 0; i < many; i++) over.ask('release', `t${i}`);
  await turn();
  await answering(over, () => error);
  over.connection.commands.length = 0;
  return over;
}

const released = (command: string): string[] => command.split(', ').map(() => 'released');

describe('releases that a server refuses', () => {
  it('are repeated less and less often, and a part of them only', async () => {
    const over = await owing(3_000, BUSY);
    await answering(over, () => BUSY, 20_000);
    const { commands } = over.connection;
    expect(commands.length).toBeLessThan(20);
    for (const { operations } of commands) expect(operations).toHaveLength(4);
  });

  it('have their turn all of them', async () => {
    const over = await owing(20, BUSY);
    await answering(over, () => BUSY, 20_000, 100);
    expect(new Set(over.connection.commands.flatMap(({ operations }) => operations)).size).toBe(20);
  });

  it('are all repeated once the server does not refuse any more', async () => {
    const over = await owing(1_000, BUSY);
    await answering(over, () => BUSY, 100);
    over.connection.commands.length = 0;
    await answering(over, released, 2_000);
    const sizes = over.connection.commands.map(({ operations }) => operations.length);
    expect(sizes[0]).toBe(4);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(1_000);
    over.connection.commands.length = 0;
    await answering(over, released, 60_000, 1_000);
    expect(over.connection.commands).toEqual([]);
  });

  it('end with the ttl of their keys', async () => {
    const over = await owing(3, BUSY);
    await answering(over, () => BUSY, 67_000, 500);
    over.connection.commands.length = 0;
    await over.clock.advanceAsync(600_000);
    expect(over.connection.commands).toEqual([]);
    expect(over.clock.pending).toBe(0);
  });

  it('are not waited for by `close` after that', async () => {
    const { node, connection, ask, clock } = await admittedNode();
    await connection.down();
    ask('release', 't1');
    await clock.advanceAsync(66_010);
    let isClosed = false;
    void node.close(1_000).then(() => {
      isClosed = true;
    });
    await turn();
    expect(isClosed).toBe(true);
  });

  it('are tried once more by `close`', async () => {
    const over = await owing(3, BUSY);
    const closing = over.node.close(1_000);
    await answering(over, released, 5);
    expect(over.connection.commands).toHaveLength(1);
    await closing;
  });

  it('are only probed with on a new connection', async () => {
    const over = await owing(1_000, BUSY);
    await over.connection.down();
    await over.connection.up();
    expect(over.connection.commands.map(({ operations }) => operations.length)).toEqual([4]);
    await answering(over, released);
    await answering(over, released);
    const all = over.connection.commands.flatMap(({ operations }) => operations);
    expect(new Set(all).size).toBe(1_000);
  });

  it('are not sent again each time that an unfit server is looked at', async () => {
    const { connection, ask, clock } = await admittedNode();
    await connection.down();
    for (let i = 0; i < 10; i++) ask('release', `t${i}`);
    await turn();
    connection.info_ = [infoOf({ role: 'slave' })];
    await connection.up();
    await clock.advanceAsync(900);
    expect(connection.commands).toHaveLength(1);
    expect(connection.sent.filter((each) => each === 'info')).toHaveLength(4);
  });

  it('are repeated to a server that is not fit to hold locks, too', async () => {
    const { connection, ask, clock } = await admittedNode();
    await connection.down();
    ask('release', 't1');
    connection.info_ = [infoOf({ role: 'slave' })];
    await connection.up();
    await connection.answer(BUSY);
    await clock.advanceAsync(250);
    expect(connection.commands).toHaveLength(2);
  });
});

describe('a batch without permission', () => {
  it('is not split when the command itself is what may not be run', async () => {
    const over = await owing(64, NO_COMMAND);
    await answering(over, () => NO_COMMAND, 20_000);
    expect(over.connection.commands.length).toBeLessThan(20);
  });

  it('is split in halves until the operation is found that has the wrong key', async () => {
    const over = await admittedNode();
    for (let i = 0; i < 64; i++) over.ask('release', `t${i}`);
    await turn();
    for (let i = 0; i < 7; i++)
      await answering(over, (command) => (/\bt9\b/.test(command) ? NO_KEY : released(command)));
    expect(over.replies.filter((reply) => !reply.endsWith(' released'))).toEqual(['t9 unusable']);
    expect(over.connection.commands).toHaveLength(13);
  });

  it('is asked which of its keys are refused only now and then', async () => {
    const over = await admittedNode();
    for (let i = 0; i < 200; i++) {
      const claim = { keys: ['k'], ownerToken: `t${i}`, ttl: 9, hint: 1, wanted: () => true };
      over.node.grant(claim, ({ kind }) => over.replies.push(kind));
      await turn();
      await answering(over, () => NO_KEY, 100, 100);
    }
    expect(over.replies).toEqual(Array.from({ length: 200 }, () => 'unusable'));
    expect(over.connection.commands.length).toBeLessThanOrEqual(200 + 3 * 2);
  });

  it('is split once for the same keys: after that they leave alone, until they may be used', async () => {
    const { connection, node } = await admittedNode();
    const ask = async (): Promise<string[]> => {
      connection.sent.length = 0;
      for (const key of ['a', 'b', 'c'])
        node.grant({ keys: [key], ownerToken: key, ttl: 9, wanted: () => true }, () => {});
      await turn();
      return [...connection.sent];
    };
    await ask();
    await connection.answer(NO_KEY, 0);
    expect(connection.sent.slice(1)).toEqual(['grant a', 'grant b, grant c']);
    await connection.answer(NO_KEY, 1);
    await connection.answer(['granted', 'granted'], 2);
    expect(await ask()).toEqual(['grant a', 'grant b, grant c']);
    await connection.answer(['granted'], 3);
    expect(await ask()).toEqual(['grant a, grant b, grant c']);
  });
});

describe('a server that never has the script', () => {
  it('is looked at less and less often, and votes are refused at once meanwhile', async () => {
    const over = await admittedNode();
    const { connection, clock, ask, replies } = over;
    for (let i = 0; i < 1_000; i++) {
      ask('grant', `t${i}`);
      await answering(over, () => NOSCRIPT, 10, 10);
    }
    expect(clock.now()).toBeGreaterThan(10_000);
    expect(connection.sent.filter((each) => each === 'info').length).toBeLessThan(15);
    expect(connection.commands.length).toBeLessThan(1_020);
    expect(new Set(replies.map((reply) => reply.replace(/\d+/, '')))).toEqual(new Set(['t unreachable']));
    expect(replies.length).toBeGreaterThan(990);
  });

  it('wakes nobody by being looked at', async () => {
    const over = await admittedNode();
    const before = over.voting();
    for (let i = 0; i < 100; i++) {
      over.ask('grant', `t${i}`);
      await answering(over, () => NOSCRIPT, 20, 20);
    }
    expect(over.voting()).toBe(before);
  });

  it('goes on to be asked for other keys, if another server has answered so', async () => {
    const over = await admittedNode();
    over.ask('grant', 't1');
    await answering(over, () => NOSCRIPT, 5);
    over.ask('grant', 't2');
    await turn();
    await answering(over, () => NOSCRIPT);
    over.ask('grant', 't3');
    await turn();
    await over.connection.answer(['granted']);
    expect(over.replies).toEqual(['t1 unreachable', 't2 unreachable', 't3 granted']);
  });

  it('gets under the other script what is no vote', async () => {
    const over = await admittedNode();
    over.ask('grant', 't1');
    await answering(over, () => NOSCRIPT, 5);
    over.ask('grant', 't2');
    over.ask('release', 't3');
    await turn();
    await over.connection.answer(NOSCRIPT);
    expect(over.connection.sent.slice(-2)).toEqual(['grant t2, release t3', 'release t3']);
  });

  it('is not given it again and again', async () => {
    const over = await admittedNode();
    over.connection.sent.length = 0;
    for (let i = 0; i < 1_000; i++) {
      over.ask('extend', `t${i}`);
      await answering(over, () => NOSCRIPT, 10, 10);
    }
    expect(over.connection.sent.filter((each) => each.startsWith('load')).length).toBeLessThan(15);
    expect(over.replies.length).toBeGreaterThan(990);
  });
});

describe('a server whose scripts are deleted now and then', () => {
  it('is looked at, and given them, at once each time', async () => {
    const over = await admittedNode();
    for (let i = 0; i < 30; i++) {
      over.ask('grant', `t${i}`);
      await turn();
      await over.connection.answer(NOSCRIPT);
      await over.connection.answer(['granted']);
      await over.clock.advanceAsync(700);
    }
    expect(over.replies).toEqual(Array.from({ length: 30 }, (_, i) => `t${i} granted`));
  });

  it('gets extensions at once each time', async () => {
    const over = await admittedNode();
    for (let i = 0; i < 30; i++) {
      over.ask('extend', `t${i}`);
      await turn();
      // Under the script that grants, the first time; then under the other one.
      if (i === 0) await over.connection.answer(NOSCRIPT);
      await over.connection.answer(NOSCRIPT);
      await over.connection.answer(['extended']);
      await over.clock.advanceAsync(700);
    }
    expect(over.replies).toEqual(Array.from({ length: 30 }, (_, i) => `t${i} extended`));
  });
});

describe('a node whose connection comes and goes', () => {
  it('wakes waiters when it votes again, at once first, and then less and less often', async () => {
    const { connection, clock, voting } = await admittedNode();
    await clock.advanceAsync(60_000);
    const before = voting();
    const woken: number[] = [];
    for (let i = 0; i < 40; i++) {
      await connection.down();
      await connection.up();
      woken.push(voting() - before);
      await clock.advanceAsync(50);
    }
    expect(woken[0]).toBe(1);
    expect(voting() - before).toBeLessThan(10);
    await clock.advanceAsync(2_000);
    expect(voting() - before).toBeLessThan(11);
    expect(voting() - before).toBeGreaterThan(woken.at(-1) ?? 0);
  });

  it('wakes nobody for a vote that is gone again', async () => {
    const { connection, clock, voting } = await admittedNode();
    await connection.down();
    await connection.up();
    const before = voting();
    await connection.down();
    await clock.advanceAsync(10_000);
    expect(voting()).toBe(before);
    expect(clock.pending).toBe(0);
  });
});

describe('a server that is a master, and cannot be written to', () => {
  it('is connected to anew less and less often', async () => {
    const over = await admittedNode();
    for (let i = 0; i < 400; i++) {
      over.ask('grant', `t${i}`);
      await answering(over, () => READONLY, 50, 50);
    }
    expect(over.connection.resets.length).toBeLessThan(20);
    expect(over.replies).toHaveLength(400);
  });
});
