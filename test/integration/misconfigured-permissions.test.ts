import { NodeMisconfiguredError, Redlock } from 'quorlock';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import {
  expectSpared,
  failureOf,
  failureWith,
  LONG_LOCK,
  reasonOf,
  recovered,
  serversOneFaulty,
} from '../support/faulty-node.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL } from '../support/least-acl.ts';

enforceNoLeaks();

const servers = serversOneFaulty();

const spec = (database = ''): string => `redis://quorlock:secret@127.0.0.1:${servers.faulty.port}${database}`;
const allow = (...rules: readonly string[]): Promise<unknown> =>
  servers.faulty.cli('ACL', 'SETUSER', 'quorlock', 'reset', 'on', '>secret', ...rules);
const commands = LEAST_ACL.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1));

/** Where scripts are there already, a user needs to load none until somebody takes them away. */
const caches = {
  'without scripts': () => servers.faulty.cli('SCRIPT', 'FLUSH'),
  'with the scripts that another user has loaded': async () => {
    await using redlock = new Redlock([servers.faulty.url], LONG_LOCK);
    await recovered(redlock);
  },
};

it.each(
  commands.flatMap((command) =>
    Object.entries(caches).map(([cache, prepare]) => [command, cache, prepare] as const),
  ),
)(
  'a server that forbids %s gets no grant, and is named with the command: %s',
  async (command, _cache, prepare) => {
    await prepare();
    await allow('~*', ...LEAST_ACL, `-${command}`);
    const error = await failureWith(spec(), servers.healthy[0]);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(error.votes[0]?.node).toBe(`127.0.0.1:${servers.faulty.port}`);
    expect(reasonOf(error.votes[0])).toMatch(/^unusable: /);
    expect(reasonOf(error.votes[0])?.toLowerCase()).toContain(command);
    await expectSpared(spec(), servers.healthy);
    await expectNoKeys([servers.faulty]);
  },
);

it.each(commands)('a server that allows %s after all votes again', async (command) => {
  await allow('~*', ...LEAST_ACL, `-${command}`);
  await using redlock = new Redlock([spec()], LONG_LOCK);
  await failureOf(redlock, ['a', 'b']);
  await allow('~*', ...LEAST_ACL);
  await recovered(redlock);
});

it('a server that forbids several commands is named with all of them', async () => {
  await caches['with the scripts that another user has loaded']();
  await allow('~*', ...LEAST_ACL, '-del', '-pttl', '-time', '-script|load');
  const error = await failureWith(spec(), servers.healthy[0]);
  expect(reasonOf(error.votes[0])).toBe('unusable: NOPERM the user may not run DEL, PTTL, SCRIPT|LOAD, TIME');
  await expectNoKeys([servers.faulty]);
});

it.each([
  ['locks:', ['~locks:*'], '"{locks:r}:quorlock:fence": allow ~{locks:*}:quorlock:fence'],
  ['', ['~r'], '"{r}:quorlock:fence": allow ~*:quorlock:fence'],
  ['locks:', ['~{locks:*}:quorlock:fence'], '"locks:r": allow ~locks:*'],
  ['locks:', ['~other'], '"locks:r", "{locks:r}:quorlock:fence": allow ~locks:* ~{locks:*}:quorlock:fence'],
])(
  'a key outside of the allowed pattern is named, with the pattern that it needs: %j %j',
  async (keyPrefix, patterns, named) => {
    await allow(...patterns, ...LEAST_ACL);
    await using redlock = new Redlock([spec()], { ...LONG_LOCK, keyPrefix });
    const error = await failureOf(redlock);
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(reasonOf(error.votes[0])).toBe(`unusable: NOPERM the user may not read and write ${named}`);
  },
);

it('a server that forbids SELECT gets no grant on database 0 instead', async () => {
  await allow('~*', ...LEAST_ACL);
  const before = await servers.faulty.info('cmdstat_evalsha');
  const error = await failureWith(spec('/1'), servers.healthy[0]);
  expect(error).toBeInstanceOf(NodeMisconfiguredError);
  expect(reasonOf(error.votes[0])).toMatch(/^unusable: .*select/);
  expect(await servers.faulty.info('cmdstat_evalsha')).toBe(before);
});

it('a key outside of the allowed pattern costs the vote for that key only', async () => {
  await allow('~lock:*', '~{lock:*', ...LEAST_ACL);
  await using redlock = new Redlock([spec()], LONG_LOCK);
  await recoveredFor(redlock, 'lock:0');
  const [allowed, forbidden, also] = await Promise.allSettled([
    redlock.tryAcquire('lock:1'),
    failureOf(redlock, 'other'),
    redlock.tryAcquire('lock:2'),
  ]);
  expect(forbidden.status === 'fulfilled' && forbidden.value).toBeInstanceOf(NodeMisconfiguredError);
  for (const outcome of [allowed, also]) {
    const lock = outcome.status === 'fulfilled' ? outcome.value : null;
    expect(await lock?.release()).toMatchObject({ outcome: 'released' });
  }
});

it('a server that forbids the counters, and TIME, gets no grant with a token, but others', async () => {
  await allow('~r', ...LEAST_ACL, '-time');
  await using redlock = new Redlock([spec()], LONG_LOCK);
  expect(await failureOf(redlock)).toBeInstanceOf(NodeMisconfiguredError);
  const lock = await redlock.acquire('r', { fencing: false, acquireTimeout: 0 });
  await lock.extend();
  expect(await lock.release()).toMatchObject({ outcome: 'released' });
});

it.each(['%R~*', '%W~*'])('a server that gives only %s gets no grant', async (pattern) => {
  await allow(pattern, ...LEAST_ACL);
  const error = await failureWith(spec(), servers.healthy[0]);
  expect(error).toBeInstanceOf(NodeMisconfiguredError);
  expect(reasonOf(error.votes[0])).toContain('may not read and write "r"');
});

function recoveredFor(redlock: Redlock, resource: string): Promise<true> {
  return eventually(async () => {
    const lock = await redlock.tryAcquire(resource);
    await lock?.release();
    return lock ? true : undefined;
  });
}

it('a key that only another one’s rights would do for costs the vote for that key only', async () => {
  const withoutKeys = ['-@all', '+evalsha', '+script|load', '+script|exists', '+info', '~*'];
  await allow(...withoutKeys, '(+@all ~lock:* ~{lock:* &*)');
  await using redlock = new Redlock([spec()], { ...LONG_LOCK, fencing: false });
  await recoveredFor(redlock, 'lock:0');
  const held = await redlock.acquire('lock:1', { acquireTimeout: 0 });
  const [both, forbidden, released] = await Promise.all([
    redlock.tryAcquire(['lock:2', 'lock:3']),
    failureOf(redlock, 'other'),
    held.release(),
  ]);
  expect(forbidden).toBeInstanceOf(NodeMisconfiguredError);
  expect(released).toMatchObject({ outcome: 'released' });
  expect(await both?.release()).toMatchObject({ outcome: 'released' });
});
