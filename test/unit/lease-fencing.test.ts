import { describe, expect, it } from 'vitest';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { leaseOver } from '../support/lease-over.ts';
import { counts } from '../support/lock-over.ts';
import { peek } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

const confirmed = { kind: 'confirmed' } as const;
const absent = { kind: 'absent' } as const;
const extended = { kind: 'extended' } as const;
const none = undefined;
const granted = (counter: number): GrantReply => ({ kind: 'granted', counter });

/**
 * What becomes of the first extension of a lease that two of three nodes granted with 12, or without fencing, and the
 * third after the win with `counter`, when one of the two is down.
 */
async function extendedWithLateGrant(counter: number | undefined, hint: number | undefined): Promise<string> {
  const { nodes, take, extend, answerExtensions } = leaseOver(3);
  const taken = take(hint);
  const winning = hint === undefined ? ({ kind: 'granted' } as const) : granted(12);
  nodes[0]?.answer(winning);
  nodes[1]?.answer(winning);
  await taken;
  nodes[2]?.answer(counter === undefined ? { kind: 'granted' } : granted(counter), 0);
  const round = extend();
  answerExtensions(unreachable(), extended, extended);
  return (await round).verdict;
}

describe('taking a lease with a hint', () => {
  it('gives the same hint to all nodes', () => {
    const { nodes, take } = leaseOver(3);
    void take(42);
    expect(nodes.map((node) => node.requests[0]?.hint)).toEqual([42, 42, 42]);
  });

  it('of 0 gives that', () => {
    const { nodes, take } = leaseOver(1);
    void take(0);
    expect(nodes[0]?.requests[0]?.hint).toBe(0);
  });

  it('is done in one round when a quorum returned one counter', async () => {
    const { lease, nodes, winWith } = leaseOver(5);
    const taken = await winWith(9, 9, 9);
    expect(taken).toMatchObject({ verdict: 'won', fencing: { token: 9, agreed: true } });
    expect(lease.fencingToken).toBe(9);
    expect(counts(nodes, 'confirm')).toEqual([0, 0, 0, 0, 0]);
  });

  it('has the largest counter as its token', async () => {
    const { lease, winWith } = leaseOver(5);
    expect(await winWith(9, none, 12, 9)).toMatchObject({ fencing: { token: 12, agreed: false } });
    expect(lease.fencingToken).toBe(12);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, 1.5])(
    'makes no token of a counter that is none: %d',
    async (counter) => {
      const { lease, winWith } = leaseOver(3);
      expect(await winWith(counter, 9, 9)).toMatchObject({
        verdict: 'won',
        fencing: { token: 9, agreed: true },
      });
      expect(lease.fencingToken).toBe(9);
    },
  );

  it('fixes its token by the counters that there were when it was won', async () => {
    const { lease, nodes, winWith } = leaseOver(5);
    const taken = winWith(9, 9, 9);
    nodes[3]?.answer(granted(20), 0);
    expect(await taken).toMatchObject({ fencing: { token: 9, agreed: true } });
    expect(lease.fencingToken).toBe(9);
  });

  it('has no token before it is won', () => {
    const { lease, nodes, take } = leaseOver(3);
    void take(0);
    nodes[0]?.answer(granted(9));
    expect(lease.fencingToken).toBeUndefined();
  });

  it('has no token if it is not won', async () => {
    const { lease, clock, nodes, take } = leaseOver(3);
    const taken = take(0);
    nodes[0]?.answer(granted(9));
    clock.advance(100);
    expect(await taken).toMatchObject({ verdict: 'unreachable' });
    expect((await taken).fencing).toBeUndefined();
    expect(lease.fencingToken).toBeUndefined();
  });

  it.each([
    ['none', { kind: 'granted' }],
    ['one that is not exact', { kind: 'granted', counter: 2 ** 53 }],
    ['one that is no number', { kind: 'granted', counter: Number.NaN }],
  ] as const)('does not count a node that grants without a counter: %s', async (_what, reply) => {
    const { take, answerGrants } = leaseOver(3);
    const taken = take(0);
    answerGrants(reply, granted(9), reply);
    expect(await taken).toMatchObject({
      verdict: 'misconfigured',
      replies: [{ kind: 'unusable', why: expect.stringContaining('switch fencing off') }, granted(9), {}],
    });
  });

  it('is undone also on a node that granted without a counter', async () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    const taken = take(0);
    answerGrants({ kind: 'granted' }, { kind: 'granted' }, { kind: 'granted' });
    await taken;
    lease.undo();
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });
});

describe('taking a lease without a hint', () => {
  it('asks for no counter, and gets no token', async () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    const taken = take();
    answerGrants({ kind: 'granted' }, { kind: 'granted' });
    expect(await taken).toEqual({
      verdict: 'won',
      replies: [{ kind: 'granted' }, { kind: 'granted' }, undefined],
      fencing: undefined,
    });
    expect(nodes[0]?.requests[0]?.hint).toBeUndefined();
    expect(lease.fencingToken).toBeUndefined();
  });
});

describe('confirming the fencing token of a lease', () => {
  it('asks the nodes that granted with a lower counter, and no others', async () => {
    const { nodes, winWith, confirm } = leaseOver(5);
    await winWith(9, 12, none, 10);
    void confirm();
    expect(counts(nodes, 'confirm')).toEqual([1, 0, 0, 1, 0]);
    expect(nodes[0]?.of('confirm')).toMatchObject([
      { keys: ['k', 'l'], ownerToken: 'token', fencingToken: 12 },
    ]);
  });

  it('does not ask a node that granted after the token was fixed, whatever its counter', async () => {
    const { nodes, winWith, confirm } = leaseOver(5);
    const taken = winWith(9, 12, 10);
    nodes[3]?.answer(granted(11), 0);
    nodes[4]?.answer(granted(30), 0);
    await taken;
    void confirm();
    expect(counts(nodes, 'confirm')).toEqual([1, 0, 1, 0, 0]);
  });

  it('does not ask a node that denied or could not be reached', async () => {
    const { nodes, take, answerGrants, confirm } = leaseOver(5);
    const taken = take(0);
    answerGrants(
      { kind: 'denied', remaining: 5, key: 'k' },
      unreachable(true),
      granted(10),
      granted(9),
      granted(10),
    );
    await taken;
    void confirm();
    expect(counts(nodes, 'confirm')).toEqual([0, 0, 0, 1, 0]);
  });

  it('succeeds at a quorum, the nodes that had the token already among it', async () => {
    const { winWith, confirm, answerConfirmations } = leaseOver(5);
    await winWith(9, 12, 12);
    const round = confirm();
    expect(await peek(round)).toBe('pending');
    answerConfirmations(confirmed);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'won' } });
  });

  it('needs all of a quorum that differ', async () => {
    const { winWith, confirm, answerConfirmations } = leaseOver(5);
    await winWith(9, 12, 10);
    const round = confirm();
    answerConfirmations(confirmed);
    expect(await peek(round)).toBe('pending');
    answerConfirmations(none, none, confirmed);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'won' } });
  });

  it.each([
    ['has lost the keys', absent, 'unreachable'],
    ['cannot be reached', unreachable(true), 'unreachable'],
    ['refuses', { kind: 'unusable', why: 'NOPERM' }, 'misconfigured'],
  ] as const)('fails when a node that is needed %s', async (_what, reply, verdict) => {
    const { winWith, confirm, answerConfirmations } = leaseOver(3);
    await winWith(9, 12);
    const round = confirm();
    answerConfirmations(reply);
    expect(await peek(round)).toMatchObject({ value: { verdict } });
  });

  it('fails when its patience ends', async () => {
    const { winWith, confirm, clock } = leaseOver(3);
    await winWith(9, 12);
    const round = confirm();
    clock.advance(99);
    expect(await peek(round)).toBe('pending');
    clock.advance(1);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'unreachable' } });
    expect(clock.pending).toBe(0);
  });

  it('is wanted until it is decided', async () => {
    const { nodes, winWith, confirm, answerConfirmations } = leaseOver(5);
    await winWith(9, 10, 11);
    void confirm();
    const wanted = (): (boolean | undefined)[] => [0, 1].map((i) => nodes[i]?.of('confirm')[0]?.wanted());
    expect(wanted()).toEqual([true, true]);
    answerConfirmations(confirmed);
    expect(wanted()).toEqual([true, true]);
    answerConfirmations(none, absent);
    expect(wanted()).toEqual([false, false]);
  });

  it('is not wanted any more when the lease is undone', async () => {
    const { lease, nodes, winWith, confirm } = leaseOver(3);
    await winWith(9, 12);
    void confirm();
    lease.undo();
    expect(nodes[0]?.of('confirm')[0]?.wanted()).toBe(false);
  });

  it('names the nodes that were not asked, and why', async () => {
    const { winWith, confirm, answerConfirmations } = leaseOver(3);
    await winWith(9, 12);
    const round = confirm();
    answerConfirmations(absent);
    expect((await round).replies).toEqual([
      { kind: 'unreachable', cause: expect.any(Error), maybeExecuted: false },
      confirmed,
      { kind: 'unreachable', cause: expect.any(Error), maybeExecuted: false },
    ]);
  });

  it('ends when the lease is undone', async () => {
    const { lease, nodes, winWith, confirm, clock } = leaseOver(3);
    await winWith(9, 12);
    const round = confirm();
    lease.undo();
    expect(await peek(round)).toMatchObject({ value: { verdict: 'unreachable' } });
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });
});

describe('a fenced lease', () => {
  it('repairs nodes with its token', async () => {
    const { nodes, winWith, extend } = leaseOver(3);
    await winWith(9, 9, 9);
    void extend();
    expect(nodes.map((node) => node.of('extend')[0]?.fencingToken)).toEqual([9, 9, 9]);
  });

  it('without fencing repairs nodes without one', () => {
    const { nodes, win, extend } = leaseOver(3);
    win();
    void extend();
    expect(nodes.map((node) => node.of('extend')[0]?.fencingToken)).toEqual([none, none, none]);
  });
});

describe('a grant that is reported after the win', () => {
  it.each([
    ['the token', 12],
    ['a lower counter', 5],
  ])('with %s counts for the next extension', async (_what, counter) => {
    expect(await extendedWithLateGrant(counter, 0)).toBe('won');
  });

  it('with a larger counter does not: another may have held the key there before it', async () => {
    expect(await extendedWithLateGrant(13, 0)).toBe('held');
  });

  it('without fencing counts', async () => {
    expect(await extendedWithLateGrant(undefined, undefined)).toBe('won');
  });

  it('with a larger counter counts once an extension has succeeded with it', async () => {
    const { nodes, winWith, extend, answerExtensions } = leaseOver(3);
    const taken = winWith(12, 12);
    await taken;
    nodes[2]?.answer(granted(13), 0);
    const first = extend();
    answerExtensions(extended, extended);
    expect(await first).toMatchObject({ verdict: 'won' });
    answerExtensions(none, none, extended);
    const second = extend();
    answerExtensions(unreachable(), extended, extended);
    expect(await second).toMatchObject({ verdict: 'won' });
  });
});
