import { describe, expect, it } from 'vitest';
import { type Lock, LockLostError, Redlock, type RedlockOptions } from '../../src/index.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';

const TTL = 3_000;

/** One process that holds a lock, and another that takes it away. */
async function held(n = 3, options: RedlockOptions = {}) {
  const world = memoryRedlock(n, { ttl: TTL, label: 'api/1', ...options });
  const lock = await world.redlock.acquire('r', { autoExtend: true });
  return { ...world, lock, operator: world.another({ ttl: TTL, label: 'alice' }) };
}

/** When the holder's signal aborts, in ms from now. */
async function lostAfter(lock: Lock, clock: ManualClock): Promise<number> {
  const start = clock.now();
  while (lock.state === 'held') await clock.advanceAsync(10);
  return clock.now() - start;
}

describe('a revoked lock', () => {
  it('is lost within a third of its ttl, because it was taken', async () => {
    const { lock, clock, operator } = await held();
    await clock.advanceAsync(500);
    expect(await operator.revoke('r')).toMatchObject({
      outcome: 'revoked',
      owner: { token: lock.ownerToken, label: 'api/1' },
      votes: [{ kind: 'granted' }, { kind: 'granted' }, { kind: 'granted' }],
    });
    expect(lock.state).toBe('held');
    expect(await lostAfter(lock, clock)).toBeLessThanOrEqual(TTL / 3);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    expect(lock.signal.reason).toMatchObject({
      reason: 'taken',
      votes: [{ isRevoked: true }, { isRevoked: true }, {}],
    });
    expect(lock.signal.reason.message).toContain('memory-1 has a revoked lock');
  });

  it('is nobody’s until it would have ended, and then the next waiter’s', async () => {
    const { lock, clock, operator, another } = await held();
    const end = clock.now() + lock.remaining();
    const next = another().acquire('r', { acquireTimeout: Number.POSITIVE_INFINITY });
    await clock.advanceAsync(300);
    const { remaining } = await operator.revoke('r');
    expect(clock.now() + remaining).toBeGreaterThanOrEqual(end);
    await clock.advanceAsync(end - clock.now());
    expect(await peek(next)).toBe('pending');
    await clock.advanceAsync(200);
    expect((await next).state).toBe('held');
  });

  it('is known as revoked, and by whom', async () => {
    const { operator, another } = await held();
    await operator.revoke('r');
    expect(await operator.inspect('r')).toMatchObject({ state: 'revoked', revokedBy: 'alice' });
    expect(await another().tryAcquire('r')).toBeNull();
    const error = await rejectionOf(another().acquire('r', { acquireTimeout: 0 }));
    expect(error).toMatchObject({
      code: 'RESOURCE_HELD',
      message: expect.stringContaining('a revoked lock'),
    });
  });

  it('is revoked once', async () => {
    const { operator, another, clock } = await held();
    const { remaining } = await operator.revoke('r');
    await clock.advanceAsync(100);
    const again = await another({ label: 'bob' }).revoke('r');
    expect(again).toMatchObject({ outcome: 'revoked', remaining: remaining - 100 });
    expect(again).not.toHaveProperty('owner');
    expect(await operator.inspect('r')).toMatchObject({ revokedBy: 'alice' });
  });

  it('of several resources is lost as a whole', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire(['a', 'b'], { autoExtend: true });
    await another().revoke('b');
    expect(await lostAfter(lock, clock)).toBeLessThanOrEqual(TTL / 3);
    expect(await another().inspect('a')).toMatchObject({ state: 'free' });
  });

  it('that is not extended is held to its end', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { ttl: TTL });
    const lock = await redlock.acquire('r');
    await another().revoke('r');
    await clock.advanceAsync(lock.remaining() - 2);
    expect(lock.state).toBe('held');
    await clock.advanceAsync(2);
    expect(lock.signal.reason).toMatchObject({ reason: 'expired' });
  });

  it('gives its holder back nothing: a release leaves the tombstones', async () => {
    const { lock, operator } = await held();
    await operator.revoke('r');
    expect(await lock.release()).toMatchObject({ outcome: 'expired' });
    expect(await operator.inspect('r')).toMatchObject({ state: 'revoked' });
  });
});

describe('nodes that cannot be asked', () => {
  it('do not keep a lock from being revoked, when the others get a tombstone before its holder repairs them', async () => {
    const { nodes, redlock, another, clock } = memoryRedlock(5, { ttl: TTL });
    for (const node of nodes.slice(3)) node.fail();
    const lock = await redlock.acquire('r', { autoExtend: true });
    for (const node of nodes.slice(3)) node.heal();
    nodes[0]?.fail();
    expect(await another().revoke('r')).toMatchObject({
      outcome: 'revoked',
      votes: [{ kind: 'unreachable' }, ...[1, 2, 3, 4].map(() => ({ kind: 'granted' }))],
    });
    nodes[0]?.heal();
    expect(await lostAfter(lock, clock)).toBeLessThanOrEqual(TTL);
    expect(lock.signal.reason).toMatchObject({ reason: 'taken' });
  });

  it('make it unconfirmed when too many of them may have the lock', async () => {
    const { nodes, lock, operator } = await held();
    for (const node of nodes.slice(1)) node.fail();
    expect(await operator.revoke('r')).toMatchObject({
      outcome: 'unconfirmed',
      votes: [{ kind: 'granted' }, { kind: 'unreachable' }, { kind: 'unreachable' }],
    });
    expect(lock.state).toBe('held');
  });
});

describe('a resource', () => {
  it('that nobody holds cannot be revoked, and stays free', async () => {
    const { redlock, keys } = memoryRedlock(3);
    expect(await redlock.revoke('r')).toEqual({
      outcome: 'free',
      remaining: 0,
      votes: [1, 2, 3].map((n) => ({ node: `memory-${n}`, kind: 'denied', remaining: 0 })),
    });
    expect(keys()).toEqual([[], [], []]);
  });

  it('whose key is no lock is left alone', async () => {
    const nodes = scriptedNodes(3, {
      revoke: { kind: 'refused', remaining: Number.POSITIVE_INFINITY, foreign: 'value' },
    });
    const redlock = new Redlock(nodes, { clock: new ManualClock() });
    expect(await redlock.revoke('r')).toMatchObject({ outcome: 'refused', remaining: 0 });
    expect(counts(nodes, 'revoke')).toEqual([1, 1, 1]);
  });

  it('is asked for once more only where it may be repaired', async () => {
    const nodes = scriptedNodes(5, { revoke: { kind: 'absent' } });
    const [first, second] = nodes;
    if (first) first.atOnce.revoke = { kind: 'revoked', remaining: 700.5, ownerToken: 'x' };
    if (second) second.atOnce.revoke = unreachable();
    const redlock = new Redlock(nodes, { clock: new ManualClock() });
    expect(await redlock.revoke('r')).toMatchObject({ outcome: 'unconfirmed', owner: { token: 'x' } });
    expect(nodes[2]?.of('revoke').map(({ ttl }) => ttl)).toEqual([0, 701]);
  });

  it.each([[''], [7], [['r']]])('cannot be %j', async (resource) => {
    const nodes = scriptedNodes(3);
    const redlock = new Redlock(nodes, { clock: new ManualClock() });
    expect(await rejectionOf(redlock.revoke(resource as string))).toBeInstanceOf(TypeError);
    expect(nodes.flatMap(({ requests }) => requests)).toEqual([]);
  });
});
