import { describe, expect, it } from 'vitest';
import { type InspectReply, Redlock } from '../../src/index.ts';
import { judgeInspection } from '../../src/inspection.ts';
import { tombstoneOf } from '../../src/node/owner.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';

const free: InspectReply = { kind: 'free' };
const held = (ownerToken: string, remaining = 500): InspectReply => ({ kind: 'held', ownerToken, remaining });
/** A key of another type. */
const foreign: InspectReply = { kind: 'held', remaining: Number.POSITIVE_INFINITY };

/** A Redlock over three nodes that answer when the test says, with a nodeTimeout of 100 ms. */
function scripted() {
  const clock = new ManualClock();
  const nodes = scriptedNodes(3);
  return { clock, nodes, redlock: new Redlock(nodes, { clock, nodeTimeout: 100 }) };
}

describe('judging an inspection', () => {
  it.each([
    [[free, free, undefined], 'free', 0],
    [[free, free, held('x')], 'free', 0],
    [[held('x', 500), held('x', 300), undefined], 'held', 300],
    [[held('x', 500), held('x', 300), held('x', 400)], 'held', 400],
    [
      [held('x', Number.POSITIVE_INFINITY), held('x', Number.POSITIVE_INFINITY), free],
      'held',
      Number.POSITIVE_INFINITY,
    ],
    [[held('x', 500), held('y', 300), free], 'indeterminate', 500],
    [[foreign, foreign, foreign], 'indeterminate', Number.POSITIVE_INFINITY],
    [[free, held('x', 5), unreachable()], 'indeterminate', 5],
    [[free, unreachable(), unreachable()], 'indeterminate', 0],
    [
      [free, { kind: 'unusable', why: 'a replica' }, { kind: 'unusable', why: 'a replica' }],
      'indeterminate',
      0,
    ],
    [
      [free, { kind: 'quarantined', remaining: 5 }, { kind: 'quarantined', remaining: 5 }],
      'indeterminate',
      0,
    ],
    [[free, free, held('x', 9), held('x', 7)], 'indeterminate', 9],
  ] as [(InspectReply | undefined)[], string, number][])('of %j is %s', (replies, state, remaining) => {
    expect(judgeInspection(scriptedNodes(replies.length), replies, false)).toMatchObject({
      state,
      remaining,
    });
  });

  it.each([
    [[undefined, undefined, undefined]],
    [[free, undefined, undefined]],
    [[free, held('x'), undefined]],
    [[unreachable(), free, undefined]],
  ] as [(InspectReply | undefined)[]][])('of %j is open', (replies) => {
    expect(judgeInspection(scriptedNodes(3), replies, false)).toBeUndefined();
  });

  it('of what there is when time is up fails closed', () => {
    expect(judgeInspection(scriptedNodes(3), [free, undefined, undefined], true)).toEqual({
      state: 'indeterminate',
      remaining: 0,
      nodes: [
        { node: 'a', kind: 'free' },
        { node: 'b', kind: 'late' },
        { node: 'c', kind: 'late' },
      ],
    });
  });
});

/** What nodes together say that have these values. */
function inspected(...values: string[]) {
  return judgeInspection(
    scriptedNodes(values.length),
    values.map((value) => held(value)),
    true,
  );
}

describe('an owner', () => {
  it('has an id without the secret part of its token', () => {
    const token = `0123456789abcdef${'c0ffee'.repeat(4)}@web-1`;
    expect(inspected(token, token)?.owner).toEqual({ id: '0123456789abcdef', token, label: 'web-1' });
  });

  it('that is another program has no id: its whole value may be a secret', () => {
    expect(inspected('of another library', 'of another library')?.owner).toEqual({
      token: 'of another library',
    });
  });

  it('is nobody once the lock is revoked, though one node does not know who did it', () => {
    const inspection = inspected(tombstoneOf(undefined), tombstoneOf('ops'), 'x');
    expect(inspection).toMatchObject({ state: 'revoked', revokedBy: 'ops' });
    expect(inspection).not.toHaveProperty('owner');
  });
});

describe('inspecting a resource', () => {
  it('that nobody holds', async () => {
    const { redlock } = memoryRedlock(3);
    expect(await redlock.inspect('r')).toMatchObject({ state: 'free', remaining: 0 });
  });

  it('that somebody holds', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { keyPrefix: 'app:' });
    const { ownerToken } = await another().acquire('r', { ttl: 1_000 });
    clock.advance(300);
    expect(await redlock.inspect('r')).toMatchObject({
      state: 'held',
      remaining: 700,
      nodes: [{ node: 'memory-1', kind: 'held', ownerToken, remaining: 700 }, { ownerToken }, {}],
    });
  });

  it('takes nothing', async () => {
    const { redlock, keys, clock } = memoryRedlock(3);
    await redlock.inspect('r');
    expect(keys()).toEqual([[], [], []]);
    expect(clock.pending).toBe(0);
  });

  it('fails closed when no quorum can be reached', async () => {
    const { redlock, nodes } = memoryRedlock(3);
    for (const node of nodes.slice(1)) node.fail();
    expect(await redlock.inspect('r')).toMatchObject({
      state: 'indeterminate',
      nodes: [{ kind: 'free' }, { kind: 'unreachable', cause: expect.any(Error) }, { kind: 'unreachable' }],
    });
  });

  it('answers within nodeTimeout when nodes hang', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3, { nodeTimeout: 100 });
    for (const node of nodes.slice(1)) node.hang();
    const call = redlock.inspect('r');
    await clock.advanceAsync(99);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await call).toMatchObject({ state: 'indeterminate' });
    expect(clock.pending).toBe(0);
  });

  it('gives a minority that hangs as long, and has the answer of a quorum then', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3, { nodeTimeout: 100 });
    nodes[2]?.hang();
    const call = redlock.inspect('r');
    await clock.advanceAsync(99);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await call).toMatchObject({
      state: 'free',
      nodes: [{ kind: 'free' }, { kind: 'free' }, { kind: 'late' }],
    });
    expect(clock.pending).toBe(0);
  });

  it('has the answer of every node that is well', async () => {
    const { redlock } = memoryRedlock(3);
    expect(await redlock.inspect('r')).toMatchObject({
      state: 'free',
      nodes: [{ kind: 'free' }, { kind: 'free' }, { kind: 'free' }],
    });
  });

  it('ends with the last answer, whatever it says', async () => {
    const { redlock, nodes, clock } = scripted();
    const call = redlock.inspect('r');
    for (const node of nodes.slice(0, 2)) node.answer(held('x', 500));
    expect(await peek(call)).toBe('pending');
    nodes[2]?.answer({ kind: 'quarantined', remaining: 700 });
    expect(await call).toMatchObject({
      state: 'held',
      remaining: 500,
      nodes: [{ kind: 'held' }, { kind: 'held' }, { kind: 'quarantined', remaining: 700 }],
    });
    expect(clock.pending).toBe(0);
  });

  it('waits for a first contact only while no quorum has answered', async () => {
    const { redlock, nodes, clock } = scripted();
    for (const node of nodes.slice(1)) node.contactUntil = 2_000;
    const call = redlock.inspect('r');
    nodes[0]?.answer(free);
    await clock.advanceAsync(500);
    expect(await peek(call)).toBe('pending');
    nodes[1]?.answer(free);
    expect(await call).toMatchObject({
      state: 'free',
      nodes: [{ kind: 'free' }, { kind: 'free' }, { kind: 'late' }],
    });
    expect(clock.pending).toBe(0);
  });

  it.each(['', undefined, null, 5, ['r'], {}])('such as %j is a TypeError', async (resource) => {
    const { redlock } = memoryRedlock(1);
    expect(await rejectionOf(redlock.inspect(resource as string))).toBeInstanceOf(TypeError);
  });
});
