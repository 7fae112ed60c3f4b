import { describe, expect, it } from 'vitest';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { Servers } from '../../src/node/redis/servers.ts';
import { FakeConnection, infoOf, type NodeOver, nodeOver } from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';

/** The reply to a grant that is asked for now, if there is one in the next turn. */
async function grantNow({ node }: NodeOver): Promise<GrantReply | undefined> {
  let reply: GrantReply | undefined;
  node.grant({ keys: ['k'], ownerToken: 't', ttl: 1_000, wanted: () => true }, (answer) => {
    reply = answer;
  });
  await turn();
  return reply;
}

describe('the first contact with a server', () => {
  it('looks at it before anything is asked of it', async () => {
    const { connection, ask, replies } = nodeOver();
    ask('grant', 't1');
    await connection.up();
    expect(connection.sent).toEqual(['info', 'exists', 'load gate', 'load grants', 'grant t1']);
    await connection.answer(['granted']);
    expect(replies).toEqual(['t1 granted']);
  });

  it('is waited for, in order', async () => {
    const { connection, ask } = nodeOver();
    ask('grant', 't1');
    await turn();
    ask('grant', 't2');
    ask('release', 't3');
    await connection.up();
    expect(connection.sent.slice(4).join(', ')).toMatch(/grant t1, grant t2, release t3$/);
  });

  it('sends no grant that nobody waits for any more', async () => {
    const { connection, ask, replies } = nodeOver();
    let wanted = true;
    ask('grant', 't1', () => wanted);
    ask('grant', 't2');
    wanted = false;
    await connection.up();
    expect(connection.sent.slice(4)).toEqual(['grant t2']);
    expect(replies).toEqual(['t1 unreachable']);
  });

  it('is said to be possible until connectTimeout', async () => {
    const { node, connection } = nodeOver();
    expect(node.firstContactUntil()).toBe(3_000);
    await connection.up();
    expect(node.firstContactUntil()).toBe(Number.NEGATIVE_INFINITY);
  });

  it('is given up after connectTimeout', async () => {
    const { node, connection, clock, ask, replies } = nodeOver();
    ask('grant', 't1');
    await clock.advanceAsync(1_999);
    expect(replies).toEqual([]);
    await clock.advanceAsync(1);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.resets).toEqual([new Error('no contact within 2000 ms')]);
    expect(node.firstContactUntil()).toBe(Number.NEGATIVE_INFINITY);
  });

  it('is not given up by an event loop that was blocked while it was made', async () => {
    const { connection, clock, ask, replies } = nodeOver();
    ask('grant', 't1');
    clock.jump(2_100);
    clock.advance(0);
    await connection.up();
    await connection.answer(['granted']);
    clock.advance(10_000);
    expect(replies).toEqual(['t1 granted']);
    expect(connection.resets).toEqual([]);
  });

  it('is given up by an event loop that was blocked as soon as it has read', async () => {
    const { connection, clock, ask, replies } = nodeOver();
    ask('grant', 't1');
    await turn();
    clock.jump(2_100);
    clock.advance(1);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.resets).toHaveLength(1);
  });

  it('leaves no timer when it is closed while a blocked event loop reads', async () => {
    const { node, clock } = nodeOver();
    clock.jump(2_100);
    clock.advance(0);
    await node.close(100);
    expect(clock.pending).toBe(0);
  });

  it('fails at once when the connection cannot be made', async () => {
    const over = nodeOver();
    over.ask('grant', 't1');
    await over.connection.down(new Error('connect ECONNREFUSED'));
    expect(over.replies).toEqual(['t1 unreachable']);
    expect(await grantNow(over)).toEqual({
      kind: 'unreachable',
      cause: new Error('connect ECONNREFUSED'),
      maybeExecuted: false,
    });
  });

  it('can come late', async () => {
    const { connection, clock, ask, replies } = nodeOver();
    await clock.advanceAsync(10_000);
    await connection.down();
    await connection.up();
    ask('grant', 't1');
    await turn();
    await connection.answer(['granted']);
    expect(replies).toEqual(['t1 granted']);
  });

  it('with a server that does not answer INFO is given up too', async () => {
    const { connection, clock, ask, replies } = nodeOver();
    connection.info_ = 'hold';
    ask('grant', 't1');
    await connection.up();
    await clock.advanceAsync(2_000);
    expect(connection.sent).toEqual(['info']);
    expect(replies).toEqual(['t1 unreachable']);
    expect(connection.resets).not.toEqual([]);
  });
});

describe('a server that is known to be down', () => {
  it('leaves the event loop its turns, however often a caller tries', async () => {
    const over = nodeOver();
    await over.connection.down(new Error('connect ECONNREFUSED'));
    let turns = 0;
    const count = (): void => {
      turns++;
      if (turns < 100) setImmediate(count);
    };
    setImmediate(count);
    for (let attempts = 0; attempts < 100; attempts++) {
      await new Promise<GrantReply>((resolve) => {
        over.node.grant({ keys: ['k'], ownerToken: 't', ttl: 1_000, wanted: () => true }, resolve);
      });
    }
    expect(turns).toBeGreaterThanOrEqual(99);
  });

  it('is not asked', async () => {
    const over = nodeOver();
    await over.connection.down(new Error('gone'));
    const release: unknown[] = [];
    const request = {
      keys: ['k'],
      ownerToken: 't',
      afterwards: 'serve',
      reservation: 30,
      longestTtl: 60_000,
    } as const;
    over.node.release(request, (reply) => release.push(reply));
    over.node.inspect('k', (reply) => release.push(reply));
    expect(await grantNow(over)).toMatchObject({ kind: 'unreachable', maybeExecuted: false });
    expect(release).toMatchObject([{ kind: 'unreachable' }, { kind: 'unreachable' }]);
    await turn();
    expect(over.connection.sent).toEqual([]);
  });
});

describe('a server that is still reading its data', () => {
  it.each([
    ['by its INFO', [infoOf({ loading: '1' })]],
    ['by an error', new Error('LOADING Redis is loading the dataset in memory')],
  ])('(%s) is unreachable until it has', async (_how, info) => {
    const over = nodeOver();
    over.connection.info_ = info;
    over.ask('grant', 't1');
    await over.connection.up();
    expect(over.replies).toEqual(['t1 unreachable']);
    expect(await grantNow(over)).toMatchObject({ cause: { message: expect.stringMatching(/^LOADING/) } });
    over.connection.info_ = [infoOf()];
    await over.clock.advanceAsync(250);
    expect(await grantNow(over)).toBeUndefined();
  });
});

describe('a server that is not fit to hold locks', () => {
  const unfit: [string, readonly string[] | Error, string][] = [
    ['is a replica', [infoOf({ role: 'slave' })], 'role is slave'],
    ['is too old', [infoOf({ redis_version: '6.2.14' })], 'version 6.2.14 is older than 7.0'],
    ['does not say its version', [infoOf({ redis_version: '' })], 'older than 7.0'],
    ['evicts', [infoOf({ maxmemory: '1000', maxmemory_policy: 'allkeys-lru' })], 'allkeys-lru would evict'],
    ['is one of several', [infoOf(), infoOf({ run_id: 'run-2', role: 'slave' })], 'role is slave'],
    ['forbids INFO', new Error("NOPERM this user has no permissions to run the 'info' command"), 'info'],
    ['wants a password', new Error('NOAUTH Authentication required.'), 'NOAUTH'],
  ];
  it.each(unfit)('because it %s gets no grant', async (_what, info, why) => {
    const over = nodeOver();
    over.connection.info_ = info;
    over.ask('grant', 't1');
    await over.connection.up();
    expect(over.replies).toEqual(['t1 unusable']);
    expect(await grantNow(over)).toEqual({ kind: 'unusable', why: expect.stringContaining(why) });
    await turn();
    expect(over.connection.commands).toEqual([]);
  });

  it.each(unfit)('because it %s is looked at again, and may be fit then', async (_what, info) => {
    const over = nodeOver();
    over.connection.info_ = info;
    await over.connection.up();
    const { length } = over.connection.sent;
    await over.clock.advanceAsync(249);
    expect(over.connection.sent).toHaveLength(length);
    over.connection.info_ = [infoOf()];
    await over.clock.advanceAsync(1);
    over.ask('grant', 't1');
    await turn();
    await over.connection.answer(['granted']);
    expect(over.replies).toEqual(['t1 granted']);
  });

  it.each(unfit)('because it %s answers a release in some way', async (_what, info) => {
    const { connection, ask, replies } = nodeOver();
    connection.info_ = info;
    await connection.up();
    ask('release', 't1');
    await turn();
    for (const command of connection.commands) command.reply?.(null, ['absent']);
    expect(replies).toHaveLength(1);
  });

  it('because of its password is known by the error of the connection', async () => {
    const over = nodeOver();
    await over.connection.down(new Error('WRONGPASS invalid username-password pair'));
    expect(await grantNow(over)).toEqual({
      kind: 'unusable',
      why: 'WRONGPASS invalid username-password pair',
    });
  });

  it('because scripts must not be loaded', async () => {
    const over = nodeOver();
    over.connection.load_ = new Error("NOPERM this user has no permissions to run the 'script|load' command");
    await over.connection.up();
    expect(await grantNow(over)).toEqual({ kind: 'unusable', why: expect.stringContaining('script|load') });
  });
});

describe('what no waiting cures', () => {
  const evicting = infoOf({ maxmemory: '1', maxmemory_policy: 'allkeys-lru' });
  const WRONGPASS = new Error('WRONGPASS invalid username-password pair');

  it('is permanent once a second check has found it', async () => {
    const over = nodeOver();
    over.connection.info_ = [evicting];
    await over.connection.up();
    expect(await grantNow(over)).toEqual({ kind: 'unusable', why: expect.stringContaining('allkeys-lru') });
    await over.clock.advanceAsync(250);
    expect(await grantNow(over)).toMatchObject({ kind: 'unusable', isPermanent: true });
  });

  it('is not permanent for the second grant that meets one check', async () => {
    const over = nodeOver();
    over.connection.info_ = [evicting];
    await over.connection.up();
    await grantNow(over);
    await over.clock.advanceAsync(249);
    expect(await grantNow(over)).not.toHaveProperty('isPermanent');
  });

  it('is not permanent when a check in between found the node fit', async () => {
    const over = nodeOver();
    over.connection.info_ = [evicting];
    await over.connection.up();
    over.connection.info_ = [infoOf()];
    await over.clock.advanceAsync(250);
    await over.connection.down();
    over.connection.info_ = [evicting];
    await over.connection.up();
    expect(await grantNow(over)).toEqual({ kind: 'unusable', why: expect.stringContaining('allkeys-lru') });
  });

  it('is not what a replica is, however often it is looked at', async () => {
    const over = nodeOver();
    over.connection.info_ = [infoOf({ role: 'slave' })];
    await over.connection.up();
    await over.clock.advanceAsync(1_000);
    expect(await grantNow(over)).not.toHaveProperty('isPermanent');
  });

  it('is a wrong password that a second connection is refused for, not one that is told twice', async () => {
    const over = nodeOver();
    await over.connection.down(WRONGPASS);
    await over.connection.down(WRONGPASS);
    expect(await grantNow(over)).toEqual({ kind: 'unusable', why: WRONGPASS.message });
    await over.clock.advanceAsync(200);
    await over.connection.down(WRONGPASS);
    expect(await grantNow(over)).toEqual({ kind: 'unusable', why: WRONGPASS.message, isPermanent: true });
  });

  it('is told to a request that has been waiting for the first contact only when it is certain', async () => {
    const { connection, node } = nodeOver();
    const replies: unknown[] = [];
    node.grant({ keys: ['k'], ownerToken: 't', ttl: 1_000, wanted: () => true }, (reply) =>
      replies.push(reply),
    );
    await turn();
    await connection.down(WRONGPASS);
    expect(replies).toEqual([{ kind: 'unusable', why: WRONGPASS.message }]);
  });

  it('is a refusal that a second grant of the same keys gets a moment later', async () => {
    const over = nodeOver();
    await over.connection.up();
    const refused = async (): Promise<GrantReply | undefined> => {
      let reply: GrantReply | undefined;
      over.node.grant({ keys: ['k'], ownerToken: 't', ttl: 1_000, wanted: () => true }, (answer) => {
        reply = answer;
      });
      await turn();
      await over.connection.answer([new Error('NOPERM the user may not run DEL')]);
      return reply;
    };
    expect(await refused()).toEqual({ kind: 'unusable', why: 'NOPERM the user may not run DEL' });
    over.clock.advance(124);
    expect(await refused()).not.toHaveProperty('isPermanent');
    over.clock.advance(1);
    expect(await refused()).toMatchObject({ isPermanent: true });
  });
});

describe('one server behind two addresses', () => {
  it('votes once', async () => {
    const servers = new Servers();
    const first = nodeOver({ servers });
    const second = nodeOver({ servers, connection: new FakeConnection('b:6379') });
    await first.connection.up();
    await second.connection.up();
    expect(await grantNow(first)).toBeUndefined();
    expect(await grantNow(second)).toEqual({ kind: 'unusable', why: 'it is the same server as a:6379' });
  });

  it('is what a cluster can share a master with', async () => {
    const servers = new Servers();
    const first = nodeOver({ servers });
    const second = nodeOver({ servers, connection: new FakeConnection('cluster') });
    second.connection.info_ = [infoOf({ run_id: 'run-2' }), infoOf()];
    await first.connection.up();
    await second.connection.up();
    expect(await grantNow(second)).toMatchObject({ why: 'it is the same server as a:6379' });
  });

  it('cannot be recognised by servers that do not tell who they are, which get nothing', async () => {
    const over = nodeOver();
    over.connection.info_ = [infoOf({ run_id: '' })];
    await over.connection.up();
    expect(await grantNow(over)).toMatchObject({ why: expect.stringContaining('run_id') });
  });

  it('is free for the other address once the first leads elsewhere', async () => {
    const servers = new Servers();
    const first = nodeOver({ servers });
    const second = nodeOver({ servers, connection: new FakeConnection('b:6379') });
    await first.connection.up();
    await second.connection.up();
    await first.connection.down();
    first.connection.info_ = [infoOf({ run_id: 'run-2' })];
    await first.connection.up();
    await second.clock.advanceAsync(250);
    expect(await grantNow(second)).toBeUndefined();
  });
});
