import { describe, expect, it } from 'vitest';
import type { Vote } from '../../src/index.ts';
import {
  ballotOf,
  describeStart,
  describeVotes,
  executedNothing,
  untilQuorum,
  votesOf,
} from '../../src/quorum/votes.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';

const denied = (remaining: number): Vote => ({ node: 'n', kind: 'denied', remaining });

const quarantined = (node: string, ...awaiting: string[]): Vote => ({
  node,
  kind: 'quarantined',
  remaining: 5,
  ...(awaiting.length > 0 ? { awaiting } : {}),
});

describe('a reply', () => {
  it.each([
    [{ kind: 'granted' }, 'granted', { kind: 'granted' }],
    [{ kind: 'confirmed' }, 'granted', { kind: 'granted' }],
    [{ kind: 'extended' }, 'granted', { kind: 'granted' }],
    [{ kind: 'released' }, 'granted', { kind: 'granted' }],
    [{ kind: 'denied', remaining: 5, key: 'k' }, 'denied', { kind: 'denied', remaining: 5 }],
    [
      { kind: 'denied', remaining: 5, key: 'k', owner: 'o', place: { position: 0, since: 1 } },
      'denied',
      { kind: 'denied', remaining: 5 },
    ],
    [
      { kind: 'denied', remaining: 5, key: 'k', foreign: 'type' },
      'denied',
      { kind: 'denied', remaining: 5, foreign: 'type' },
    ],
    [
      { kind: 'denied', remaining: 5, key: 'k', isReserved: true },
      'denied',
      { kind: 'denied', remaining: 5, isReserved: true },
    ],
    [{ kind: 'taken', remaining: 5 }, 'denied', { kind: 'denied', remaining: 5 }],
    [{ kind: 'repaired' }, 'denied', { kind: 'denied', remaining: 0 }],
    [{ kind: 'absent' }, 'denied', { kind: 'denied', remaining: 0 }],
    [{ kind: 'unusable', why: 'w' }, 'unusable', { kind: 'unusable', why: 'w' }],
    [
      { kind: 'unusable', why: 'w', isPermanent: true },
      'unusable',
      { kind: 'unusable', why: 'w', isPermanent: true },
    ],
    [{ kind: 'unusable', why: 'w', maybeExecuted: true }, 'unusable', { kind: 'unusable', why: 'w' }],
    [{ kind: 'quarantined', remaining: 5 }, 'quarantined', { kind: 'quarantined', remaining: 5 }],
    [undefined, 'pending', { kind: 'late' }],
  ] as const)('%j counts as %s', (reply, ballot, vote) => {
    expect(ballotOf(reply)).toBe(ballot);
    expect(votesOf(scriptedNodes(1), [reply])).toEqual([{ node: 'a', ...vote }]);
  });

  it('of an unreachable node keeps its cause', () => {
    const reply = unreachable(true, 'gone');
    expect(votesOf(scriptedNodes(1), [reply])).toEqual([
      { node: 'a', kind: 'unreachable', cause: reply.cause },
    ]);
  });

  it.each([
    [unreachable(false), true],
    [unreachable(true), false],
    [{ kind: 'unusable', why: '' }, true],
    [{ kind: 'unusable', why: '', maybeExecuted: true }, false],
    [{ kind: 'quarantined', remaining: 1 }, true],
    [{ kind: 'granted' }, false],
    [{ kind: 'denied', remaining: 1, key: 'k' }, false],
    [{ kind: 'repaired' }, false],
    [{ kind: 'confirmed' }, false],
    [{ kind: 'absent' }, false],
  ] as const)('%j has certainly executed nothing: %s', (reply, nothing) => {
    expect(executedNothing(reply)).toBe(nothing);
  });
});

describe('votes of nodes that may be new', () => {
  const end = 'new nodes are admitted only when all 3 answer';

  it.each<[string, Vote[], string | undefined]>([
    [
      'is down',
      [
        quarantined('a', 'c'),
        quarantined('b', 'c'),
        { node: 'c', kind: 'unreachable', cause: new Error('x') },
      ],
      `c is unreachable, and ${end}`,
    ],
    [
      'is not fit',
      [quarantined('a', 'b', 'c'), { node: 'b', kind: 'unusable', why: 'w' }, { node: 'c', kind: 'late' }],
      `b must not hold locks, and ${end}`,
    ],
    [
      'is silent',
      [quarantined('a', 'c'), quarantined('b', 'c'), { node: 'c', kind: 'late' }],
      `c had not answered, and ${end}`,
    ],
    [
      'took another’s place',
      [quarantined('a', 'c'), quarantined('b', 'c'), quarantined('c')],
      `c is not known as new, and ${end}`,
    ],
    ['has come meanwhile', [quarantined('a', 'b'), quarantined('b', 'c'), quarantined('c', 'x')], end],
    ['is none', [quarantined('a'), quarantined('b'), { node: 'c', kind: 'late' }], undefined],
  ])('say which node keeps them from voting: one that %s', (_what, votes, text) => {
    expect(describeStart(votes)).toBe(text);
  });

  it('come from what the nodes reply', () => {
    const reply = { kind: 'quarantined', remaining: 5, awaiting: ['b'] } as const;
    expect(votesOf(scriptedNodes(1), [reply])).toEqual([{ node: 'a', ...reply }]);
  });
});

describe('votes in a sentence', () => {
  it('count what is plain, and name what is not', () => {
    const votes: Vote[] = [
      { node: 'a', kind: 'granted' },
      { node: 'b', kind: 'denied', remaining: 5 },
      { node: 'c', kind: 'unreachable', cause: new Error('refused') },
      { node: 'd', kind: 'unusable', why: 'a replica' },
      { node: 'e', kind: 'quarantined', remaining: 1.2 },
      { node: 'f', kind: 'late' },
    ];
    expect(describeVotes(votes)).toMatch(
      /^1 of 6 granted, 1 denied, c unreachable \(refused\), d unusable \(a replica\), e quarantined for 2 ms, f /,
    );
  });

  it('say that a key is nobody’s, but reserved for a waiter', () => {
    const votes: Vote[] = [
      { node: 'a', kind: 'granted' },
      { node: 'b', kind: 'denied', remaining: 5, isReserved: true },
    ];
    expect(describeVotes(votes)).toBe('1 of 2 granted, 1 denied, b has a key reserved for a waiter');
  });

  it('do not mention denials where there was none', () => {
    const votes: Vote[] = [
      { node: 'a', kind: 'granted' },
      { node: 'b', kind: 'late' },
    ];
    expect(describeVotes(votes)).toBe('1 of 2 granted, b had not answered');
  });
});

describe('the time until a quorum', () => {
  const granted: Vote = { node: 'n', kind: 'granted' };
  const late: Vote = { node: 'n', kind: 'late' };
  it.each([
    [[denied(30), denied(10), denied(20)], 2, 20],
    [[granted, denied(30), denied(10)], 2, 10],
    [[granted, denied(30), late], 2, 30],
    [[denied(30), late, late], 2, 30],
    [[late, late, late], 2, Number.POSITIVE_INFINITY],
    [[denied(Number.POSITIVE_INFINITY), denied(10), late], 2, Number.POSITIVE_INFINITY],
  ])('of %j is that of the last that is needed', (votes, quorum, ms) => {
    expect(untilQuorum(votes, quorum)).toBe(ms);
  });
});
