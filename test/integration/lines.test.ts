import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { inboxOf } from '../../src/node/inbox.ts';
import { lineOf } from '../../src/node/line.ts';
import type { LockNode, Waiter } from '../../src/node/lock-node.ts';
import { allButGrants } from '../../src/node/redis/scripts/script.ts';
import { createNodes } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { Asker } from '../support/asker.ts';
import { Ear } from '../support/ear.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, WAITING_ACL } from '../support/least-acl.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { tokenOf } from '../support/token.ts';

enforceNoLeaks();

const HOLDER = tokenOf(1, 1);
const FIRST = tokenOf(2, 0);
const SECOND = tokenOf(3, 0);
const KEY = 'k';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

beforeEach(async () => {
  await server.cli('FLUSHALL');
});

/** A node whose user may do everything, or only what these rules say. */
async function nodeAs(rules?: readonly string[]): Promise<Asker> {
  if (rules) await server.cli('ACL', 'SETUSER', 'some', 'reset', 'on', '>secret', ...rules);
  const login = rules ? { username: 'some', password: 'secret' } : {};
  const spec = { host: '127.0.0.1', port: server.port, ...login };
  const node = createNodes([spec], resolveSettings()).all[0] as LockNode;
  onTestFinished(() => node.close(1_000));
  const ask = new Asker(node);
  await ask.inspect(KEY);
  return ask;
}

async function listen({ node }: Asker, waiter: string, key = KEY): Promise<Ear> {
  const ear = new Ear(node, waiter, key);
  await ear.told('live');
  return ear;
}

const waiterOf = (name: string): Waiter => ({ name, key: KEY, since: 0 });

/** What one script calls. */
async function callsOf(act: () => Promise<unknown>): Promise<Record<string, number>> {
  await server.cli('CONFIG', 'RESETSTAT');
  await act();
  const stats = String(await server.cli('INFO', 'commandstats'));
  const counts = Array.from(stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g), ([, name, count]) => [
    name,
    Number(count),
  ]);
  const { evalsha, ...calls } = Object.fromEntries(counts);
  expect(evalsha).toBe(1);
  return calls;
}

describe('a lock that nobody waits for costs the server', () => {
  let ask: Asker;
  beforeEach(async () => {
    ask = await nodeAs();
  });

  it.each([
    ['one command to grant', () => ask.grant(KEY, HOLDER), { set: 1 }],
    ['two to grant with a fencing token', () => ask.grantAbove(0, KEY, HOLDER), { set: 2 }],
    ['two more for each further key', () => ask.grant([KEY, 'l', 'm'], HOLDER), { exists: 1, set: 3 }],
  ])('%s', async (_what, act, calls) => {
    expect(await callsOf(act)).toEqual(calls);
  });

  it('three to release: one of them asks whether somebody waits', async () => {
    await ask.grant(KEY, HOLDER);
    const calls = await callsOf(() => ask.release(KEY, HOLDER));
    expect(calls).toEqual({ getrange: 1, del: 1, exists: 1 });
  });

  it('two to hand it over in one process', async () => {
    await ask.grant(KEY, HOLDER);
    const calls = await callsOf(() => ask.release(KEY, HOLDER, { afterwards: 'hand over' }));
    expect(calls).toEqual({ getrange: 1, del: 1 });
  });

  it('two to release what is another owner’s', async () => {
    await ask.grant(KEY, HOLDER);
    expect(await callsOf(() => ask.release(KEY, 'another'))).toEqual({ getrange: 2 });
  });

  it('three to deny it', async () => {
    await ask.grant(KEY, HOLDER);
    expect(await callsOf(() => ask.grant(KEY, 'another'))).toEqual({ set: 1, getrange: 1, pttl: 1 });
  });
});

const run = (...args: (string | number)[]): Promise<unknown> =>
  server.cli('EVAL', allButGrants.text, 1, KEY, 3_600_000, ...args);

describe('the script for servers in quarantine', () => {
  it('tells the first two in line, and reserves nothing', async () => {
    const ask = await nodeAs();
    const [first, second] = [await listen(ask, FIRST), await listen(ask, SECOND)];
    await ask.grant(KEY, HOLDER);
    await ask.stand(KEY, FIRST, FIRST);
    await ask.stand(KEY, SECOND, SECOND);
    expect(await run('release', 1, HOLDER, 30_000, '')).toEqual([1]);
    await first.told('turn');
    await second.told('next');
    expect(await server.cli('EXISTS', KEY)).toBe(0);
    expect(await server.cli('ZRANGE', lineOf(KEY), 0, -1)).toEqual([inboxOf(SECOND)]);
  });

  it('takes nobody into a line', async () => {
    const stand = ['stand', 1, FIRST, 30_000, '', inboxOf(FIRST), 0, 1, 30_000];
    expect(await run(...stand)).toEqual([new Error('ERR no grant is given by this script')]);
    expect(await server.cli('EXISTS', lineOf(KEY))).toBe(0);
  });
});

/** Names nobody listens to, one of which leads a free key's line. */
async function deadLine(): Promise<void> {
  await server.cli('ZADD', lineOf(KEY), 1, inboxOf(tokenOf(9, 1)), 2, inboxOf(tokenOf(9, 2)));
}

describe('without rights of those who wait', () => {
  const ALL = ['~*', ...LEAST_ACL, ...WAITING_ACL];
  const WITHOUT = [
    '+zadd',
    '+zrange',
    '+zrank',
    '+zrem',
    '+zpopmin',
    '+zcard',
    '+spublish',
    '&quorlock:turn:*',
  ];

  it.each<[string, readonly string[]]>([
    ...WITHOUT.map((rule): [string, readonly string[]] => [
      `without ${rule}`,
      ALL.filter((each) => each !== rule),
    ]),
    ['without any of them', ['~*', ...LEAST_ACL]],
    ['without the keys of lines', ['~k', '~l', '~*:quorlock:fence', ...LEAST_ACL, ...WAITING_ACL]],
  ])('a lock is granted, denied and released as ever: %s', async (_which, rules) => {
    const ask = await nodeAs(rules);
    expect(await ask.stand(KEY, FIRST, FIRST, { hint: 4 })).toEqual({ kind: 'granted', counter: 5 });
    const denied = { kind: 'denied', remaining: expect.any(Number), key: KEY };
    expect(await ask.stand(KEY, SECOND, SECOND)).toMatchObject(denied);
    expect(await ask.grant([KEY, 'l'], SECOND)).toMatchObject(denied);
    const waiter = waiterOf(FIRST);
    expect(await ask.release(KEY, FIRST, { waiter })).toEqual({ kind: 'released' });
    await server.cli('DEL', lineOf(KEY));
    expect(await ask.grant([KEY, 'l'], FIRST)).toEqual({ kind: 'granted' });
    expect(await ask.release([KEY, 'l'], FIRST, { afterwards: 'yield', waiter })).toEqual({
      kind: 'released',
    });
    await server.cli('DEL', lineOf(KEY));
    expect(await ask.grant(KEY, FIRST)).toEqual({ kind: 'granted' });
    expect(await ask.release(KEY, FIRST)).toEqual({ kind: 'released' });
  });

  it.each(['+zrange', '+zpopmin', '+spublish', '&quorlock:turn:*'])(
    'a free key is not kept for a line that this user cannot serve: without %s',
    async (rule) => {
      const ask = await nodeAs(ALL.filter((each) => each !== rule));
      await deadLine();
      expect(await ask.stand(KEY, FIRST, FIRST)).toEqual({ kind: 'granted' });
    },
  );

  it.each(['+spublish', '&quorlock:turn:*'])(
    'a line that this user cannot publish to loses nobody: without %s',
    async (rule) => {
      const ask = await nodeAs(ALL.filter((each) => each !== rule));
      await deadLine();
      await server.cli('ZADD', lineOf(KEY), 'XX', '1800000000000005', inboxOf(tokenOf(9, 1)));
      const line = await server.cli('ZRANGE', lineOf(KEY), 0, -1, 'WITHSCORES');
      await ask.grant(KEY, HOLDER);
      expect(await ask.release(KEY, HOLDER)).toEqual({ kind: 'released' });
      expect(await ask.release(KEY, HOLDER)).toEqual({ kind: 'absent' });
      expect(await server.cli('ZRANGE', lineOf(KEY), 0, -1, 'WITHSCORES')).toEqual(line);
    },
  );

  it('the only waiter of a line keeps its place, which expires as it did', async () => {
    const ask = await nodeAs(ALL.filter((each) => each !== '+spublish'));
    await ask.grant(KEY, HOLDER);
    await ask.stand(KEY, FIRST, FIRST);
    await ask.release(KEY, HOLDER);
    expect(await server.cli('ZCARD', lineOf(KEY))).toBe(1);
    expect(await server.cli('PTTL', lineOf(KEY))).toSatisfy((ms: number) => ms > 30_000 && ms <= 60_000);
    await server.cli('ZADD', lineOf(KEY), 'NX', 0, inboxOf(SECOND));
    await server.cli('PEXPIRE', lineOf(KEY), 20_000);
    await ask.release(KEY, HOLDER);
    expect(await server.cli('PTTL', lineOf(KEY))).toBeLessThanOrEqual(20_000);
  });

  it('a place goes by what the waiter was told, and nothing else: without +time', async () => {
    const ask = await nodeAs(ALL.filter((each) => each !== '+time'));
    await ask.grant(KEY, HOLDER);
    const place = async (waiter: string, since: number): Promise<unknown> => {
      const reply = await ask.stand(KEY, waiter, waiter, { since });
      return reply.kind === 'denied' ? reply.place : reply.kind;
    };
    expect(await place(FIRST, 1_234)).toEqual({ position: 0, since: 1_238 });
    expect(await place(SECOND, -5)).toEqual({ position: 0, since: 6 });
    expect(await place(FIRST, 0)).toEqual({ position: 1, since: 1_238 });
  });

  afterEach(async () => {
    await server.cli('ACL', 'DELUSER', 'some');
  });
});
