import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { defaultLabel, Redlock } from '../../src/index.ts';
import {
  isOwnerToken,
  isTombstone,
  isTombstoneOwner,
  labelOf,
  ownerOf,
  tombstoneOf,
} from '../../src/node/owner.ts';
import { createMemoryNodes } from '../../src/testing.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

describe('a label', () => {
  it('ends the owner token, behind its random part', async () => {
    const { redlock } = memoryRedlock(3, { label: 'api/1' });
    const lock = await redlock.acquire('r');
    expect(lock.ownerToken).toMatch(/^[0-9a-f]{40}@api\/1$/);
    const other = await redlock.acquire('s', { label: 'cron' });
    expect(labelOf(other.ownerToken)).toBe('cron');
  });

  it('says who holds a lock, and since when', async () => {
    const { redlock, clock, another } = memoryRedlock(3, { label: 'api/1' });
    const lock = await redlock.acquire('r');
    const since = new Date(clock.now());
    clock.advance(500);
    expect(await another().inspect('r')).toMatchObject({
      state: 'held',
      owner: { token: lock.ownerToken, label: 'api/1', since },
      fencingToken: lock.fencingToken,
    });
  });

  it('is not needed', async () => {
    const { redlock } = memoryRedlock(3);
    const lock = await redlock.acquire('r', { fencing: false });
    expect(lock.ownerToken).toMatch(/^[0-9a-f]{40}$/);
    const { owner, ...inspection } = await redlock.inspect('r');
    expect(owner).toEqual({ id: lock.ownerToken.slice(0, 16), token: lock.ownerToken });
    expect(inspection).not.toHaveProperty('fencingToken');
  });

  it.each([[''], ['a b'], ['ä'], ['w'.repeat(65)], ['a\n']])('cannot be %j', (label) => {
    expect(() => new Redlock(createMemoryNodes(3), { label })).toThrow(
      /^label must be 1 to 64 printable ASCII characters without spaces, not /,
    );
  });

  it.each([[7], [null], [{}]])('cannot be %j', (label) => {
    expect(() => new Redlock(createMemoryNodes(3), { label: label as never })).toThrow(TypeError);
  });

  it('of a process names its host and its number', () => {
    const label = defaultLabel();
    expect(label).toMatch(/^[!-~]{1,64}$/);
    expect(label.endsWith(`/${process.pid}`)).toBe(true);
    expect(
      hostname()
        .replace(/[^!-~]/g, '?')
        .startsWith(label.slice(0, label.lastIndexOf('/'))),
    ).toBe(true);
  });
});

describe('a tombstone', () => {
  it.each([[undefined], ['ops']])(
    'has the form of an owner token, and is known as nobody’s (%j)',
    (label) => {
      const tombstone = tombstoneOf(label);
      expect(isOwnerToken(tombstone)).toBe(true);
      expect(isTombstone(tombstone)).toBe(true);
      expect(isTombstoneOwner(ownerOf(tombstone))).toBe(true);
      expect(labelOf(tombstone)).toBe(label);
    },
  );

  it.each(['ab'.repeat(20), '0'.repeat(39) + 1, '', '0', 'value', '0'.repeat(16), `${'0'.repeat(40)}x`])(
    'is not %j',
    (token) => {
      expect(isTombstone(token)).toBe(false);
    },
  );
});
