import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { counts, type LockOver, lockOver } from '../support/lock-over.ts';
import { unreachable } from '../support/scripted-node.ts';

const extended = { kind: 'extended' } as const;

/** From now on every extension succeeds at once. */
function instantly({ nodes }: LockOver): void {
  for (const node of nodes) node.atOnce.extend = extended;
}

describe('automatic extension', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => {
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('is off in acquire', async () => {
    const { nodes, clock } = await lockOver(3);
    await clock.advanceAsync(2_000);
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
  });

  it('starts at a third of the validity', async () => {
    const { nodes, clock } = await lockOver(3, { autoExtend: true });
    await clock.advanceAsync(329);
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
    await clock.advanceAsync(1);
    expect(counts(nodes, 'extend')).toEqual([1, 1, 1]);
  });

  it('keeps a lock for as long as a quorum lets it', async () => {
    const held = await lockOver(3, { autoExtend: true });
    instantly(held);
    const { lock, nodes, clock } = held;
    await clock.advanceAsync(100_000);
    expect(lock.state).toBe('held');
    expect(nodes[0]?.of('extend').length).toBeGreaterThanOrEqual(300);
    expect(nodes[0]?.of('extend').length).toBeLessThanOrEqual(304);
  });

  it('stops with the release', async () => {
    const held = await lockOver(3, { autoExtend: true });
    instantly(held);
    await held.lock.release();
    await held.clock.advanceAsync(5_000);
    expect(counts(held.nodes, 'extend')).toEqual([0, 0, 0]);
    expect(held.clock.pending).toBe(0);
  });

  it('waits in a round no longer than a third of what remains', async () => {
    const { clock, nodes } = await lockOver(3, { autoExtend: true, nodeTimeout: 500 });
    await clock.advanceAsync(330);
    // 658 ms remain: the round lasts 219 ms.
    await clock.advanceAsync(218);
    expect(counts(nodes, 'extend')).toEqual([1, 1, 1]);
    await clock.advanceAsync(3);
    expect(counts(nodes, 'extend')).toEqual([2, 2, 2]);
  });

  it('tries again while validity lasts, and succeeds', async () => {
    const held = await lockOver(3, { autoExtend: true });
    const { lock, clock, nodes } = held;
    for (const node of nodes) node.atOnce.extend = unreachable();
    await clock.advanceAsync(800);
    instantly(held);
    await clock.advanceAsync(1_000);
    expect(lock.state).toBe('held');
  });

  it('that fails until the end of validity loses the lock', async () => {
    const { lock, clock, nodes } = await lockOver(3, { autoExtend: true });
    for (const node of nodes) node.atOnce.extend = unreachable();
    await clock.advanceAsync(988);
    expect(lock.signal.reason).toMatchObject({ reason: 'expired' });
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['refuses at once', unreachable(false), 200],
    ['has been repaired', { kind: 'repaired' } as const, 200],
    ['hangs', undefined, 200],
    ['refuses at once', unreachable(false), 60],
  ])('is no hot loop while every node %s', async (_what, reply, ttl) => {
    const { lock, clock, nodes } = await lockOver(3, { autoExtend: true, ttl, nodeTimeout: 20 });
    for (const node of nodes) if (reply) node.atOnce.extend = reply;
    await clock.advanceAsync(ttl);
    expect(lock.state).toBe('lost');
    const attempts = nodes[0]?.of('extend').length ?? 0;
    // From a third of the ttl on, every tenth of it.
    expect(attempts).toBeGreaterThanOrEqual(3);
    expect(attempts).toBeLessThanOrEqual(9);
  });

  it('is tried again soon when a node comes back', async () => {
    const held = await lockOver(3, { autoExtend: true });
    const { clock, nodes } = held;
    for (const node of nodes) node.atOnce.extend = unreachable();
    await clock.advanceAsync(330);
    instantly(held);
    nodes[0]?.begins();
    await clock.advanceAsync(5);
    expect(counts(nodes, 'extend')).toEqual([2, 2, 2]);
    await clock.advanceAsync(100);
    expect(counts(nodes, 'extend')).toEqual([2, 2, 2]);
  });

  it('that is under way as a node comes back is tried again when it has failed', async () => {
    const { clock, nodes, answerExtensions } = await lockOver(3, { autoExtend: true });
    await clock.advanceAsync(330);
    nodes[0]?.begins();
    answerExtensions(unreachable(), unreachable(), unreachable());
    await clock.advanceAsync(5);
    expect(counts(nodes, 'extend')).toEqual([2, 2, 2]);
    answerExtensions(unreachable(), unreachable(), unreachable());
    await clock.advanceAsync(99);
    expect(counts(nodes, 'extend')).toEqual([2, 2, 2]);
  });

  it('that is not due is not made sooner by a node that comes back', async () => {
    const { clock, nodes } = await lockOver(3, { autoExtend: true });
    await clock.advanceAsync(300);
    nodes[0]?.begins();
    await clock.advanceAsync(29);
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
  });

  it('does not hear of nodes any more once its Redlock is closed', async () => {
    const { redlock, clock, nodes } = await lockOver(3, { autoExtend: true });
    await redlock.close();
    nodes[0]?.begins();
    await clock.advanceAsync(1_000);
    expect(counts(nodes, 'extend')).toEqual([0, 0, 0]);
  });

  it('of a short ttl is no hot loop while every node answers at once', async () => {
    const held = await lockOver(3, { autoExtend: true, ttl: 60, nodeTimeout: 10 });
    instantly(held);
    await held.clock.advanceAsync(1_000);
    expect(held.lock.state).toBe('held');
    // A third of a validity of 57 ms.
    expect(held.nodes[0]?.of('extend').length).toBeLessThanOrEqual(53);
  });

  it('takes an extension by hand into account', async () => {
    const { lock, nodes, clock, answerExtensions } = await lockOver(3, { autoExtend: true });
    clock.advance(300);
    const extension = lock.extend();
    answerExtensions(extended, extended);
    await extension;
    await clock.advanceAsync(100);
    expect(counts(nodes, 'extend')).toEqual([1, 1, 1]);
    await clock.advanceAsync(230);
    expect(counts(nodes, 'extend')).toEqual([2, 2, 2]);
  });

  it('joins an extension by hand that is under way', async () => {
    const { lock, nodes, clock, answerExtensions } = await lockOver(3, { autoExtend: true });
    clock.advance(300);
    const extension = lock.extend();
    await clock.advanceAsync(50);
    expect(counts(nodes, 'extend')).toEqual([1, 1, 1]);
    answerExtensions(extended, extended);
    await extension;
    await clock.advanceAsync(100);
    expect(counts(nodes, 'extend')).toEqual([1, 1, 1]);
  });

  it('loses a lock that others have taken', async () => {
    const { lock, nodes, clock } = await lockOver(3, { autoExtend: true });
    for (const node of nodes) node.atOnce.extend = { kind: 'taken', remaining: 500 };
    await clock.advanceAsync(330);
    expect(lock.signal.reason).toMatchObject({ reason: 'taken' });
    await clock.advanceAsync(5_000);
    expect(counts(nodes, 'extend')).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('survives the death of any one of the nodes that granted first', async () => {
    const held = await lockOver(5, { autoExtend: true });
    instantly(held);
    const [first] = held.nodes;
    if (first) first.atOnce.extend = unreachable();
    await held.clock.advanceAsync(5_000);
    expect(held.lock.state).toBe('held');
  });
});
