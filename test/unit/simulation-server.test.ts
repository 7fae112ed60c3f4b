import { describe, expect, it } from 'vitest';
import { inboxOf } from '../../src/node/inbox.ts';
import type { Fence } from '../../src/node/memory/memory-store.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { allButGrants, gateScript, grantScript } from '../../src/node/redis/scripts/script.ts';
import { type Exchange, emptyHistory, type Operation, type Vote } from '../support/checker/history.ts';
import { WALL_ORIGIN } from '../support/simulation/process.ts';
import { type Part, Server, type ServerPlan } from '../support/simulation/server.ts';
import { Timeline } from '../support/simulation/timeline.ts';
import { tokenOf } from '../support/token.ts';
import { type Request, wordOf } from '../support/wire-format.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SCRIPT = grantScript('any');

/** A server, asked without a network between. */
class Bench {
  readonly timeline = new Timeline();
  readonly history = emptyHistory(1);
  readonly server: Server;

  constructor(also: Partial<ServerPlan> = {}) {
    const { timeline, history } = this;
    this.server = new Server({
      index: 0,
      timeline,
      history,
      rate: 1,
      origin: 0,
      saveInterval: 0,
      age: 0,
      keys: ['r'],
      ...also,
    });
    this.server.load(SCRIPT.text);
  }

  /** True time goes on. */
  goTo(time: number): this {
    this.timeline.at(time, () => {});
    this.timeline.next();
    return this;
  }

  part(
    operation: Operation,
    token: string,
    ttl = 0,
    keys: readonly string[] = ['r'],
    fence?: Fence,
    also: Partial<Request> = {},
  ): Part {
    const request: Request = {
      operation,
      keys,
      token,
      ttl,
      afterwards: 'serve',
      reservation: 30,
      waiter: undefined,
      fence,
      ...also,
    };
    const exchange: Exchange = {
      client: 0,
      node: 0,
      operation,
      token,
      sentAt: this.timeline.now,
      executedAt: NEVER,
      reply: '',
      answeredAt: NEVER,
      overDead: false,
      torn: false,
      ...(also.waiter ? { waits: true } : {}),
    };
    return { request, exchange };
  }

  /** What the server says to a waiter that asks for the lock, or does not want it any more. */
  askAs(client: number, operation: 'grant' | 'release', also: Partial<Request> = {}): unknown {
    const waiter = { name: tokenOf(client, 0), key: 'r', since: 0 };
    const part = this.part(operation, tokenOf(client, 1), 1_000, ['r'], undefined, { waiter, ...also });
    const exchange = { ...part.exchange, client };
    const replies = this.server.run(SCRIPT.sha, [{ ...part, exchange }], false);
    return replies instanceof Error ? replies : replies[0];
  }

  /** From now on clients hear what they are told. */
  listen(...clients: readonly number[]): string[] {
    const told: string[] = [];
    const inboxes = clients.map((client) => inboxOf(tokenOf(client, 0)));
    this.server.audience.add({
      inboxes,
      published: (inbox, what, key) => {
        const index = inboxes.indexOf(inbox);
        if (index >= 0) told.push(`client ${clients[index]}: ${what} ${key}`);
        return index >= 0;
      },
    });
    return told;
  }

  /** What the server says to one operation. */
  ask(operation: Operation, token: string, ttl = 0, keys?: readonly string[], overDead = false): unknown {
    const replies = this.server.run(SCRIPT.sha, [this.part(operation, token, ttl, keys)], overDead);
    const reply = replies instanceof Error ? replies : replies[0];
    return Array.isArray(reply) ? reply : wordOf(operation, reply);
  }

  get votes(): Partial<Vote>[] {
    return this.history.votes.map(({ key, token, from, until, end }) => ({ key, token, from, until, end }));
  }

  /** The tokens that stand now. */
  get standing(): string[] {
    return this.server.standing().map(({ key, token }) => `${key}: ${token}`);
  }
}

/** One lock that was given back, and one until 1000, of a server that crashed at 100. */
function crashed(): Bench {
  const bench = new Bench();
  bench.ask('grant', 'a', 1_000);
  bench.ask('grant', 'b', 1_000, ['s']);
  bench.goTo(20).ask('release', 'b', 0, ['s']);
  bench.goTo(100).server.crash(true);
  return bench;
}

describe('a simulated server', () => {
  it('answers as the script does', () => {
    const bench = new Bench();
    expect(bench.ask('inspect', '')).toBe('free');
    expect(bench.ask('grant', 'a', 100)).toBe('granted');
    expect(bench.ask('grant', 'b', 100)).toEqual(['denied', 100, 'value', 1]);
    expect(bench.ask('inspect', '')).toEqual(['held', 100, 'a']);
    expect(bench.ask('extend', 'b', 100)).toEqual(['taken', 100, 'value']);
    expect(bench.ask('extend', 'a', 200)).toBe('extended');
    expect(bench.ask('extend', 'a', 200, ['r', 's'])).toBe('missing');
    expect(bench.ask('repair', 'b', 100)).toEqual(['taken', 200, 'value']);
    expect(bench.ask('repair', 'a', 200, ['r', 's'])).toBe('repaired');
    expect(bench.ask('repair', 'a', 200, ['r', 's'])).toBe('extended');
    expect(bench.ask('release', 'b')).toBe('absent');
    expect(bench.ask('release', 'a', 0, ['r', 's'])).toBe('released');
  });

  it('names the owner of a lock that denies a grant, by the hash of its token', () => {
    const bench = new Bench();
    expect(bench.ask('grant', tokenOf(0, 1), 100)).toBe('granted');
    expect(bench.ask('grant', 'b', 100)).toEqual(['denied', 100, ownerOf(tokenOf(0, 1)), 1]);
  });

  it('runs a batch in order, each operation with its own keys', () => {
    const bench = new Bench();
    const batch = [
      bench.part('grant', 'a', 100, ['r', 's']),
      bench.part('grant', 'b', 100, ['s']),
      bench.part('release', 'a', 0, ['r', 's']),
      bench.part('grant', 'b', 100, ['s']),
    ];
    expect(bench.server.run(SCRIPT.sha, batch, false)).toEqual([1, ['denied', 100, 'value', 1], 1, 1]);
    expect(bench.standing).toEqual(['s: b']);
  });

  it('writes down what it has done, and when', () => {
    const bench = new Bench().goTo(7);
    const part = bench.part('grant', 'a', 100);
    bench.server.run(SCRIPT.sha, [part], true);
    expect(part.exchange).toMatchObject({ executedAt: 7, reply: 'granted', overDead: true, torn: false });
  });

  it('writes down each vote, and what became of it', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.goTo(50).ask('extend', 'a', 100);
    bench.goTo(60).ask('release', 'a');
    bench.goTo(70).ask('grant', 'b', 20);
    bench.goTo(95).ask('grant', 'c', 100);
    expect(bench.votes).toEqual([
      { key: 'r', token: 'a', from: 0, until: 60, end: 'deleted' },
      { key: 'r', token: 'b', from: 70, until: 90, end: 'expired' },
      { key: 'r', token: 'c', from: 95, until: 195, end: 'expired' },
    ]);
    expect(bench.history.votes.map(({ endedBy }) => endedBy)).toEqual(['a', undefined, undefined]);
  });

  it('writes down a vote for each key', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100, ['r', 's']);
    expect(bench.standing).toEqual(['r: a', 's: a']);
  });

  it('writes down that a vote was set, or raised, over a dead connection', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100, ['r'], true);
    bench.ask('grant', 'b', 100, ['s']);
    bench.goTo(10).ask('extend', 'b', 100, ['s'], true);
    expect(bench.history.votes).toMatchObject([
      { token: 'a', overDead: true, raisedOverDead: false },
      { token: 'b', overDead: false, raisedOverDead: true },
    ]);
  });

  it('writes down that a repair has set a vote', () => {
    const bench = new Bench();
    bench.ask('repair', 'a', 100);
    expect(bench.history.votes).toMatchObject([{ token: 'a', by: 'repair' }]);
  });

  it('never lowers an expiry', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.ask('extend', 'a', 50);
    expect(bench.votes).toMatchObject([{ until: 100 }]);
  });
});

describe('the clock of a simulated server', () => {
  it.each([
    // It shows whole milliseconds, so a key set at 10.7 is one of 10.
    [{ origin: 0.7 }, 100, 99.3],
    [{ origin: 0 }, 100, 100],
    // 100 ms of a clock that is twice as fast.
    [{ rate: 2 }, 100, 50],
    [{ rate: 0.5, origin: 12_345 }, 100, 200],
  ])('lets keys expire in its own whole milliseconds (%o)', (clock, ttl, until) => {
    const bench = new Bench(clock);
    bench.ask('grant', 'a', ttl);
    expect(bench.history.votes[0]?.until).toBeCloseTo(until, 6);
    expect(bench.goTo(until - 0.001).ask('grant', 'b', ttl)).toEqual(['denied', 1, 'value', 1]);
    expect(bench.goTo(until + 0.001).ask('grant', 'b', ttl)).toBe('granted');
  });

  it('ends votes early when it jumps forward', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.ask('grant', 'b', 500, ['s']);
    bench.goTo(10);
    bench.server.jump(200);
    expect(bench.votes).toEqual([
      { key: 'r', token: 'a', from: 0, until: 10, end: 'early' },
      { key: 's', token: 'b', from: 0, until: 300, end: 'early' },
    ]);
    expect(bench.standing).toEqual(['s: b']);
    expect(bench.ask('grant', 'c', 100)).toBe('granted');
    expect(bench.goTo(299).ask('inspect', '', 0, ['s'])).toEqual(['held', 1, 'b']);
    expect(bench.goTo(300).ask('inspect', '', 0, ['s'])).toBe('free');
  });

  it('makes good for a jump when a vote is raised beyond what it had promised', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.server.jump(10);
    bench.goTo(50).ask('extend', 'a', 100);
    expect(bench.votes).toEqual([{ key: 'r', token: 'a', from: 0, until: 150, end: 'expired' }]);
  });

  it('does not make good for a jump by raising a vote to less than it had promised', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.server.jump(90);
    bench.goTo(5).ask('extend', 'a', 50);
    expect(bench.votes).toEqual([{ key: 'r', token: 'a', from: 0, until: 55, end: 'early' }]);
  });

  it('keeps votes for longer when it jumps back', () => {
    const bench = new Bench({ rate: 2 });
    bench.ask('grant', 'a', 100);
    bench.goTo(10);
    bench.server.jump(-60);
    expect(bench.votes).toEqual([{ key: 'r', token: 'a', from: 0, until: 80, end: 'expired' }]);
    expect(bench.goTo(79).ask('inspect', '')).toEqual(['held', 2, 'a']);
    expect(bench.goTo(80).ask('inspect', '')).toBe('free');
  });

  it('does not bring back what has expired when it jumps back', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.goTo(110).ask('inspect', '');
    bench.server.jump(-60);
    expect(bench.ask('inspect', '')).toBe('free');
    expect(bench.votes).toMatchObject([{ until: 100, end: 'expired' }]);
  });
});

describe('a simulated server that is paused', () => {
  it('runs what has arrived in order when it is resumed', () => {
    const { server } = new Bench();
    const ran: string[] = [];
    server.pause();
    for (const name of ['a', 'b']) server.receive(() => ran.push(name));
    expect(ran).toEqual([]);
    server.resume();
    expect(ran).toEqual(['a', 'b']);
    server.receive(() => ran.push('c'));
    expect(ran).toEqual(['a', 'b', 'c']);
  });

  it('forgets what nobody has read when it crashes', () => {
    const { server } = new Bench();
    server.pause();
    server.receive(() => expect.unreachable());
    server.crash(true);
    server.resume();
    expect(server.state).toBe('down');
    server.restart('kept');
    server.resume();
  });

  it('lets keys expire all the same', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.server.pause();
    bench.goTo(100).server.resume();
    expect(bench.ask('inspect', '')).toBe('free');
  });

  it('cannot be paused while it is down', () => {
    const { server } = new Bench();
    server.crash(false);
    server.pause();
    expect(server.state).toBe('down');
    expect(server.refuses).toBe(false);
  });
});

describe('a simulated server that has crashed', () => {
  it('has all its keys again if it kept its memory', () => {
    const bench = crashed();
    bench.goTo(200).server.restart('kept');
    bench.server.load(SCRIPT.text);
    expect(bench.standing).toEqual(['r: a']);
    expect(bench.ask('inspect', '')).toEqual(['held', 800, 'a']);
  });

  it('lets keys expire while it is down', () => {
    const bench = crashed();
    bench.goTo(1_000).server.restart('kept');
    bench.server.load(SCRIPT.text);
    expect(bench.ask('inspect', '')).toBe('free');
  });

  it('has no keys if it lost its memory', () => {
    const bench = crashed();
    bench.goTo(200).server.restart('lost');
    bench.server.load(SCRIPT.text);
    expect(bench.ask('inspect', '')).toBe('free');
    expect(bench.votes).toMatchObject([
      { token: 'a', until: 200, end: 'forgotten' },
      { token: 'b', until: 20, end: 'deleted' },
    ]);
  });

  it('has the keys of its last snapshot that are not due if its memory is stale', () => {
    const bench = new Bench({ saveInterval: 15 });
    bench.ask('grant', 'a', 1_000, ['r']);
    bench.ask('grant', 'b', 150, ['s']);
    // Here it takes the snapshot, of those two.
    bench.goTo(20).ask('inspect', '');
    bench.goTo(25).ask('release', 'a', 0, ['r']);
    bench.ask('grant', 'c', 1_000, ['t']);
    bench.goTo(100).server.crash(true);
    bench.goTo(200).server.restart('stale');
    bench.server.load(SCRIPT.text);
    expect(bench.standing).toEqual(['r: a']);
    expect(bench.ask('inspect', '', 0, ['r'])).toEqual(['held', 800, 'a']);
    expect(bench.ask('inspect', '', 0, ['s'])).toBe('free');
    expect(bench.ask('inspect', '', 0, ['t'])).toBe('free');
    expect(bench.history.votes).toMatchObject([
      { token: 'a', from: 0, until: 25, end: 'deleted', by: 'grant' },
      { token: 'b', from: 0, until: 150, end: 'expired', by: 'grant' },
      { token: 'c', from: 25, until: 200, end: 'forgotten', by: 'grant' },
      { token: 'a', from: 200, until: 1_000, end: 'expired', by: 'restored' },
    ]);
  });

  it('keeps a snapshot no longer than its interval', () => {
    const bench = new Bench({ saveInterval: 15 });
    bench.ask('grant', 'a', 1_000);
    bench.goTo(15).ask('inspect', '');
    bench.server.crash(true);
    bench.server.restart('stale');
    expect(bench.standing).toEqual(['r: a']);
  });

  it('loses its scripts', () => {
    const bench = crashed();
    bench.server.restart('kept');
    expect(bench.ask('grant', 'c', 100)).toBe('NOSCRIPT No matching script.');
    bench.server.load(SCRIPT.text);
    expect(bench.ask('grant', 'c', 100, ['t'])).toBe('granted');
  });

  it.each(['kept', 'stale', 'lost', 'promoted'] as const)(
    'lacks its scripts when it is there again (%s)',
    (memory) => {
      const bench = new Bench();
      bench.server.crash(true);
      bench.server.restart(memory);
      expect(bench.server.hasScripts([SCRIPT.sha])).toEqual([false]);
    },
  );

  it('has its scripts, but not its locks, when it was demoted and is promoted again', () => {
    const bench = new Bench({ saveInterval: 1_000 });
    bench.ask('inspect', '');
    bench.ask('grant', 'a', 5_000);
    bench.goTo(10).server.crash(true);
    bench.server.restart('promoted again');
    expect(bench.server.hasScripts([SCRIPT.sha])).toEqual([true]);
    expect(bench.standing).toEqual([]);
    expect(bench.server.info()).toMatch(
      /run_id:run-0.1\r\n[^]*master_replid:0.2\r\n[^]*second_repl_offset:1\r\n/,
    );
  });

  it('says how old it is in whole seconds: since its start, or as a replica since long ago', () => {
    const bench = new Bench({ age: 600_000 });
    const uptime = (): string | undefined => /uptime_in_seconds:(\d+)/.exec(bench.server.info())?.[1];
    expect(uptime()).toBe('600');
    bench.goTo(100).server.crash(true);
    bench.server.restart('lost');
    bench.goTo(2_050);
    expect(uptime()).toBe('2');
    bench.server.crash(true);
    bench.server.restart('promoted');
    expect(uptime()).toBe('602');
    bench.server.crash(true);
    bench.server.restart('another');
    expect(uptime()).toBe('3');
  });

  it('has the counters of its snapshot, as it has the locks', () => {
    const bench = new Bench({ saveInterval: 100 });
    const fence = { value: 41, retention: 10_000 };
    const granted = (token: string): unknown =>
      bench.server.run(SCRIPT.sha, [bench.part('grant', token, 1, ['r'], fence)], false);
    expect(granted('a')).toEqual([1]);
    bench.goTo(200).ask('inspect', '');
    bench.goTo(210);
    expect(granted('b')).toEqual([['granted', 43]]);
    bench.goTo(220).server.crash(true);
    bench.server.restart('stale');
    bench.server.load(SCRIPT.text);
    expect(granted('c')).toEqual([['granted', 43]]);
  });

  it('seems to be new while it is young and has no gate', () => {
    const bench = new Bench();
    expect(bench.server.isBlank(1_000)).toBe(true);
    bench.server.load(gateScript('run-0.1 0.1').text);
    expect(bench.server.isBlank(1_000)).toBe(false);
    expect(bench.server.wasAdmitted).toBe(true);
    bench.server.flushScripts();
    expect(bench.server.isBlank(1_000)).toBe(true);
    bench.goTo(1_000);
    expect(bench.server.isBlank(1_000)).toBe(false);
  });

  it('sets nothing that is missing under the script that grants nothing', () => {
    const bench = new Bench();
    bench.server.load(allButGrants.text);
    const repaired = (keys: readonly string[]): unknown =>
      bench.server.run(allButGrants.sha, [bench.part('repair', 'a', 100, keys)], false);
    bench.ask('grant', 'a', 50);
    expect(repaired(['r'])).toEqual([1]);
    expect(repaired(['r', 's'])).toEqual(['missing']);
    expect(bench.standing).toEqual(['r: a']);
  });

  it('is another run, by its INFO too', () => {
    const bench = new Bench();
    const before = bench.server.info();
    bench.server.crash(true);
    bench.server.restart('kept');
    expect(bench.server.starts).toBe(2);
    expect(before).toContain('run_id:run-0.1\r\n');
    expect(bench.server.info()).toContain('run_id:run-0.2\r\n');
  });

  it('is not restarted when it is up', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.server.restart('lost');
    expect(bench.server.starts).toBe(1);
    expect(bench.standing).toEqual(['r: a']);
  });
});

describe('a simulated server', () => {
  it('forgets everything when told so', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100, ['r', 's']);
    bench.goTo(10).server.forget();
    expect(bench.ask('grant', 'b', 100)).toBe('granted');
    expect(bench.votes).toEqual([
      { key: 'r', token: 'a', from: 0, until: 10, end: 'forgotten' },
      { key: 's', token: 'a', from: 0, until: 10, end: 'forgotten' },
      { key: 'r', token: 'b', from: 10, until: 110, end: 'expired' },
    ]);
  });

  it('has not forgotten what had expired before', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.goTo(150).server.forget();
    expect(bench.votes).toMatchObject([{ until: 100, end: 'expired' }]);
  });

  it('drops one vote early', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100, ['r', 's']);
    bench.goTo(10).server.drop(3);
    expect(bench.standing).toEqual(['r: a']);
    expect(bench.votes[1]).toEqual({ key: 's', token: 'a', from: 0, until: 10, end: 'early' });
    expect(bench.ask('inspect', '', 0, ['s'])).toBe('free');
  });

  it('drops nothing where nothing stands', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 100);
    bench.goTo(150).server.drop(0);
    new Bench().server.drop(0);
    expect(bench.votes).toMatchObject([{ until: 100, end: 'expired' }]);
  });

  it('answers everything with its error as long as it fails, and does nothing', () => {
    const bench = new Bench();
    bench.server.failing = 'BUSY Redis is busy running a script.';
    expect(bench.ask('grant', 'a', 100)).toBe('BUSY Redis is busy running a script.');
    expect(bench.history.votes).toEqual([]);
    bench.server.failing = undefined;
    expect(bench.ask('grant', 'a', 100)).toBe('granted');
  });

  it('says in its INFO that it is loading, if it is', () => {
    const { server } = new Bench();
    expect(server.info()).toContain('loading:0\r\n');
    server.failing = 'LOADING Redis is loading the dataset in memory';
    expect(server.info()).toContain('loading:1\r\n');
    server.failing = 'OOM command not allowed';
    expect(server.info()).toContain('loading:0\r\n');
  });

  it('knows no script after they were flushed', () => {
    const { server, ...bench } = new Bench();
    server.flushScripts();
    expect(server.run(SCRIPT.sha, [], false)).toEqual(new Error('NOSCRIPT No matching script.'));
    server.load('return 1');
    expect(server.run(SCRIPT.sha, [], false)).toBeInstanceOf(Error);
    server.load(SCRIPT.text);
    expect(server.run(SCRIPT.sha, [], false)).toEqual([]);
    expect(bench.history.votes).toEqual([]);
  });
});

describe('the lines of a simulated server', () => {
  const SINCE = String(1_000 * WALL_ORIGIN);

  it('have those who wait, and get them their turns, in order', () => {
    const bench = new Bench();
    const told = bench.listen(1, 2);
    bench.ask('grant', 'a', 1_000);
    expect(bench.askAs(1, 'grant')).toEqual(['denied', 1_000, 'value', 1, 0, SINCE]);
    expect(bench.goTo(1).askAs(2, 'grant')).toEqual([
      'denied',
      999,
      'value',
      1,
      1,
      String(1_000 * (WALL_ORIGIN + 1)),
    ]);
    bench.goTo(10).ask('release', 'a');
    expect(told).toEqual(['client 1: turn r', 'client 2: next r']);
    expect(bench.ask('grant', 'b', 100)).toEqual(['denied', 30, 'turn', 1]);
    expect(bench.goTo(12).askAs(1, 'grant')).toBe(1);
    expect(bench.history.entries).toMatchObject([
      { client: 1, node: 0, key: 'r', from: 0, until: 10, end: 'served', isStray: false },
      { client: 2, from: 1, until: NEVER, end: 'stands' },
    ]);
    expect(bench.history.reservations).toEqual([
      { node: 0, key: 'r', client: 1, from: 10, until: 12, end: 'taken' },
    ]);
  });

  it('say what has become of a turn', () => {
    const bench = new Bench();
    bench.listen(1, 2, 3);
    bench.ask('grant', 'a', 1_000);
    for (const client of [1, 2, 3]) bench.goTo(client).askAs(client, 'grant');
    bench.goTo(10).ask('release', 'a');
    bench.goTo(20).askAs(1, 'release');
    bench.goTo(51).askAs(3, 'grant');
    bench.goTo(60).server.forget();
    expect(
      bench.history.reservations.map(({ client, from, until, end }) => [client, from, until, end]),
    ).toEqual([
      [1, 10, 20, 'given back'],
      [2, 20, 50, 'expired'],
    ]);
  });

  it('say how each has left', () => {
    const bench = new Bench();
    bench.listen(1);
    bench.ask('grant', 'a', 1_000);
    for (const client of [1, 2, 3, 4]) bench.goTo(client).askAs(client, 'grant');
    bench.goTo(10).askAs(1, 'release');
    bench.goTo(20).askAs(1, 'grant');
    // Nobody hears for the second.
    bench.goTo(30).askAs(3, 'release');
    bench.ask('release', 'a');
    bench.goTo(90).server.forget();
    const ends = bench.history.entries.map(({ client, from, until, end }) => [client, from, until, end]);
    expect(ends).toEqual([
      [1, 1, 10, 'left'],
      [2, 2, 30, 'unheard'],
      [3, 3, 30, 'left'],
      [4, 4, 30, 'unheard'],
      [1, 20, 30, 'served'],
    ]);
  });

  it('take whoever stands over a dead connection for nobody', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 1_000);
    const waiter = { name: tokenOf(1, 0), key: 'r', since: 0 };
    bench.server.run(SCRIPT.sha, [bench.part('grant', 'b', 100, ['r'], undefined, { waiter })], true);
    expect(bench.history.entries).toMatchObject([{ client: 1, isStray: true }]);
  });

  it('serve in quarantine too, and keep nothing', () => {
    const bench = new Bench();
    const told = bench.listen(1);
    bench.server.load(allButGrants.text);
    bench.ask('grant', 'a', 1_000);
    bench.askAs(1, 'grant');
    bench.server.run(allButGrants.sha, [bench.part('release', 'a')], false);
    expect(told).toEqual(['client 1: turn r']);
    expect(bench.history.reservations).toEqual([]);
    expect(bench.ask('grant', 'b', 100)).toBe('granted');
  });

  it('are in snapshots, as what they were', () => {
    const bench = new Bench({ saveInterval: 15 });
    bench.ask('grant', 'a', 1_000);
    bench.askAs(1, 'grant');
    bench.goTo(20).ask('inspect', '');
    bench.goTo(30).askAs(2, 'grant');
    bench.server.crash(true);
    bench.server.restart('stale');
    expect(bench.history.entries).toMatchObject([
      { client: 1, from: 0, until: 30, end: 'forgotten', since: Number(SINCE) },
      { client: 2, from: 30, until: 30, end: 'forgotten' },
      { client: 1, from: 30, until: NEVER, isStray: true, since: Number(SINCE) },
    ]);
  });

  it('keep a key for as long as the one before whom it is kept needs', () => {
    const bench = new Bench();
    bench.listen(1);
    bench.ask('grant', 'a', 1_000);
    bench.askAs(1, 'grant');
    bench.goTo(5).askAs(1, 'grant', { reservation: 100 });
    expect(bench.history.entries).toMatchObject([{ client: 1, from: 0, since: Number(SINCE) + 2 }]);
    bench.goTo(10).ask('release', 'a');
    expect(bench.history.reservations).toMatchObject([{ client: 1, from: 10, until: 130 }]);
  });

  it('have nobody any more who is the next, and does not hear it', () => {
    const bench = new Bench();
    const told = bench.listen(1, 3);
    bench.ask('grant', 'a', 1_000);
    for (const client of [1, 2, 3]) bench.goTo(client).askAs(client, 'grant');
    bench.goTo(10).ask('release', 'a');
    expect(told).toEqual(['client 1: turn r', 'client 3: next r']);
    expect(bench.history.entries).toMatchObject([
      { client: 1, until: 10, end: 'served' },
      { client: 2, until: 10, end: 'unheard' },
      { client: 3, end: 'stands' },
    ]);
  });

  it('are in snapshots with what those need who wait, and nobody is told that they are restored', () => {
    const bench = new Bench();
    bench.ask('grant', 'a', 1_000);
    bench.askAs(1, 'grant', { reservation: 500 });
    bench.goTo(1).askAs(2, 'grant');
    bench.ask('inspect', '');
    bench.server.crash(true);
    bench.server.restart('stale');
    const told = bench.listen(1, 2);
    bench.server.load(SCRIPT.text);
    bench.goTo(10).ask('release', 'a');
    expect(told).toEqual(['client 1: turn r', 'client 2: next r']);
    expect(bench.history.reservations).toMatchObject([{ client: 1, from: 10, until: 970 }]);
  });

  it('are crowded without a word, and by as many as it takes', () => {
    const bench = new Bench();
    const told = bench.listen(1);
    bench.ask('grant', 'a', 1_000);
    bench.askAs(1, 'grant');
    bench.goTo(10).server.crowd(5, 'unheard');
    expect(told).toEqual([]);
    expect(bench.history.entries.map(({ end }) => end)).toEqual(Array.from({ length: 6 }, () => 'stands'));
  });

  it('can be crowded, emptied, and belied', () => {
    const bench = new Bench();
    const told = bench.listen(1);
    bench.ask('grant', 'a', 1_000);
    bench.askAs(1, 'grant');
    bench.goTo(10).server.crowd(1, 'unheard');
    bench.goTo(11).server.crowd(1, 'heard');
    bench.goTo(20).ask('release', 'a');
    expect(bench.history.entries.map(({ client, end }) => [client, end])).toEqual([
      [1, 'stands'],
      [-1, 'unheard'],
      [-1, 'served'],
    ]);
    expect(bench.history.reservations).toMatchObject([{ client: -1, from: 20, until: 50 }]);
    expect(told.splice(0)).toContain('client 1: next r');
    bench.server.empty();
    expect(bench.history.entries[0]).toMatchObject({ until: 20, end: 'aged' });
    bench.server.deceive('turn');
    expect(told).toEqual(['client 1: turn r']);
  });

  it('are lost to nobody who listens when the server crashes', () => {
    const bench = new Bench();
    bench.listen(1);
    bench.server.crash(true);
    expect(bench.server.audience.size).toBe(0);
  });
});
