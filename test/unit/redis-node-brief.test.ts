import { describe, expect, it } from 'vitest';
import type { GrantReply, GrantRequest, ReleaseReply, ReleaseRequest } from '../../src/node/lock-node.ts';
import { FakeConnection, infoOf, type NodeOver, nodeOver, RETENTION } from '../support/fake-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
import { tokenOf } from '../support/token.ts';

const AN_HOUR = 3_600_000;

/** In µs: what a server says, and what a hint of that time is. */
const NOW = 1_764_000_000_000_000;

const grantOf = (key: string, more: Partial<GrantRequest> = {}): GrantRequest => ({
  keys: [key],
  ownerToken: `token of ${key}`,
  ttl: 1_000,
  hint: NOW,
  wanted: () => true,
  ...more,
});

const releaseOf = (key: string, more: Partial<ReleaseRequest> = {}): ReleaseRequest => ({
  keys: [key],
  ownerToken: `token of ${key}`,
  afterwards: 'serve',
  reservation: 30,
  longestTtl: 1_000,
  ...more,
});

interface Over extends NodeOver {
  readonly grants: GrantReply[];
  readonly releases: ReleaseReply[];
  readonly grant: (key: string, more?: Partial<GrantRequest>) => void;
  readonly release: (key: string, more?: Partial<ReleaseRequest>) => void;
  /** The arguments of the commands sent so far. */
  readonly args: () => (readonly (string | number)[])[];
}

/** A node whose user has all permissions. */
async function over({
  permits = true,
  info = {},
}: {
  permits?: boolean;
  info?: Record<string, string>;
} = {}): Promise<Over> {
  const connection = new FakeConnection();
  connection.permits = permits;
  connection.info_ = [infoOf({ server_time_usec: String(NOW), ...info })];
  const node = nodeOver({ connection, clock: new ManualClock(1_000) });
  await connection.up();
  const grants: GrantReply[] = [];
  const releases: ReleaseReply[] = [];
  return {
    ...node,
    grants,
    releases,
    grant: (key, more) => node.node.grant(grantOf(key, more), (reply) => grants.push(reply)),
    release: (key, more) => node.node.release(releaseOf(key, more), (reply) => releases.push(reply)),
    args: () => connection.commands.map(({ args }) => args),
  };
}

describe('a brief command', () => {
  it('carries the grants of one tick with their counters', async () => {
    const { grant, connection } = await over();
    grant('a');
    grant('b', { hint: NOW + 5, ttl: 2_000 });
    await turn();
    expect(connection.commands).toMatchObject([
      {
        keys: ['a', '{a}:quorlock:fence', 'b', '{b}:quorlock:fence'],
        args: ['fenced', RETENTION, 'token of a', 1_000, NOW + 1, 'token of b', 2_000, NOW + 6],
      },
    ]);
  });

  it('carries grants without counters', async () => {
    const { grant, connection } = await over();
    grant('a', { hint: undefined });
    await turn();
    expect(connection.commands).toMatchObject([
      { keys: ['a'], args: ['plain', RETENTION, 'token of a', 1_000] },
    ]);
  });

  it('carries releases that reserve keys for equally long', async () => {
    const { release, args } = await over();
    release('a');
    release('b', { reservation: 40 });
    release('c');
    await turn();
    expect(args()).toEqual([
      ['release', 30, 'token of a', 'token of c'],
      ['release', 40, 'token of b'],
    ]);
  });

  it('is answered by a number when everything was done just as asked', async () => {
    const { grant, release, connection, grants, releases } = await over();
    grant('a');
    grant('b');
    await turn();
    await connection.answer(2);
    release('a');
    await turn();
    await connection.answer(1);
    expect(grants).toEqual([
      { kind: 'granted', counter: NOW + 1 },
      { kind: 'granted', counter: NOW + 1 },
    ]);
    expect(releases).toEqual([{ kind: 'released' }]);
  });

  it('is answered one by one otherwise', async () => {
    const { grant, connection, grants } = await over();
    for (const key of ['a', 'b', 'c', 'd']) grant(key);
    await turn();
    await connection.answer([
      1,
      ['denied', 7, '0123456789abcdef', 1],
      ['granted', String(NOW + 9)],
      new Error('OOM command not allowed'),
    ]);
    expect(grants).toMatchObject([
      { kind: 'granted', counter: NOW + 1 },
      { kind: 'denied', remaining: 7, key: 'b', owner: '0123456789abcdef' },
      { kind: 'granted', counter: NOW + 9 },
      { kind: 'unreachable', maybeExecuted: true },
    ]);
  });

  it.each([3, 0, [1], 'OK'])('is of unknown outcome if the answer is %j to two', async (answer) => {
    const { grant, connection, grants } = await over();
    grant('a');
    grant('b');
    await turn();
    await connection.answer(answer);
    expect(grants).toMatchObject([
      { kind: 'unreachable', maybeExecuted: true },
      { kind: 'unreachable', maybeExecuted: true },
    ]);
  });

  it('is not sent for several keys, for waiters, or for what a holder extends', async () => {
    const { node, grant, release, args } = await over();
    const waiter = { name: tokenOf(1, 1), key: 'b', since: 0 };
    grant('a', { keys: ['a', 'c'] });
    grant('b', { waiter });
    release('d', { waiter: { ...waiter, key: 'd' } });
    node.extend({ keys: ['e'], ownerToken: 'e', ttl: 5, wanted: () => true }, () => {});
    await turn();
    expect(args().map(([first]) => first)).toEqual([RETENTION]);
  });

  it('and a general one keep the order of what concerns one key', async () => {
    const { grant, release, node, connection } = await over();
    grant('a', { ownerToken: '1' });
    release('b', { ownerToken: '2' });
    grant('c', { ownerToken: '3' });
    grant('b', { ownerToken: '4' });
    node.extend({ keys: ['d'], ownerToken: '5', ttl: 5, wanted: () => true }, () => {});
    release('d', { ownerToken: '6' });
    release('a', { ownerToken: '7' });
    await turn();
    expect(connection.sent.slice(-5)).toEqual([
      'grant 1, grant 3',
      'release 2',
      'grant 4',
      'extend 5',
      'release 6, release 7',
    ]);
  });

  it('carries no hand-over, nor what follows on its keys: both leave in one general command', async () => {
    const { grant, release, connection } = await over();
    grant('x', { ownerToken: '1' });
    release('a', { ownerToken: '2', afterwards: 'hand over' });
    grant('y', { ownerToken: '3' });
    grant('a', { ownerToken: '4' });
    await turn();
    expect(connection.sent.slice(-2)).toEqual(['grant 1, grant 3', 'release 2, grant 4']);
  });
});

describe('general commands are sent', () => {
  it('to a user without all permissions', async () => {
    const { grant, release, args } = await over({ permits: false });
    grant('a');
    release('b');
    await turn();
    expect(args().map(([first]) => first)).toEqual([RETENTION]);
  });

  it('after the user was refused something, until the server is looked at again', async () => {
    const { grant, connection, args } = await over();
    grant('a');
    await turn();
    await connection.answer([new Error("NOPERM this user has no permissions to run the 'set' command")]);
    grant('a');
    await turn();
    expect(args().map(([first]) => first)).toEqual(['fenced', RETENTION]);
    await connection.down();
    await connection.up();
    grant('a');
    await turn();
    expect(args().at(-1)?.[0]).toBe('fenced');
  });

  it('to a server that does not tell its time', async () => {
    const { grant, args } = await over({ info: { server_time_usec: '' } });
    grant('a');
    await turn();
    expect(args().map(([first]) => first)).toEqual([RETENTION]);
  });

  it('for a hint that is almost an hour ahead of the clock of the server, which goes on', async () => {
    const { grant, args, clock } = await over();
    const ahead = { hint: NOW + AN_HOUR * 1_000 - 59_000_000 };
    grant('a', ahead);
    await turn();
    clock.jump(2_000);
    grant('b', ahead);
    await turn();
    expect(args().map(([first]) => first)).toEqual([RETENTION, 'fenced']);
  });
});

describe('permissions', () => {
  it('are asked for with keys that are like all others, and never locked', async () => {
    const connection = new FakeConnection();
    const asked: unknown[] = [];
    connection.onPermits = (args) => asked.push(args);
    const { connection: same } = nodeOver({ connection });
    await same.up();
    expect(asked).toEqual([['permits', 'sample', '{sample}:quorlock:fence']]);
  });
});
