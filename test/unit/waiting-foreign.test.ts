import { describe, expect, it } from 'vitest';
import { LONGEST_FOREIGN_PAUSE } from '../../src/acquire/wake.ts';
import type { Redlock } from '../../src/index.ts';
import type { LockNode } from '../../src/node/lock-node.ts';
import { grantsOn, releasedBy } from '../support/attempts.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek } from '../support/peek.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tokenOf } from '../support/token.ts';

const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };
const BY_HAND = 'by hand';
const OF_QUORLOCK = tokenOf(7, 1);

function set(node: LockNode | undefined, ownerToken: string, ttl = 3_600_000): void {
  node?.grant({ keys: ['r'], ownerToken, ttl, wanted: () => true }, () => {});
}

/** Deletes a key and serves nobody, as another library does. */
function deleteOn(nodes: readonly LockNode[], ownerToken: string): void {
  releasedBy(nodes, 'r', ownerToken, 'hand over');
}

describe('a call behind a lock of another library', () => {
  it.each([1, 2, 3, 5, 7])('on %d nodes gets the lock within the longest pause', async (count) => {
    const { another, nodes, clock } = memoryRedlock(count);
    const random = seededRandom(count);
    for (let i = 0; i < 20; i++) {
      for (const node of nodes) set(node, BY_HAND);
      const call = another().acquire('r', FOREVER);
      await clock.advanceAsync(random.fraction() * 20_000);
      expect(await peek(call)).toBe('pending');
      deleteOn(nodes, BY_HAND);
      await clock.advanceAsync(LONGEST_FOREIGN_PAUSE);
      expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
      await (await call).release();
    }
  });

  it('gets the lock as it expires', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes) set(node, BY_HAND, 3_100);
    const call = redlock.acquire('r');
    await clock.advanceAsync(3_099);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(2);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('asks no more often than after each shortest pause', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes) set(node, BY_HAND);
    redlock.acquire('r', FOREVER).catch(() => {});
    await clock.advanceAsync(10_000);
    const grants = grantsOn(nodes);
    await clock.advanceAsync(60_000);
    for (const asked of grants()) expect(asked).toBeLessThanOrEqual(60_000 / (LONGEST_FOREIGN_PAUSE / 2));
  });
});

describe('a call behind a lock of another library and one of quorlock', () => {
  it.each([
    // Where the value stands that another program set, where the lock, and which of them goes.
    [[0, 1], [2], BY_HAND],
    [[0, 1, 2, 3], [4], BY_HAND],
    [[0, 1], [2, 3], BY_HAND],
    [[0], [1], BY_HAND],
    [[0], [1], OF_QUORLOCK],
  ])('on nodes %j and %j gets the lock soon after a quorum is free of %s', async (foreign, own, gone) => {
    const random = seededRandom(foreign.length);
    for (let i = 0; i < 10; i++) {
      const { redlock, nodes, clock } = memoryRedlock(Math.max(3, ...foreign, ...own) | 1);
      for (const node of foreign) set(nodes[node], BY_HAND);
      for (const node of own) set(nodes[node], OF_QUORLOCK);
      const call = redlock.acquire('r', FOREVER);
      await clock.advanceAsync(10_000 + random.fraction() * 10_000);
      expect(await peek(call)).toBe('pending');
      deleteOn(nodes, gone);
      await clock.advanceAsync(LONGEST_FOREIGN_PAUSE);
      expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
    }
  });

  it('gets the lock within 5 s where the arbiter has a lock whose owner holds no quorum, and says nothing of the others', async () => {
    const { redlock, nodes, clock } = memoryRedlock(5);
    // The arbiter is one of those with the lock.
    for (const node of [0, 1, 2]) set(nodes[node], BY_HAND);
    for (const node of [3, 4]) set(nodes[node], OF_QUORLOCK);
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(15_000);
    deleteOn(nodes, BY_HAND);
    await clock.advanceAsync(5_000);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('relies on its turn behind one that has a quorum, if the arbiter is among that', async () => {
    const { redlock, nodes, clock, another } = memoryRedlock(3);
    set(nodes[1], BY_HAND);
    const holder = await another().acquire('r', { ttl: 30_000 });
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(3_000);
    const grants = grantsOn(nodes);
    await clock.advanceAsync(20_000);
    for (const asked of grants()) expect(asked).toBeLessThanOrEqual(5);
    const now = clock.now();
    void holder.release();
    await expectHeldAtOnce(call);
    expect(clock.now()).toBe(now);
  });

  it('polls behind one that has a quorum without the arbiter', async () => {
    const { redlock, nodes, clock, another } = memoryRedlock(3);
    set(nodes[0], BY_HAND);
    const holder = await another().acquire('r', { ttl: 30_000 });
    const call = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(20_000);
    expect(await peek(call)).toBe('pending');
    void holder.release();
    await clock.advanceAsync(LONGEST_FOREIGN_PAUSE);
    await expectHeldAtOnce(call);
  });
});

async function expectHeldAtOnce(call: ReturnType<Redlock['acquire']>): Promise<void> {
  for (let i = 0; i < 10 && (await peek(call)) === 'pending'; i++);
  expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
}
