import { describe, expect, it } from 'vitest';
import { Attempt, type AttemptPlan } from '../../src/acquire/attempt.ts';
import { NodeMisconfiguredError, QuorumUnreachableError, ValidityExhaustedError } from '../../src/index.ts';
import { acquireContext, askOrder } from '../support/acquire-context.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek, turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';

const PLAN: AttemptPlan = {
  resources: ['r', 's'],
  keys: ['p:r', 'p:s'],
  ttl: 1_000,
  driftFactor: 0.01,
  lockDelay: 0,
  nodeTimeout: 100,
  maxHoldTime: Number.POSITIVE_INFINITY,
  fencing: true,
  label: undefined,
  deadline: Number.POSITIVE_INFINITY,
};

/** An attempt that begins at 1000 on the clock; its validity is over at 1988. */
function attempt(nodes: readonly ScriptedNode[], plan: Partial<AttemptPlan> = {}) {
  const clock = new ManualClock(1_000);
  const context = acquireContext(nodes, clock);
  const begin = (): Attempt => new Attempt(context, { ...PLAN, ...plan }, askOrder(context)).start();
  return { clock, begin, attempt: begin() };
}

/** The nodes grant, with these counters; undefined for silence. */
async function grant(nodes: readonly ScriptedNode[], ...counters: (number | undefined)[]): Promise<void> {
  counters.forEach((counter, i) => {
    if (counter !== undefined) nodes[i]?.answer({ kind: 'granted', counter }, 0);
  });
  await turn();
}

describe('an attempt with fencing', () => {
  it('gives the µs since 1970 as the hint', () => {
    const nodes = scriptedNodes(3);
    attempt(nodes);
    expect(nodes.map(({ requests }) => requests[0]?.hint)).toEqual([1_000_000, 1_000_000, 1_000_000]);
  });

  it('takes one round when a quorum returned one counter', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = attempt(nodes);
    await grant(nodes, 2_000_000, 2_000_000);
    expect(await started.outcome).toMatchObject({ lease: { fencingToken: 2_000_000 }, validUntil: 1_988 });
    expect(nodes.map(({ requests }) => requests.map(({ verb }) => verb))).toEqual([
      ['grant'],
      ['grant'],
      ['grant'],
    ]);
  });

  it('takes a second round when the counters differ', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes);
    await grant(nodes, 5, 9);
    expect(await peek(started.outcome)).toBe('pending');
    expect(counts(nodes, 'confirm')).toEqual([1, 0, 0]);
    clock.advance(60);
    nodes[0]?.answer({ kind: 'confirmed' });
    expect(await started.outcome).toMatchObject({ lease: { fencingToken: 9 }, t0: 1_000, validUntil: 1_988 });
    expect(clock.pending).toBe(0);
  });

  it('gives the last token as the hint while the wall clock is behind it', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, begin } = attempt(nodes);
    await grant(nodes, 5_000_000, 5_000_000);
    await started.outcome;
    begin();
    expect(nodes[0]?.of('grant')[1]?.hint).toBe(5_000_000);
  });

  it('learns no token from a lock that it has not got', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, begin } = attempt(nodes);
    await grant(nodes, 5_000_000, 6_000_000);
    nodes[0]?.answer({ kind: 'absent' });
    await started.outcome;
    begin();
    expect(nodes[0]?.of('grant')[1]?.hint).toBe(1_000_001);
  });

  it.each([
    ['absent', { kind: 'absent' }, QuorumUnreachableError],
    ['unreachable', unreachable(true, 'gone'), QuorumUnreachableError],
    ['unusable', { kind: 'unusable', why: 'NOPERM' }, NodeMisconfiguredError],
  ] as const)('fails when a node that is needed is %s in the second round', async (_what, reply, Type) => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes);
    await grant(nodes, 5, 9);
    nodes[0]?.answer(reply);
    expect(await started.outcome).toBeInstanceOf(Type);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('names in its error the votes of the second round', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = attempt(nodes);
    await grant(nodes, 5, 9);
    nodes[0]?.answer(unreachable(true, 'gone'));
    expect(await started.outcome).toMatchObject({
      votes: [
        { node: 'a', kind: 'unreachable', cause: new Error('gone') },
        { node: 'b', kind: 'granted' },
        {
          node: 'c',
          kind: 'unreachable',
          cause: new Error('it had not granted the lock when the fencing token was fixed'),
        },
      ],
    });
  });

  it('gives the second round a nodeTimeout of its own', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes);
    clock.advance(90);
    await grant(nodes, 5, 9);
    clock.advance(99);
    expect(await peek(started.outcome)).toBe('pending');
    clock.advance(1);
    expect(await started.outcome).toBeInstanceOf(QuorumUnreachableError);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('ends the second round at its deadline', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes, { deadline: 1_130 });
    clock.advance(90);
    await grant(nodes, 5, 9);
    clock.advance(40);
    expect(await started.outcome).toBeInstanceOf(QuorumUnreachableError);
  });

  it('ends the second round with its validity', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes, { nodeTimeout: 900 });
    clock.advance(890);
    await grant(nodes, 5, 9);
    clock.advance(98);
    expect(await started.outcome).toBeInstanceOf(ValidityExhaustedError);
  });

  it('looks at the clock after the second round', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes);
    await grant(nodes, 5, 9);
    clock.jump(988);
    nodes[0]?.answer({ kind: 'confirmed' });
    expect(await started.outcome).toBeInstanceOf(ValidityExhaustedError);
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });

  it('is undone at once when it is abandoned in the second round', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started, clock } = attempt(nodes);
    await grant(nodes, 5, 9);
    started.abandon();
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
    expect(await started.outcome).toBe('abandoned');
    expect(clock.pending).toBe(0);
  });

  it('does not get a lock from nodes that know no counters', async () => {
    const nodes = scriptedNodes(3, { grant: { kind: 'granted' } });
    const error = await attempt(nodes).attempt.outcome;
    expect(error).toBeInstanceOf(NodeMisconfiguredError);
    expect((error as Error).message).toContain('switch fencing off');
    expect(counts(nodes, 'release')).toEqual([1, 1, 1]);
  });
});

describe('an attempt without fencing', () => {
  it('gives no hint', () => {
    const nodes = scriptedNodes(3);
    attempt(nodes, { fencing: false });
    expect(nodes[0]?.requests[0]?.hint).toBeUndefined();
  });

  it('is won without counters', async () => {
    const nodes = scriptedNodes(3, { grant: { kind: 'granted' } });
    const won = await attempt(nodes, { fencing: false }).attempt.outcome;
    expect(won).toMatchObject({ validUntil: 1_988, lease: { fencingToken: undefined } });
  });

  it('does not care for counters that differ', async () => {
    const nodes = scriptedNodes(3);
    const { attempt: started } = attempt(nodes, { fencing: false });
    await grant(nodes, 5, 9);
    expect(await peek(started.outcome)).toMatchObject({ status: 'fulfilled', value: { t0: 1_000 } });
    expect(counts(nodes, 'confirm')).toEqual([0, 0, 0]);
  });
});
