import { describe, expect, it } from 'vitest';
import { counts, lockOver } from '../support/lock-over.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

describe('the fencing token of a lock', () => {
  it('is the number that its nodes agreed on', async () => {
    const { lock } = await lockOver(3);
    expect(lock.fencingToken).toBe(7);
  });

  it('is larger than that of every lock on the resource before', async () => {
    const { redlock, another } = memoryRedlock(3);
    const tokens: number[] = [];
    for (const each of [redlock, another(), redlock, another()]) {
      await using lock = await each.acquire('r');
      tokens.push(lock.fencingToken);
    }
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    expect(new Set(tokens).size).toBe(4);
  });

  it('is larger than those of all of its resources', async () => {
    const { redlock } = memoryRedlock(3);
    const tokens: number[] = [];
    for (const resources of ['r', 's', 's', ['r', 's'], 'r', ['s', 'r']]) {
      await using lock = await redlock.acquire(resources);
      tokens.push(lock.fencingToken);
    }
    const [r1, , s2, both, r2, all] = tokens as [number, number, number, number, number, number];
    expect(both).toBeGreaterThan(Math.max(r1, s2));
    expect(r2).toBeGreaterThan(both);
    expect(all).toBeGreaterThan(r2);
  });

  it('is larger also after nodes that had the last one are gone, and others lag behind', async () => {
    const { redlock, another, nodes } = memoryRedlock(3);
    const [first, , third] = nodes;
    third?.fail();
    const before = await redlock.acquire('r');
    await before.release();
    third?.heal();
    first?.fail();
    const after = await another().acquire('r');
    expect(after.fencingToken).toBeGreaterThan(before.fencingToken);
  });

  it('grows though the wall clock does not', async () => {
    const { redlock, another } = memoryRedlock(3);
    const first = await redlock.acquire('r');
    await first.release();
    const second = await another().acquire('r');
    expect(second.fencingToken).toBe(first.fencingToken + 1);
  });

  it('stays the same while the lock is extended', async () => {
    const { redlock, clock } = memoryRedlock(3);
    const lock = await redlock.acquire('r', { ttl: 1_000 });
    const token = lock.fencingToken;
    clock.advance(300);
    await lock.extend();
    expect(lock.fencingToken).toBe(token);
  });

  it.each(['released', 'lost'])('can be read when the lock is %s', async (how) => {
    const { lock, clock } = await lockOver(3);
    if (how === 'released') await lock.release();
    else clock.advance(2_000);
    expect([lock.state, lock.fencingToken]).toEqual([how, 7]);
  });

  it('is a TypeError without fencing', async () => {
    const { lock } = await lockOver(3, { fencing: false });
    expect(() => lock.fencingToken).toThrow(TypeError);
    expect(() => lock.fencingToken).toThrow('the lock on "r" has no fencing token: fencing is false');
  });

  it('can be switched off for one call', async () => {
    const { redlock } = memoryRedlock(3);
    const plain = await redlock.acquire('r', { fencing: false });
    expect(() => plain.fencingToken).toThrow(TypeError);
    const fenced = await redlock.acquire('s');
    expect(fenced.fencingToken).toBeGreaterThan(0);
  });

  it('can be switched off for all, and on for one call', async () => {
    const { redlock } = memoryRedlock(3, { fencing: false });
    const plain = await redlock.tryAcquire('r');
    expect(() => plain?.fencingToken).toThrow(TypeError);
    const fenced = await redlock.tryAcquire('s', { fencing: true });
    expect(fenced?.fencingToken).toBeGreaterThan(0);
  });

  it('is there in a routine', async () => {
    const { redlock } = memoryRedlock(3);
    expect(await redlock.using('r', (lock) => lock.fencingToken)).toBeGreaterThan(0);
  });

  it('goes with an extension, so that nodes that are repaired are raised to it', async () => {
    const { lock, nodes } = await lockOver(3);
    void lock.extend().catch(() => {});
    expect(nodes.map((node) => node.of('extend')[0]?.fencingToken)).toEqual([7, 7, 7]);
  });

  it('costs no round when the nodes agree', async () => {
    const { nodes } = await lockOver(3);
    expect([counts(nodes, 'grant'), counts(nodes, 'confirm')]).toEqual([
      [1, 1, 1],
      [0, 0, 0],
    ]);
  });
});
