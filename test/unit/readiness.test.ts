import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  Redlock,
  RedlockClosedError,
  type RedlockError,
  type RedlockOptions,
} from '../../src/index.ts';
import type { InspectReply, NodeCondition } from '../../src/node/lock-node.ts';
import { createMemoryNodes } from '../../src/testing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';

const free: InspectReply = { kind: 'free' };
const UNUSABLE: InspectReply = { kind: 'unusable', why: 'a replica' };

/** A node that tells its condition, as a Redis node does, and is asked nothing. */
class TellingNode extends ScriptedNode {
  condition: NodeCondition;

  constructor(name: string, state: NodeCondition['state'], more: Partial<NodeCondition> = {}) {
    super(name);
    this.condition = { state, ...more };
  }

  /** It changes its condition, and begins to vote if it is `up`. */
  become(state: NodeCondition['state']): void {
    this.condition = { state };
    if (state === 'up') this.begins();
  }
}

/** A Redlock over such nodes, named a, b, c. */
function telling(
  states: readonly (NodeCondition['state'] | Partial<NodeCondition>)[],
  options: RedlockOptions = {},
) {
  const clock = new ManualClock(1_000);
  const nodes = states.map((each, index) => {
    const { state = 'up', ...more } = typeof each === 'string' ? { state: each } : each;
    return new TellingNode(String.fromCharCode(97 + index), state, more);
  });
  return { clock, nodes, redlock: new Redlock(nodes, { clock, ...options }) };
}

/** A Redlock over nodes that do not tell, with a nodeTimeout of 100 ms. */
function mute(reply?: InspectReply, options: RedlockOptions = {}) {
  const clock = new ManualClock(1_000);
  const nodes = scriptedNodes(3, reply ? { inspect: reply } : {});
  return { clock, nodes, redlock: new Redlock(nodes, { clock, nodeTimeout: 100, ...options }) };
}

function kindsOf(error: RedlockError): string[] {
  return error.votes.map(({ node, kind }) => `${node} ${kind}`);
}

async function failureOf(call: Promise<unknown>): Promise<RedlockError> {
  return (await rejectionOf(call)) as RedlockError;
}

describe('the nodes of a Redlock', () => {
  it('are in their order, with what is known of them', () => {
    const since = new Date(1_000);
    const { redlock } = telling(['up', { state: 'down', since, why: 'ECONNREFUSED' }, { roundTrip: 0.4 }]);
    expect(redlock.nodes).toEqual([
      { name: 'a', state: 'up' },
      { name: 'b', state: 'down', since, why: 'ECONNREFUSED' },
      { name: 'c', state: 'up', roundTrip: 0.4 },
    ]);
  });

  it('are of unknown state if they do not tell', () => {
    expect(mute().redlock.nodes[0]).toEqual({ name: 'a', state: 'unknown' });
  });

  it('are as they are now', () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    expect(redlock.nodes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
    clock.advance(500);
    nodes[0]?.fail();
    nodes[1]?.hang();
    expect(redlock.nodes).toEqual([
      { name: 'memory-1', state: 'down', since: new Date(1_500), why: 'the node has failed' },
      { name: 'memory-2', state: 'hung', since: new Date(1_500) },
      { name: 'memory-3', state: 'up', since: new Date(1_000) },
    ]);
  });

  it('are known after close too', async () => {
    const { redlock } = memoryRedlock(3);
    await redlock.close();
    expect(redlock.nodes).toHaveLength(3);
  });
});

describe('ready', () => {
  it('resolves at once when all nodes vote, and asks them nothing', async () => {
    const { redlock, nodes, clock } = telling(['up', 'up', 'up']);
    await redlock.ready();
    expect(nodes.flatMap(({ requests }) => requests)).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it.each(['down', 'quarantined', 'unusable', 'connecting', 'hung', 'closed'] as const)(
    'resolves at a quorum, whatever the others are: %s',
    async (state) => {
      await telling(['up', state, 'up']).redlock.ready();
      await telling([state, 'up', 'up', state, 'up']).redlock.ready();
    },
  );

  it('resolves with nodes in memory of which a minority has failed', async () => {
    const { redlock, nodes } = memoryRedlock(3);
    nodes[0]?.fail();
    await redlock.ready();
  });

  it('waits for a node that begins to vote', async () => {
    const { redlock, nodes, clock } = telling(['up', 'connecting', 'quarantined']);
    const call = redlock.ready();
    expect(await peek(call)).toBe('pending');
    nodes[1]?.become('up');
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
    expect(clock.pending).toBe(0);
  });

  it('looks again by itself, if no node says that it votes', async () => {
    const { redlock, nodes, clock } = telling(['up', 'down', 'down']);
    const call = redlock.ready();
    await turn();
    if (nodes[1]) nodes[1].condition = { state: 'up' };
    await clock.advanceAsync(99);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
  });

  it('leaves no listener on nodes and signal', async () => {
    const { redlock, nodes } = telling(['up', 'down', 'down']);
    const { signal } = new AbortController();
    const call = redlock.ready({ signal });
    await turn();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    nodes[1]?.become('up');
    await call;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('asks nodes that do not tell, and resolves at a quorum of answers', async () => {
    const { redlock, nodes } = mute();
    const call = redlock.ready();
    await turn();
    expect(nodes.map((node) => node.of('inspect').length)).toEqual([1, 1, 1]);
    nodes[0]?.answer(free);
    nodes[1]?.answer({ kind: 'held', ownerToken: 'x', remaining: 5 });
    nodes[2]?.answer(unreachable());
    await call;
  });

  it('asks about a key with the prefix, which nobody uses', async () => {
    const { redlock, nodes } = mute(free, { keyPrefix: 'app:' });
    await redlock.ready();
    expect(nodes[0]?.requests[0]?.keys).toEqual([expect.stringMatching(/^app:[0-9a-f]{40}$/)]);
  });

  it('asks again those that did not answer', async () => {
    const { redlock, nodes, clock } = mute();
    const call = redlock.ready();
    await clock.advanceAsync(100);
    for (const node of nodes) node.atOnce.inspect = free;
    await clock.advanceAsync(100);
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
  });

  it('mixes both', async () => {
    const clock = new ManualClock();
    const nodes = [
      new TellingNode('a', 'down'),
      new ScriptedNode('b', { inspect: free }),
      new TellingNode('c', 'up'),
    ];
    await new Redlock(nodes, { clock }).ready();
  });
});

describe('ready rejects', () => {
  it('when the signal aborts, with the votes, and the reason as cause', async () => {
    const { redlock, clock } = telling(['up', { state: 'down', why: 'ECONNREFUSED' }, 'connecting']);
    const stop = new AbortController();
    const failure = failureOf(redlock.ready({ signal: stop.signal }));
    await clock.advanceAsync(3_600_000);
    expect(await peek(failure)).toBe('pending');
    const reason = new Error('enough');
    stop.abort(reason);
    const error = await failure;
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(error.cause).toBe(reason);
    expect(Object.keys(error)).not.toContain('cause');
    expect(kindsOf(error)).toEqual(['a granted', 'b unreachable', 'c late']);
    expect(error.message).toBe(
      'not ready: too few nodes answered (1 of 3 vote, b unreachable (ECONNREFUSED), c had not answered)',
    );
    expect(clock.pending).toBe(0);
  });

  it('when the signal has aborted before; but not if the nodes vote', async () => {
    const signal = AbortSignal.abort('before');
    const error = await failureOf(telling(['up', 'down', 'down']).redlock.ready({ signal }));
    expect(error.cause).toBe('before');
    await telling(['up', 'up', 'down']).redlock.ready({ signal });
  });

  it('when the signal aborts while nodes are asked', async () => {
    const { redlock, nodes } = mute();
    const stop = new AbortController();
    const failure = failureOf(redlock.ready({ signal: stop.signal }));
    await turn();
    nodes[0]?.answer(free);
    stop.abort('enough');
    const settled = await peek(failure);
    expect(settled).toMatchObject({ status: 'fulfilled', value: { cause: 'enough' } });
    expect(kindsOf(await failure)).toEqual(['a granted', 'b late', 'c late']);
  });

  it('after acquireTimeout without a signal', async () => {
    const { redlock, clock } = telling(['up', 'down', 'down'], { acquireTimeout: 2_000 });
    const failure = failureOf(redlock.ready());
    await clock.advanceAsync(1_999);
    expect(await peek(failure)).toBe('pending');
    await clock.advanceAsync(1);
    const error = await failure;
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(error.cause).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('after acquireTimeout, even if nodes that were asked have longer', async () => {
    const { redlock, clock } = mute(undefined, { acquireTimeout: 50 });
    const failure = failureOf(redlock.ready());
    await clock.advanceAsync(50);
    expect(kindsOf(await failure)).toEqual(['a late', 'b late', 'c late']);
  });

  it('after one look with an acquireTimeout of 0', async () => {
    const { redlock } = telling(['up', 'down', 'down'], { acquireTimeout: 0 });
    expect(await failureOf(redlock.ready())).toBeInstanceOf(QuorumUnreachableError);
  });

  it('with what is left of a quarantine', async () => {
    const until = new Date(1_000 + 7_000);
    const quarantined = { state: 'quarantined', until } as const;
    const { redlock, clock } = telling(['up', quarantined, quarantined], { acquireTimeout: 2_000 });
    const failure = failureOf(redlock.ready());
    await clock.advanceAsync(2_000);
    const error = await failure;
    expect(error).toBeInstanceOf(NodesQuarantinedError);
    expect(error).toMatchObject({ remaining: 5_000 });
  });

  it('with what keeps new nodes from being admitted', async () => {
    const blank = { state: 'quarantined', until: new Date(9_000), awaiting: ['c'] } as const;
    const { redlock } = telling([blank, blank, { state: 'down', why: 'ECONNREFUSED' }], {
      acquireTimeout: 0,
    });
    const error = await failureOf(redlock.ready());
    expect(error.message).toContain('c is unreachable, and new nodes are admitted only when all 3 answer');
  });

  it('at once when waiting cannot help', async () => {
    const replica = { state: 'unusable', why: 'version 6.0 is older than 7.0', isPermanent: true } as const;
    const { redlock, clock } = telling(['up', replica, replica]);
    const error = await failureOf(redlock.ready());
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect(error.votes[1]).toEqual({ node: 'b', kind: 'unusable', why: replica.why, isPermanent: true });
    expect(clock.pending).toBe(0);
  });

  it('not at once as long as others could vote', async () => {
    const replica = { state: 'unusable', why: 'old', isPermanent: true } as const;
    const { redlock, nodes } = telling(['up', replica, 'down']);
    const call = redlock.ready();
    expect(await peek(call)).toBe('pending');
    nodes[2]?.become('up');
    await call;
  });

  it('with what nodes that were asked say', async () => {
    const { redlock, nodes } = mute(UNUSABLE, { acquireTimeout: 0 });
    if (nodes[0]) nodes[0].atOnce.inspect = unreachable();
    const error = await failureOf(redlock.ready());
    expect(kindsOf(error)).toEqual(['a unreachable', 'b unusable', 'c unusable']);
  });

  it('when the Redlock is closed, and at once when it is closed meanwhile', async () => {
    const { redlock, clock } = telling(['up', 'down', 'down']);
    const call = failureOf(redlock.ready());
    await turn();
    await redlock.close();
    expect(await peek(call)).toMatchObject({ value: expect.any(RedlockClosedError) });
    expect(clock.pending).toBe(0);
    expect(await failureOf(redlock.ready())).toBeInstanceOf(RedlockClosedError);
  });

  it.each([
    ['a name that is unknown', { timeout: 5 }],
    ['something else than a signal', { signal: {} }],
    ['something else than options', 5],
  ])('%s', async (_, options) => {
    const redlock = new Redlock(createMemoryNodes(3));
    await expect(redlock.ready(options as never)).rejects.toBeInstanceOf(TypeError);
    await expect(redlock.diagnose(options as never)).rejects.toBeInstanceOf(TypeError);
  });

  it('with the stack of the caller', async () => {
    const { redlock, clock } = telling(['up', 'down', 'down'], { acquireTimeout: 10 });
    async function startUp(): Promise<void> {
      await redlock.ready();
    }
    const failure = failureOf(startUp());
    await clock.advanceAsync(10);
    const { name, message, stack = '' } = await failure;
    expect(stack.startsWith(`${name}: ${message}\n`)).toBe(true);
    expect(stack).toMatch(/\bat (async )?startUp /);
  });
});
