import { beforeAll, expect, it, onTestFinished } from 'vitest';
import type { LockNode, Waiter } from '../../src/node/lock-node.ts';
import { createNodes } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { Asker } from '../support/asker.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, NAMING_ACL, SPARING_ACL, WAITING_ACL } from '../support/least-acl.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { tokenOf } from '../support/token.ts';

enforceNoLeaks();

const LARGE = 16_000_000;
const TIMES = 20;
/** To copy 16 MB takes some ms, and a whole script on small values some 50 µs. */
const AS_LITTLE = 10;
/** More than scripts use by themselves, and much less than one copy. */
const SPARE_BYTES = 4_000_000;

const waiter: Waiter = { name: tokenOf(2, 0), key: 'k', since: 5 };

const operations: Record<string, (ask: Asker) => Promise<unknown>> = {
  'a grant that is denied': (ask) => ask.grantAbove(0, 'k', 'owner'),
  'a grant for several keys that is denied': (ask) => ask.grantAbove(0, ['free', 'k'], 'owner'),
  'an extension of a key that was taken': (ask) => ask.extend('k', 'owner'),
  'an extension of several keys': (ask) => ask.extend(['free', 'k'], 'owner'),
  'a confirmation': (ask) => ask.confirm('k', 'owner', 5),
  'a release': (ask) => ask.release('k', 'owner'),
  'a release of several keys': (ask) => ask.release(['free', 'k'], 'owner'),
  'an inspection': (ask) => ask.inspect('k'),
  'a grant to somebody who waits': (ask) => ask.stand('k', 'owner', waiter.name, { since: waiter.since }),
  'a release by somebody who goes on waiting': (ask) =>
    ask.release('k', 'owner', { afterwards: 'yield', waiter }),
  'a release by somebody who waits no more': (ask) => ask.release('k', 'owner', { waiter }),
};

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
  return () => server.stop();
});

function asker(user?: string): Asker {
  const spec = {
    port: server.port,
    host: '127.0.0.1',
    ...(user ? { username: user, password: 'secret' } : {}),
  };
  const node = createNodes([spec], resolveSettings()).all[0] as LockNode;
  onTestFinished(() => node.close(1_000));
  return new Asker(node);
}

/** What an operation costs the server in the middle of some, in µs, and what its scripts hold on to, in bytes. */
async function costOf(
  ask: Asker,
  operation: (ask: Asker) => Promise<unknown>,
): Promise<{ µs: number; bytes: number }> {
  const costs: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    await server.cli('CONFIG', 'RESETSTAT');
    await operation(ask);
    costs.push(Number(/usec=(\d+)/.exec((await server.info('cmdstat_evalsha')) ?? '')?.[1]));
  }
  costs.sort((a, b) => a - b);
  return { µs: costs[TIMES / 2] as number, bytes: Number(await server.info('used_memory_vm_eval')) };
}

/** A value of so many NULs, which nobody has to send. */
async function put(bytes: number): Promise<void> {
  await server.cli('SET', 'k', '');
  if (bytes > 0) await server.cli('SETRANGE', 'k', bytes - 1, '\0');
}

it.each(Object.keys(operations))('%s costs a large foreign value no more than a small one', async (name) => {
  const operation = operations[name] as (ask: Asker) => Promise<unknown>;
  const ask = asker();
  await ask.inspect('k');
  await put(10);
  await operation(ask);
  const small = await costOf(ask, operation);
  const saidOfSmall = kindOf(await operation(ask));
  await put(LARGE);
  await operation(ask);
  const large = await costOf(ask, operation);
  expect(large.µs).toBeLessThan(small.µs * AS_LITTLE);
  expect(large.bytes).toBeLessThan(small.bytes + SPARE_BYTES);
  expect(kindOf(await operation(ask))).toBe(saidOfSmall);
  expect(await server.cli('STRLEN', 'k')).toBe(LARGE);
  await server.cli('DEL', 'k');
});

it('an inspection shows the beginning of a large value', async () => {
  const ask = asker();
  await put(LARGE);
  const seen = {
    kind: 'held',
    remaining: Number.POSITIVE_INFINITY,
    ownerToken: '\0'.repeat(256),
    foreign: 'value',
  };
  expect(await ask.inspect('k')).toEqual(seen);
  await server.cli('DEL', 'k');
});

it('a user without GETRANGE gets the same answers, and nothing else is asked of the server', async () => {
  const rules = [...LEAST_ACL, ...WAITING_ACL, ...NAMING_ACL];
  await server.cli('ACL', 'SETUSER', 'plain', 'reset', 'on', '>secret', '~*', ...rules);
  const ask = asker('plain');
  expect(SPARING_ACL).toEqual(['+getrange']);
  for (const bytes of [0, 10, 300]) {
    await put(bytes);
    const answers = async (by: Asker): Promise<unknown[]> => {
      const all: unknown[] = [];
      for (const operation of Object.values(operations)) all.push(await operation(by));
      return all;
    };
    const said = await answers(ask);
    expect(said.map(kindOf)).toEqual([
      'denied',
      'denied',
      'taken',
      'taken',
      'absent',
      'absent',
      'absent',
      'held',
      'denied',
      'absent',
      'absent',
    ]);
    if (bytes < 300) expect(said).toEqual(await answers(asker()));
    await server.cli('DEL', 'k');
  }
  expect(await ask.grant('k', 'owner')).toEqual({ kind: 'granted' });
  expect(await ask.release('k', 'owner')).toEqual({ kind: 'released' });
  expect(await server.cli('ACL', 'LOG')).toEqual([]);
});

function kindOf(reply: unknown): string {
  return (reply as { kind: string }).kind;
}
