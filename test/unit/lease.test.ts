import { describe, expect, it } from 'vitest';
import { leaseOver, tokensOf } from '../support/lease-over.ts';
import { counts } from '../support/lock-over.ts';
import { peek } from '../support/peek.ts';
import { type ScriptedNode, unreachable } from '../support/scripted-node.ts';

const granted = { kind: 'granted' } as const;
const denied = { kind: 'denied', remaining: 500, key: 'k' } as const;
const released = { kind: 'released' } as const;
const absent = { kind: 'absent' } as const;

function reorder(nodes: readonly ScriptedNode[]): void {
  for (const node of nodes) node.reorders = true;
}

describe('taking a lease', () => {
  it('asks every node for all keys with one owner token', () => {
    const { lease, nodes, take } = leaseOver(3);
    void take();
    for (const node of nodes) {
      expect(node.requests).toMatchObject([
        { verb: 'grant', keys: ['k', 'l'], ownerToken: 'token', ttl: 1_000 },
      ]);
    }
    expect({ keys: lease.keys, ownerToken: lease.ownerToken }).toEqual({
      keys: ['k', 'l'],
      ownerToken: 'token',
    });
  });

  it('reports the replies that there were when it was decided', async () => {
    const { nodes, take } = leaseOver(3);
    const taken = take();
    nodes[0]?.answer(granted);
    nodes[2]?.answer(granted);
    nodes[1]?.answer(denied);
    expect(await taken).toEqual({ verdict: 'won', replies: [granted, undefined, granted] });
  });
});

describe('undoing a lease', () => {
  it('releases on every node that may hold it, the silent ones too', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(5);
    void take();
    answerGrants(granted, denied, unreachable(true), undefined, granted);
    lease.undo();
    expect(counts(nodes, 'release')).toEqual([1, 0, 1, 1, 1]);
  });

  it('twice releases once', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    void take();
    answerGrants(granted, denied);
    lease.undo();
    lease.undo();
    expect(counts(nodes, 'release')).toEqual([1, 0, 1]);
  });

  it('after its release releases nothing again', () => {
    const { lease, nodes, win } = leaseOver(3);
    win();
    lease.release(100);
    lease.undo();
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('does not bother nodes that have certainly set nothing', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(5);
    void take();
    answerGrants(
      unreachable(false),
      { kind: 'unusable', why: 'a replica' },
      { kind: 'quarantined', remaining: 5 },
      denied,
    );
    lease.undo();
    expect(nodes.map((node) => node.of('release').length)).toEqual([0, 0, 0, 0, 1]);
  });

  it('bothers a node that denied if it reorders requests, and so may have executed one twice', () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    reorder(nodes);
    void take();
    answerGrants(denied, unreachable(false));
    lease.undo();
    expect(nodes.map((node) => node.of('release').length)).toEqual([1, 0, 1]);
  });

  it('ends the round that is under way', async () => {
    const { lease, clock, take } = leaseOver(3);
    const taken = take();
    lease.undo();
    expect(await peek(taken)).toMatchObject({ value: { verdict: 'unreachable' } });
    expect(clock.pending).toBe(0);
  });

  it('releases nothing twice where the release follows the grant', () => {
    const { lease, nodes, take } = leaseOver(3);
    void take();
    lease.undo();
    nodes[1]?.answer(granted, 0);
    expect(nodes.map((node) => node.of('release').length)).toEqual([1, 1, 1]);
  });

  it('releases again where a node that reorders reports a grant afterwards', () => {
    const { lease, nodes, take } = leaseOver(3);
    reorder(nodes);
    void take();
    lease.undo();
    nodes[1]?.answer(granted, 0);
    expect(nodes.map((node) => node.of('release').length)).toEqual([1, 2, 1]);
  });

  it('does not release again where a node that reorders reports a denial afterwards', () => {
    const { lease, nodes, take } = leaseOver(3);
    reorder(nodes);
    void take();
    lease.undo();
    nodes[1]?.answer(denied, 0);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('does not release again where a node that reorders reports the lock taken afterwards', () => {
    const { lease, nodes, win, extend } = leaseOver(3);
    reorder(nodes);
    win();
    void extend();
    lease.undo();
    nodes[2]?.answer({ kind: 'taken', remaining: 500 }, 1);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('that was never taken asks nothing of any node', () => {
    const { lease, nodes } = leaseOver(3);
    lease.undo();
    expect(nodes.flatMap(({ requests }) => requests)).toEqual([]);
  });

  it.each(['extended', 'repaired'] as const)(
    'releases again where a node that reorders answers %s to a repair afterwards',
    (kind) => {
      const { lease, nodes, win, extend } = leaseOver(3, 2);
      reorder(nodes);
      win();
      void extend();
      lease.undo();
      nodes[2]?.answer({ kind }, 1);
      expect(counts(nodes, 'release')).toEqual([1, 1, 2]);
    },
  );

  it('does not release again where a node that reorders reports an extension, which sets nothing', () => {
    const { lease, nodes, win, extend } = leaseOver(3);
    reorder(nodes);
    win();
    void extend();
    lease.undo();
    nodes[2]?.answer({ kind: 'extended' }, 1);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('repairs nothing that turns out to be missing afterwards', () => {
    const { lease, nodes, win, extend } = leaseOver(3);
    win();
    void extend();
    lease.undo();
    nodes[2]?.answer({ kind: 'missing' }, 1);
    expect(counts(nodes, 'repair')).toEqual([0, 0, 0]);
  });
});

describe('a grant that is reported after the win', () => {
  it('belongs to the lease', () => {
    const { nodes, win } = leaseOver(3, 2);
    win();
    nodes[2]?.answer(granted, 0);
    expect(nodes[2]?.of('release')).toHaveLength(0);
  });

  it('goes with its release', () => {
    const { lease, nodes, win } = leaseOver(3, 2);
    win();
    nodes[2]?.answer(granted, 0);
    lease.release(100);
    expect(tokensOf(nodes[2], 'release')).toEqual(['token']);
  });

  it('is released again when it comes after the release, where requests are reordered', () => {
    const { lease, nodes, win } = leaseOver(3, 2);
    reorder(nodes);
    win();
    lease.release(100);
    nodes[2]?.answer(granted, 0);
    expect(nodes[2]?.of('release')).toHaveLength(2);
  });
});

describe('releasing a lease', () => {
  it.each([
    [3, [released, released], 'released'],
    [3, [released, absent, released], 'released'],
    [3, [absent, absent], 'expired'],
    [3, [released, absent, unreachable(true)], 'unconfirmed'],
    [3, [released, absent, absent], 'expired'],
    [5, [released, released, released], 'released'],
    [5, [absent, absent, absent], 'expired'],
    [5, [released, released, absent, absent, unreachable()], 'unconfirmed'],
    [1, [released], 'released'],
    [1, [absent], 'expired'],
    [2, [released, released], 'released'],
    [2, [absent], 'expired'],
    [4, [absent, absent], 'expired'],
  ] as const)('of %d nodes with answers of the kinds %j is %s', async (n, replies, verdict) => {
    const { lease, win, answerReleases } = leaseOver(n);
    win();
    const end = lease.release(100).outcome;
    answerReleases(...replies);
    expect(await peek(end)).toMatchObject({ value: { verdict } });
  });

  it('is unconfirmed when too few nodes have answered by its patience', async () => {
    const { lease, clock, win, answerReleases } = leaseOver(3);
    win();
    const end = lease.release(100).outcome;
    answerReleases(released);
    clock.advance(99);
    expect(await peek(end)).toBe('pending');
    clock.advance(1);
    expect(await peek(end)).toMatchObject({ value: { verdict: 'unconfirmed' } });
    expect(clock.pending).toBe(0);
  });

  it('does not wait for a first contact beyond its patience', async () => {
    const { lease, nodes, clock, win } = leaseOver(3, 2);
    for (const node of nodes) node.contactUntil = 2_000;
    win();
    const end = lease.release(100).outcome;
    clock.advance(100);
    expect(await peek(end)).toMatchObject({ value: { verdict: 'unconfirmed' } });
  });

  it('does not ask a node that was never sent a grant', async () => {
    const { lease, nodes, take, answerGrants } = leaseOver(3);
    void take();
    answerGrants(unreachable(false), granted, granted);
    const end = lease.release(100).outcome;
    expect(nodes[0]?.of('release')).toHaveLength(0);
    for (const node of nodes.slice(1)) node.answer(released);
    expect(await peek(end)).toMatchObject({ value: { verdict: 'released' } });
  });

  it('counts a node that was never sent a grant as unreachable', async () => {
    const { lease, take, answerGrants, answerReleases } = leaseOver(3);
    void take();
    answerGrants(unreachable(false), granted, granted);
    const end = lease.release(100).outcome;
    answerReleases(undefined, released, absent);
    const neverAsked = {
      kind: 'unreachable',
      cause: new Error('the lock was never set on this node'),
      maybeExecuted: false,
    };
    expect(await end).toEqual({ verdict: 'unconfirmed', replies: [neverAsked, released, absent] });
  });
});

describe('a request that executed nothing, reported late', () => {
  it('does not hide the key that an extension has set since', () => {
    const { lease, nodes, win, extend } = leaseOver(3, 2);
    win();
    void extend();
    nodes[2]?.answer(unreachable(false), 0);
    nodes[2]?.answer({ kind: 'repaired' }, 1);
    lease.undo();
    expect(nodes[2]?.of('release')).toHaveLength(1);
  });

  it('does not hide an extension that is still under way', () => {
    const { lease, nodes, win, extend } = leaseOver(3, 2);
    win();
    void extend();
    nodes[2]?.answer(unreachable(false), 0);
    lease.undo();
    expect(nodes[2]?.of('release')).toHaveLength(1);
  });

  it('does not hide a later extension', async () => {
    const { lease, nodes, take, answerGrants, extend, answerExtensions } = leaseOver(3);
    void take();
    answerGrants(granted, granted, unreachable(false));
    const first = extend();
    answerExtensions({ kind: 'extended' }, { kind: 'extended' });
    await first;
    void extend();
    nodes[2]?.answer(unreachable(false), 1);
    nodes[2]?.answer({ kind: 'repaired' }, 2);
    lease.undo();
    expect(nodes[2]?.of('release')).toHaveLength(1);
  });
});
