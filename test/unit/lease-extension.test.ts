import { describe, expect, it } from 'vitest';
import { leaseOver, tokensOf } from '../support/lease-over.ts';
import { counts } from '../support/lock-over.ts';
import { peek } from '../support/peek.ts';
import { unreachable } from '../support/scripted-node.ts';

const granted = { kind: 'granted' } as const;
const extended = { kind: 'extended' } as const;
const repaired = { kind: 'repaired' } as const;
const taken = { kind: 'taken', remaining: 800 } as const;

describe('extending a lease', () => {
  it('asks every node with the same owner token', () => {
    const { nodes, win, extend } = leaseOver(3);
    win();
    void extend();
    expect(nodes.flatMap((node) => tokensOf(node, 'extend'))).toEqual(['token', 'token', 'token']);
  });

  it('sends a request that sets nothing to nodes that count, and a repair to the others', () => {
    const { nodes, win, extend } = leaseOver(3, 2);
    win();
    void extend();
    expect([counts(nodes, 'extend'), counts(nodes, 'repair')]).toEqual([
      [1, 1, 0],
      [0, 0, 1],
    ]);
  });

  it('repairs a node where a key turns out to be missing in the same round, once', async () => {
    const { nodes, win, extend, answerExtensions } = leaseOver(3);
    win();
    const first = extend();
    const second = extend();
    for (const request of nodes[2]?.of('extend') ?? []) request.deliver({ kind: 'missing' });
    expect(counts(nodes, 'repair')).toEqual([0, 0, 1]);
    answerExtensions(extended, extended, repaired);
    expect(await second).toMatchObject({ verdict: 'won' });
    for (const node of nodes.slice(0, 2)) node.of('extend')[0]?.deliver(extended);
    expect(await first).toMatchObject({ verdict: 'won' });
  });

  it('repairs a node also if the others have decided the round by then', async () => {
    const { nodes, win, extend, answerExtensions } = leaseOver(3);
    win();
    const round = extend();
    answerExtensions(extended, extended);
    await round;
    nodes[2]?.answer({ kind: 'missing' });
    const repair = nodes[2]?.of('repair')[0];
    expect(repair?.wanted()).toBe(true);
  });

  it('waits for what a node says to the repair', async () => {
    const { nodes, win, extend, answerExtensions } = leaseOver(3);
    win();
    const round = extend();
    answerExtensions(extended);
    for (const node of nodes.slice(1)) node.answer({ kind: 'missing' });
    expect(await peek(round)).toBe('pending');
    for (const node of nodes.slice(1)) node.answer({ kind: 'quarantined', remaining: 7 });
    expect(await round).toMatchObject({ verdict: 'quarantined' });
  });

  it('succeeds at a quorum of nodes that have held it all along', async () => {
    const { win, extend, answerExtensions } = leaseOver(5);
    win();
    const round = extend();
    answerExtensions(extended, extended);
    expect(await peek(round)).toBe('pending');
    answerExtensions(undefined, undefined, extended);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'won' } });
  });

  it('does not count a node that had to set the keys again', async () => {
    const { win, extend, answerExtensions } = leaseOver(3);
    win();
    const round = extend();
    answerExtensions(extended, repaired, repaired);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'held' } });
  });

  it('reports a node that does not count as one that had to set the keys again', async () => {
    const { win, extend, answerExtensions } = leaseOver(3);
    win();
    const first = extend();
    answerExtensions(extended, repaired, repaired);
    expect(await first).toEqual({ verdict: 'held', replies: [extended, repaired, repaired] });
    const second = extend();
    answerExtensions(extended, extended, extended);
    expect(await second).toEqual({ verdict: 'held', replies: [extended, repaired, repaired] });
  });

  it('counts a node that was repaired before a round succeeded from the next round on', async () => {
    const { win, extend, answerExtensions } = leaseOver(3);
    win();
    const first = extend();
    answerExtensions(undefined, undefined, repaired);
    answerExtensions(extended, extended);
    expect(await first).toMatchObject({ verdict: 'won' });
    const second = extend();
    answerExtensions(extended, unreachable(), extended);
    expect(await second).toMatchObject({ verdict: 'won' });
  });

  it('counts a repaired node from the round after the next success on', async () => {
    const { win, extend, answerExtensions } = leaseOver(3);
    win();
    const first = extend();
    answerExtensions(extended, extended, repaired);
    expect(await first).toMatchObject({ verdict: 'won' });
    // The repair was reported after the decision: it does not count yet.
    const second = extend();
    answerExtensions(extended, unreachable(), extended);
    expect(await second).toMatchObject({ verdict: 'held' });
    const third = extend();
    answerExtensions(extended, extended, extended);
    expect(await third).toMatchObject({ verdict: 'won' });
    const fourth = extend();
    answerExtensions(extended, unreachable(), extended);
    expect(await fourth).toMatchObject({ verdict: 'won' });
  });

  it('never counts nodes that were repaired while no round has succeeded', async () => {
    const { win, extend, answerExtensions } = leaseOver(3);
    win();
    for (let round = 0; round < 3; round++) {
      const outcome = extend();
      answerExtensions(round === 0 ? repaired : extended, round === 0 ? repaired : extended, extended);
      expect(await outcome).toMatchObject({ verdict: 'held' });
    }
  });

  it('does not count a node whose repair went unanswered', async () => {
    const { win, extend, answerExtensions } = leaseOver(3, 2);
    win();
    const first = extend();
    answerExtensions(extended, unreachable(), extended);
    expect(await first).toMatchObject({ verdict: 'held' });
    const second = extend();
    answerExtensions(extended, extended, unreachable(true));
    expect(await second).toMatchObject({ verdict: 'won' });
    const third = extend();
    answerExtensions(extended, unreachable(), extended);
    expect(await third).toMatchObject({ verdict: 'held' });
  });

  it.each([true, false])(
    'goes on counting a node that gave no answer to an extension (maybe executed: %s)',
    async (maybeExecuted) => {
      const { win, extend, answerExtensions } = leaseOver(3);
      win();
      for (let i = 0; i < 3; i++) {
        const failed = extend();
        answerExtensions(unreachable(maybeExecuted), unreachable(maybeExecuted), extended);
        expect(await failed).toMatchObject({ verdict: 'unreachable' });
      }
      const round = extend();
      answerExtensions(extended, extended, unreachable());
      expect(await round).toMatchObject({ verdict: 'won' });
    },
  );

  it('counts a grant of the winning round that was reported after the win', async () => {
    const { nodes, win, extend, answerExtensions } = leaseOver(5, 3);
    win();
    nodes[3]?.answer(granted, 0);
    nodes[4]?.answer(granted, 0);
    const round = extend();
    answerExtensions(unreachable(), extended, extended, extended, extended);
    expect(await round).toMatchObject({ verdict: 'won' });
  });

  it('does not count a node whose grant went unanswered', async () => {
    const { take, answerGrants, extend, answerExtensions } = leaseOver(3);
    const taking = take();
    answerGrants(unreachable(true), granted, granted);
    expect(await taking).toMatchObject({ verdict: 'won' });
    const round = extend();
    answerExtensions(extended, extended, unreachable());
    expect(await round).toMatchObject({ verdict: 'held' });
  });

  it('does not count grants that came after the vote had failed', async () => {
    const { clock, nodes, take, extend, answerExtensions } = leaseOver(3);
    const taking = take();
    nodes[0]?.answer(granted);
    clock.advance(100);
    expect(await taking).toMatchObject({ verdict: 'unreachable' });
    nodes[1]?.answer(granted);
    const round = extend();
    answerExtensions(extended, extended, unreachable());
    expect(await round).toMatchObject({ verdict: 'held' });
  });

  it.each([1, 2, 3, 4, 5, 7])('is taken once no quorum of %d nodes can be left', async (n) => {
    const { nodes, win, extend } = leaseOver(n);
    win();
    const round = extend();
    const spare = n - (Math.floor(n / 2) + 1);
    for (const node of nodes.slice(0, spare)) node.answer(taken);
    expect(await peek(round)).toBe('pending');
    nodes[spare]?.answer(taken);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'taken' } });
  });

  it('has no quorum at an even split', async () => {
    const { win, extend, answerExtensions } = leaseOver(4);
    win();
    const round = extend();
    answerExtensions(extended, extended, unreachable(), unreachable());
    expect(await peek(round)).toMatchObject({ value: { verdict: 'unreachable' } });
  });

  it('ends with its patience', async () => {
    const { clock, win, extend } = leaseOver(3);
    win();
    const round = extend();
    clock.advance(100);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'unreachable' } });
    expect(clock.pending).toBe(0);
  });

  it('ends with its patience also when a node is making its first contact', async () => {
    const { nodes, clock, win, extend } = leaseOver(3, 2);
    win();
    for (const node of nodes) node.contactUntil = 2_000;
    const round = extend();
    clock.advance(100);
    expect(await peek(round)).toMatchObject({ value: { verdict: 'unreachable' } });
  });

  it('releases a node that it repaired together with the others', () => {
    const { lease, nodes, take, answerGrants, extend, answerExtensions } = leaseOver(3);
    void take();
    answerGrants(granted, granted, unreachable(false));
    void extend();
    answerExtensions(undefined, undefined, repaired);
    lease.release(100);
    expect(nodes.map((node) => node.of('release').length)).toEqual([1, 1, 1]);
  });
});
