import { describe, expect, it } from 'vitest';
import { forbidden, isAboutKeys } from '../../src/node/redis/forbidden-keys.ts';

describe('an error of a server', () => {
  it.each([
    ['NOPERM this user has no permissions to access one of the keys used as arguments', true],
    ['NOPERM No permissions to access a key', true],
    ["NOPERM this user has no permissions to run the 'evalsha' command", false],
    ['NOPERM this user has no permissions to access one of the channels used as arguments', false],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', false],
  ])('%s: is it about keys? %s', (message, expected) => {
    expect(isAboutKeys(new Error(message))).toBe(expected);
  });
});

describe('keys that a user may not touch', () => {
  const all = { keys: true, counters: true };

  it.each([
    ['x', '', '"x", "{x}:quorlock:fence": allow ~* ~*:quorlock:fence'],
    ['locks:x', 'locks:', '"locks:x", "{locks:x}:quorlock:fence": allow ~locks:* ~{locks:*}:quorlock:fence'],
    ['{locks}:x', '{locks}:', '"{locks}:x", "{locks}:x:quorlock:fence": allow ~{locks}:*'],
    ['locks:{x}', 'locks:', '"locks:{x}", "locks:{x}:quorlock:fence": allow ~locks:*'],
    [
      'a*[b]?\\x',
      'a*[b]?\\',
      '"a*[b]?\\\\x", "{a*[b]?\\\\x}:quorlock:fence": allow ~a\\*\\[b\\]\\?\\\\* ~{a\\*\\[b\\]\\?\\\\*}:quorlock:fence',
    ],
  ])('are named with the patterns that would allow them: %s with the prefix %j', (key, prefix, named) => {
    expect(forbidden([key], all, prefix).message).toBe(`NOPERM the user may not read and write ${named}`);
  });

  it('are named by the first two of many, and shortened', () => {
    const keys = ['x'.repeat(1_000), 'y', 'z'];
    expect(forbidden(keys, { keys: true, counters: false }, '').message).toBe(
      `NOPERM the user may not read and write "${'x'.repeat(64)}…" (1000 characters), "y", … and 1 more: allow ~*`,
    );
  });
});
