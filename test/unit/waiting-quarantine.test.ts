import { describe, expect, it } from 'vitest';
import { AcquireTimeoutError, NodesQuarantinedError } from '../../src/index.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { waiting, willAnswer } from '../support/call-over.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const quarantined = (remaining: number): GrantReply => ({ kind: 'quarantined', remaining });

describe('a call for a lock that nodes in quarantine keep from it', () => {
  it('sleeps until the first of them can vote', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, granted, quarantined(9_000), quarantined(5_000));
    const { clock, attempts } = waiting(nodes);
    await clock.advanceAsync(4_999);
    expect(attempts()).toBe(1);
    await clock.advanceAsync(1);
    expect(attempts()).toBe(2);
  });

  it('gets the lock when the quarantine is over', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, granted, quarantined(5_000));
    const { clock, call } = waiting(nodes);
    await clock.advanceAsync(1_000);
    willAnswer(nodes, granted);
    await clock.advanceAsync(3_999);
    expect(await peek(call.result)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call.result)).toMatchObject({ status: 'fulfilled', value: { t0: 6_000 } });
  });

  it('tries again 5 ms after a node has begun to vote', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, granted, quarantined(5_000));
    const { clock, call, attempts } = waiting(nodes);
    await clock.advanceAsync(1_000);
    willAnswer(nodes, granted);
    call.nodeVotes();
    await clock.advanceAsync(4);
    expect(attempts()).toBe(1);
    await clock.advanceAsync(1);
    expect(await peek(call.result)).toMatchObject({ status: 'fulfilled', value: { t0: 2_005 } });
    expect(clock.pending).toBe(0);
  });

  it('tries again once for all nodes that begin to vote together', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(5_000));
    const { clock, call, attempts } = waiting(nodes);
    await clock.advanceAsync(1_000);
    for (let i = 0; i < 3; i++) call.nodeVotes();
    await clock.advanceAsync(1_000);
    expect(attempts()).toBe(2);
  });

  it('sleeps again when the node that has begun to vote was not enough', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(5_000));
    const { clock, call, attempts } = waiting(nodes);
    await clock.advanceAsync(1_000);
    willAnswer(nodes, granted, quarantined(4_000));
    call.nodeVotes();
    await clock.advanceAsync(3_999);
    expect(attempts()).toBe(2);
    call.nodeVotes();
    await clock.advanceAsync(5);
    expect(attempts()).toBe(3);
  });

  it('does not sleep through a node that began to vote during the attempt', async () => {
    const nodes = scriptedNodes(3);
    const { clock, call, attempts } = waiting(nodes);
    nodes[0]?.answer(quarantined(5_000));
    nodes[1]?.answer(granted);
    call.nodeVotes();
    nodes[2]?.answer(quarantined(5_000));
    willAnswer(nodes, granted);
    await clock.advanceAsync(100);
    expect(attempts()).toBe(2);
    expect(await peek(call.result)).toMatchObject({ status: 'fulfilled' });
  });

  it('pauses as after any failure when the quarantine is as good as over', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(0));
    const { clock, attempts } = waiting(nodes);
    await clock.advanceAsync(49);
    expect(attempts()).toBe(1);
    await clock.advanceAsync(1);
    expect(attempts()).toBe(2);
  });

  it('gives up at its deadline', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(5_000));
    const { clock, call, attempts } = waiting(nodes, { acquireTimeout: 1_000 });
    await clock.advanceAsync(1_000);
    const error = await rejectionOf(call.result);
    expect(error).toBeInstanceOf(AcquireTimeoutError);
    expect((error as Error).cause).toBeInstanceOf(NodesQuarantinedError);
    expect((error as Error).message).toContain('may have forgotten locks in a restart');
    expect(attempts()).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('gives up at its deadline also when a node begins to vote just before', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(5_000));
    const { clock, call } = waiting(nodes, { acquireTimeout: 1_000 });
    await clock.advanceAsync(998);
    call.nodeVotes();
    await clock.advanceAsync(2);
    expect(await rejectionOf(call.result)).toBeInstanceOf(AcquireTimeoutError);
    expect(clock.pending).toBe(0);
  });

  it('ends at once when nobody waits any more', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(5_000));
    const { clock, call } = waiting(nodes);
    await clock.advanceAsync(1_000);
    call.cancel(new Error('enough'));
    expect(await rejectionOf(call.result)).toEqual(new Error('enough'));
    await clock.advanceAsync(0);
    expect(clock.pending).toBe(0);
  });

  it('ends when nobody waits any more after a node has begun to vote', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, quarantined(5_000));
    const { clock, call, attempts } = waiting(nodes);
    await clock.advanceAsync(1_000);
    call.nodeVotes();
    call.cancel(new Error('enough'));
    await clock.advanceAsync(10_000);
    expect([attempts(), clock.pending]).toEqual([1, 0]);
  });

  it('says so after one attempt if it is not to wait', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, granted, quarantined(5_000), quarantined(7_000));
    const { call } = waiting(nodes, { acquireTimeout: 0 });
    expect(await rejectionOf(call.result)).toMatchObject({ code: 'NODES_QUARANTINED', remaining: 5_000 });
  });
});

describe('a call for a lock that something else keeps from it', () => {
  it.each([
    ['another holds it', { kind: 'denied', remaining: 5_000, key: 'r' }],
    ['nodes are unreachable', unreachable()],
    ['nodes are not fit', { kind: 'unusable', why: 'a replica' }],
  ] as const)('does not wait for a quarantine to end: %s', async (_what, reply) => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, reply, reply, quarantined(5_000));
    const { clock, attempts } = waiting(nodes);
    await clock.advanceAsync(50);
    expect(attempts()).toBe(2);
  });

  it('is not woken by a node that has begun to vote', async () => {
    const nodes = scriptedNodes(3);
    willAnswer(nodes, { kind: 'denied', remaining: 5_000, key: 'r' });
    const { clock, call, attempts } = waiting(nodes);
    await clock.advanceAsync(10);
    call.nodeVotes();
    await clock.advanceAsync(39);
    expect(attempts()).toBe(1);
    await clock.advanceAsync(1);
    expect(attempts()).toBe(2);
  });

  it('is not disturbed in an attempt by a node that has begun to vote', async () => {
    const nodes = scriptedNodes(3);
    const { clock, call, attempts } = waiting(nodes);
    await clock.advanceAsync(10);
    call.nodeVotes();
    await clock.advanceAsync(10);
    expect(attempts()).toBe(1);
    for (const node of nodes) node.answer(granted);
    expect(await peek(call.result)).toMatchObject({ status: 'fulfilled' });
  });
});
