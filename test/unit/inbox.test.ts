import slotOf from 'cluster-key-slot';
import { describe, expect, it } from 'vitest';
import { tagged } from '../../src/node/hash-tag.ts';
import { inboxOf, TURN } from '../../src/node/inbox.ts';
import { ownerOf } from '../../src/node/owner.ts';

const UNTAGGED = ['r', 'lock:r', 'with space', 'ü', 'a:b:c', '0', 'a{b'];
const TAGGED = ['{r}', '{r}:x', 'x:{r}', 'x{r}y{z}', '{ü}', '{{r}', '{a{b}'];

describe('a key with a hash tag', () => {
  it.each(TAGGED)('is %s itself, if it has one', (key) => {
    expect(tagged(key)).toBe(key);
  });

  it.each(UNTAGGED)('is %s in braces, if it has none', (key) => {
    expect(tagged(key)).toBe(`{${key}}`);
  });

  it.each(['{}', '{', 'x{}y', '{}{r}'])(
    'is %s in braces: what is in its own is empty, or never ends',
    (key) => {
      expect(tagged(key)).toBe(`{${key}}`);
    },
  );
});

describe('the inbox of a waiter', () => {
  it('is one for all keys on a single server', () => {
    expect(inboxOf('w')).toBe('quorlock:turn:w');
  });

  it('is one for each hash tag on a Redis Cluster', () => {
    expect(inboxOf('w', 'r')).toBe('quorlock:turn:{r}:w');
    expect(inboxOf('w', 'x:{r}:y')).toBe('quorlock:turn:{r}:w');
    expect(inboxOf('w', 's')).toBe('quorlock:turn:{s}:w');
  });

  it.each([...UNTAGGED, ...TAGGED])('for %s is in the hash slot of that', (key) => {
    expect(slotOf(inboxOf('w', key))).toBe(slotOf(key));
  });

  it('begins with what tells it from the token of an owner', () => {
    for (const inbox of [inboxOf('w'), inboxOf('w', 'r')]) expect(inbox.startsWith(TURN)).toBe(true);
  });
});

describe('the name of an owner', () => {
  it('is the first 16 digits of its token, which leaves 96 secret bits', () => {
    expect(ownerOf('f7c3bc1d808e04732adf679965ccc34ca7ae3441')).toBe('f7c3bc1d808e0473');
    expect(ownerOf('f7c3bc1d808e04732adf679965ccc34ca7ae3441@label')).toBe('f7c3bc1d808e0473');
  });
});
