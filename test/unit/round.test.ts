import { describe, expect, it } from 'vitest';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { conclude, judge } from '../../src/quorum/ballot.ts';
import { Round } from '../../src/quorum/round.ts';
import { ballotOf } from '../../src/quorum/votes.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';

const granted: GrantReply = { kind: 'granted' };
const denied: GrantReply = { kind: 'denied', remaining: 500, key: 'k' };

interface Heard {
  index: number;
  kind: string;
  decided: boolean;
}

function vote(nodes: readonly ScriptedNode[], clock: ManualClock, contactDeadline?: number) {
  const heard: Heard[] = [];
  const decisions: unknown[] = [];
  const round = new Round<GrantReply, string>({
    nodes,
    clock,
    patience: 100,
    ...(contactDeadline === undefined ? {} : { contactDeadline }),
    ask: (node, _index, wanted, deliver) =>
      node.grant({ keys: ['k'], ownerToken: 't', ttl: 1_000, wanted }, deliver),
    heard: (index, { kind }, decided) => heard.push({ index, kind, decided }),
    decide: (replies, over) => {
      const verdict = (over ? conclude : judge)(replies.map(ballotOf));
      decisions.push(verdict);
      return verdict;
    },
  }).start();
  return { round, heard, decisions, outcome: () => peek(round.outcome) };
}

const fulfilled = (value: string): unknown => ({ status: 'fulfilled', value });

describe('a round', () => {
  it('asks every node at once', () => {
    const nodes = scriptedNodes(5);
    vote(nodes, new ManualClock());
    expect(nodes.map((node) => node.requests.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it.each([1, 2, 3, 4, 5, 7])('over %d nodes is won by the grant that makes the quorum', async (n) => {
    const nodes = scriptedNodes(n);
    const { outcome } = vote(nodes, new ManualClock());
    const quorum = Math.floor(n / 2) + 1;
    for (const node of nodes.slice(0, quorum - 1)) node.answer(granted);
    expect(await outcome()).toBe('pending');
    nodes[quorum - 1]?.answer(granted);
    expect(await outcome()).toEqual(fulfilled('won'));
  });

  it('of an even split settles at once', async () => {
    const nodes = scriptedNodes(4);
    const { outcome } = vote(nodes, new ManualClock());
    for (const [index, node] of nodes.entries()) node.answer(index % 2 ? granted : denied);
    expect(await outcome()).toEqual(fulfilled('held'));
  });

  it('does not wait for silent nodes once enough have denied', async () => {
    const nodes = scriptedNodes(5);
    const { outcome } = vote(nodes, new ManualClock());
    for (const node of nodes.slice(0, 3)) node.answer(denied);
    expect(await outcome()).toEqual(fulfilled('held'));
  });

  it('ends when its patience does', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock);
    nodes[0]?.answer(granted);
    clock.advance(99);
    expect(await outcome()).toBe('pending');
    clock.advance(1);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('waits for a node that is making its first contact', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock, Number.POSITIVE_INFINITY);
    nodes.forEach((node) => {
      node.contactUntil = 2_000;
    });
    clock.advance(1_999);
    expect(await outcome()).toBe('pending');
    clock.advance(1);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('does not wait for the first contact of a node that has answered', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock, Number.POSITIVE_INFINITY);
    const [first] = nodes;
    if (first) first.contactUntil = 2_000;
    first?.answer(granted);
    clock.advance(100);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('waits for no first contact unless it is told to', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock);
    for (const node of nodes) node.contactUntil = 2_000;
    clock.advance(100);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('waits for no first contact beyond its deadline', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock, 300);
    nodes.forEach((node) => {
      node.contactUntil = 2_000;
    });
    clock.advance(299);
    expect(await outcome()).toBe('pending');
    clock.advance(1);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('does not wait long for a node that went silent once its first contact was made', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock, Number.POSITIVE_INFINITY);
    for (const node of nodes) node.contactUntil = 2_000;
    clock.advance(150);
    expect(await outcome()).toBe('pending');
    for (const node of nodes) node.contactUntil = Number.NEGATIVE_INFINITY;
    clock.advance(200);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
    expect(clock.pending).toBe(0);
  });

  it('gives a node that it has waited for as long for its answer as any other', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(1);
    const { outcome } = vote(nodes, clock, Number.POSITIVE_INFINITY);
    for (const node of nodes) node.contactUntil = 2_000;
    clock.advance(150);
    for (const node of nodes) node.contactUntil = Number.NEGATIVE_INFINITY;
    clock.advance(99);
    nodes[0]?.answer(granted);
    expect(await outcome()).toEqual(fulfilled('won'));
  });

  it('gives a node that was reached before its patience ended as long for its answer as any other', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(1);
    for (const node of nodes) node.contactUntil = 2_000;
    const { outcome } = vote(nodes, clock, Number.POSITIVE_INFINITY);
    clock.advance(50);
    for (const node of nodes) node.contactUntil = Number.NEGATIVE_INFINITY;
    clock.advance(149);
    expect(await outcome()).toBe('pending');
    nodes[0]?.answer(granted);
    expect(await outcome()).toEqual(fulfilled('won'));
  });

  it('gives no more time to a node whose first contact was overdue from the start', async () => {
    const clock = new ManualClock(1_000);
    const nodes = scriptedNodes(1);
    for (const node of nodes) node.contactUntil = 1_000;
    const { outcome } = vote(nodes, clock, Number.POSITIVE_INFINITY);
    for (const node of nodes) node.contactUntil = Number.NEGATIVE_INFINITY;
    clock.advance(100);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('whose end comes late because the event loop was blocked is decided by the replies that came meanwhile', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock);
    clock.jump(150);
    clock.advance(0);
    expect(await outcome()).toBe('pending');
    for (const node of nodes.slice(0, 2)) node.answer(granted);
    expect(await outcome()).toEqual(fulfilled('won'));
    expect(clock.pending).toBe(0);
  });

  it('whose end comes late because the event loop was blocked ends all the same', async () => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { outcome } = vote(nodes, clock);
    clock.jump(150);
    clock.advance(1);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
    expect(clock.pending).toBe(0);
  });

  it('takes replies that come while it is still asking, and asks all the same', async () => {
    const nodes = scriptedNodes(3, { grant: unreachable() });
    const { outcome, heard } = vote(nodes, new ManualClock());
    expect(nodes.map((node) => node.requests.length)).toEqual([1, 1, 1]);
    expect(heard.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('tells nodes that it is wanted until it is decided', () => {
    const nodes = scriptedNodes(3);
    vote(nodes, new ManualClock());
    const wanted = nodes[2]?.requests[0]?.wanted;
    nodes[0]?.answer(granted);
    expect(wanted?.()).toBe(true);
    nodes[1]?.answer(granted);
    expect(wanted?.()).toBe(false);
  });

  it('hears a reply that comes after the decision, as such', async () => {
    const nodes = scriptedNodes(3);
    const { outcome, heard } = vote(nodes, new ManualClock());
    for (const node of nodes) node.answer(granted);
    expect(heard).toEqual([
      { index: 0, kind: 'granted', decided: false },
      { index: 1, kind: 'granted', decided: false },
      { index: 2, kind: 'granted', decided: true },
    ]);
    expect(await outcome()).toEqual(fulfilled('won'));
  });

  it('hears only the first reply of a node', () => {
    const nodes = scriptedNodes(3);
    const { heard } = vote(nodes, new ManualClock());
    nodes[0]?.answer(denied);
    nodes[0]?.answer(granted);
    expect(heard).toHaveLength(1);
  });

  it('can be ended by hand, by what is known', async () => {
    const nodes = scriptedNodes(3);
    const { round, outcome } = vote(nodes, new ManualClock());
    nodes[0]?.answer(denied);
    nodes[1]?.answer(unreachable());
    round.end();
    expect(await outcome()).toEqual(fulfilled('unreachable'));
  });

  it('stands by its outcome when it is ended afterwards', async () => {
    const nodes = scriptedNodes(1);
    const { round, outcome } = vote(nodes, new ManualClock());
    nodes[0]?.answer(granted);
    round.end();
    expect(await outcome()).toEqual(fulfilled('won'));
  });

  it('is decided once, also when it is ended afterwards', () => {
    const nodes = scriptedNodes(1);
    const { round, decisions } = vote(nodes, new ManualClock());
    nodes[0]?.answer(granted);
    round.end();
    expect(decisions).toEqual(['won']);
  });

  it.each(['by replies', 'by patience', 'by hand'])('leaves no timer when it ends %s', (how) => {
    const clock = new ManualClock();
    const nodes = scriptedNodes(3);
    const { round } = vote(nodes, clock);
    if (how === 'by replies') for (const node of nodes) node.answer(granted);
    if (how === 'by patience') clock.advance(100);
    if (how === 'by hand') round.end();
    expect(clock.pending).toBe(0);
  });
});
