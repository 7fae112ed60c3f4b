import { beforeEach, describe, expect, it } from 'vitest';
import { Arbiters } from '../../src/acquire/arbiter.ts';
import { AskOrder, type AskOrderPlan } from '../../src/acquire/ask-order.ts';
import type { GrantReply, Waiter } from '../../src/node/lock-node.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { unreachable } from '../support/scripted-node.ts';

const HEDGE = 40;
const ARBITER = 2;
const WAITER: Waiter = { name: 'w', key: 'k', since: -5 };
const granted = { kind: 'granted' } as const;

type Denied = Extract<GrantReply, { kind: 'denied' }>;

function denied(owner: string, more: Partial<Denied> = {}): Denied {
  return { kind: 'denied', remaining: 1_000, key: 'k', owner, ...more };
}

/** What each letter of a table stands for; `.` is silence. */
const REPLIES: Record<string, GrantReply> = {
  g: granted,
  A: denied('A'),
  B: denied('B'),
  f: { kind: 'denied', remaining: 1_000, key: 'k', foreign: 'value' },
  r: { kind: 'denied', remaining: 30, key: 'k', isReserved: true },
  u: unreachable(),
};

let clock: ManualClock;
let arbiters: Arbiters;
/** Which nodes were asked, in order, again or not. */
let asked: number[];
let ended: number;
let denials: number;

beforeEach(() => {
  clock = new ManualClock(1_000);
  arbiters = new Arbiters(['a', 'b', 'c', 'd', 'e']);
  asked = [];
  ended = 0;
  denials = 0;
});

function begin(plan: Partial<AskOrderPlan> = {}): AskOrder {
  const order = new AskOrder({
    clock,
    arbiters,
    nodes: 5,
    arbiter: ARBITER,
    isConnecting: () => false,
    how: 'arbiter first',
    waiter: WAITER,
    hedge: HEDGE,
    goesOn: () => 'nobody',
    pick: (others) => others.at(-1),
    denied: () => denials++,
    ...plan,
  });
  order.begin(
    (nodes) => asked.push(...nodes),
    () => {
      ended++;
      order.end();
    },
  );
  return order;
}

/** An attempt on a turn: all nodes at once, of which some have answered, as in `REPLIES`. */
function onTurn(replies: string): AskOrder {
  const order = begin({ how: 'turn' });
  asked = [];
  hear(order, replies);
  return order;
}

function hear(order: AskOrder, replies: string): void {
  replies.split('').forEach((letter, node) => {
    const reply = REPLIES[letter];
    if (reply) order.heard(node, reply);
  });
}

describe('an attempt that asks all nodes at once', () => {
  it('asks the arbiter first, and arms no timer', () => {
    begin({ how: 'turn' });
    expect(asked).toEqual([ARBITER, 0, 1, 3, 4]);
    expect(clock.pending).toBe(0);
  });

  it('asks nobody again if it is not arbitrated', () => {
    const order = begin({ how: 'all', arbiter: undefined });
    hear(order, 'ABgAB');
    expect(asked).toHaveLength(5);
    expect(ended).toBe(0);
  });

  it('is not stopped by a denial of the arbiter', () => {
    const order = onTurn('..A..');
    expect([order.isStopped, ended]).toEqual([false, 0]);
  });
});

describe('an attempt that asks the arbiter first', () => {
  it('asks nobody else before that has answered', () => {
    begin();
    clock.advance(HEDGE - 1);
    expect(asked).toEqual([ARBITER]);
  });

  it.each([
    ['grants', granted],
    ['cannot be reached', unreachable()],
    ['is not fit', { kind: 'unusable', why: 'a replica' }],
    ['may have forgotten locks', { kind: 'quarantined', remaining: 500 }],
  ] as const)('asks the others at once when that %s', (_what, reply) => {
    const order = begin();
    order.heard(ARBITER, reply);
    expect(asked).toEqual([ARBITER, 0, 1, 3, 4]);
    expect([clock.pending, ended, order.isStopped]).toEqual([0, 0, false]);
  });

  it('ends when that denies', () => {
    const order = begin();
    order.heard(ARBITER, denied('A'));
    expect(asked).toEqual([ARBITER]);
    expect([clock.pending, ended, order.isStopped]).toEqual([0, 1, true]);
  });

  it('asks the others after a denial by what may be dead, and says which that is', () => {
    const seen: Denied[] = [];
    const order = begin({
      goesOn: (denial) => {
        seen.push(denial);
        return 'all';
      },
    });
    order.heard(ARBITER, denied('A'));
    expect(asked).toEqual([ARBITER, 0, 1, 3, 4]);
    expect([ended, order.isStopped]).toEqual([0, false]);
    expect(seen).toEqual([denied('A')]);
  });

  it('asks the others when that has been silent for the hedge', () => {
    begin();
    clock.advance(HEDGE);
    expect(asked).toEqual([ARBITER, 0, 1, 3, 4]);
    expect(arbiters.isSilent(ARBITER)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('does not end when that denies after the hedge', () => {
    const order = begin();
    clock.advance(HEDGE);
    order.heard(ARBITER, denied('A'));
    expect([ended, order.isStopped]).toEqual([0, false]);
    expect(arbiters.isSilent(ARBITER)).toBe(false);
  });

  it('asks nobody after its end', () => {
    const order = begin();
    order.end();
    order.heard(ARBITER, granted);
    clock.advance(HEDGE);
    expect(asked).toEqual([ARBITER]);
    expect(clock.pending).toBe(0);
  });

  it('asks a single node without more ado', () => {
    const order = begin({ nodes: 1, arbiter: 0 });
    order.heard(0, granted);
    expect(asked).toEqual([0]);
    expect(clock.pending).toBe(0);
  });

  it('hears an arbiter that answers while it is asked', () => {
    const order = new AskOrder({ ...planOf(), how: 'arbiter first' });
    order.begin(
      (nodes) => {
        asked.push(...nodes);
        if (nodes.includes(ARBITER)) order.heard(ARBITER, granted);
      },
      () => {},
    );
    expect(asked).toEqual([ARBITER, 0, 1, 3, 4]);
    expect(clock.pending).toBe(0);
  });
});

function planOf(): AskOrderPlan {
  return {
    clock,
    arbiters,
    nodes: 5,
    arbiter: ARBITER,
    isConnecting: () => false,
    how: 'turn',
    waiter: WAITER,
    hedge: HEDGE,
    goesOn: () => 'nobody',
    pick: (others) => others.at(-1),
    denied: () => denials++,
  };
}

describe('the nodes that denied an attempt to which the arbiter has granted', () => {
  it.each([
    // Replies so far, who is asked again.
    ['..g..', []],
    ['A.g..', []],
    ['A.gA.', []],
    ['AAg.A', [0, 1, 4]],
    ['AAgAA', [0, 1, 3]],
    ['ABgf.', [0, 1, 3]],
    ['A.gur', [0, 4]],
    ['uuguA', [4]],
    // Nobody denied who could grant.
    ['uugu.', []],
    // It may still win.
    ['Agg..', []],
    ['AAgg.', []],
    ['AAggA', [0, 1, 4]],
  ])('with replies %s are asked again: %j', (replies, again) => {
    onTurn(replies);
    expect(asked.slice(0, again.length)).toEqual(again);
    expect(ended).toBe(0);
  });

  it.each(['AAAAA', 'AArAA', 'AAuAA'])(
    'are not asked again where the arbiter has not granted: %s',
    (replies) => {
      onTurn(replies);
      expect(asked).toEqual([]);
    },
  );

  it('are asked again while the arbiter has not answered yet, as it has given the turn', () => {
    onTurn('AA.A.');
    expect(asked).toEqual([0, 1, 3]);
  });

  it('are not asked again while an arbiter is silent that has given no turn', () => {
    const order = begin();
    clock.advance(HEDGE);
    asked = [];
    hear(order, 'AA.AA');
    expect(asked).toEqual([]);
  });

  it('are asked again at most twice; then the attempt ends', () => {
    const order = onTurn('AAgA.');
    expect(asked).toEqual([0, 1, 3]);
    hear(order, 'AA.A.');
    expect(asked).toEqual([0, 1, 3, 0, 1, 3]);
    expect(ended).toBe(0);
    hear(order, 'AA.A.');
    expect(asked).toHaveLength(6);
    expect(ended).toBe(1);
  });

  it('are asked again once all of them could not make a quorum otherwise, not each by itself', () => {
    const order = onTurn('AAgA.');
    order.heard(0, denied('A'));
    expect(asked).toEqual([0, 1, 3]);
    order.heard(1, denied('A'));
    expect(asked).toEqual([0, 1, 3]);
    order.heard(3, denied('A'));
    expect(asked).toEqual([0, 1, 3, 0, 1, 3]);
  });

  it('are asked again without waiting for nodes that were silent lately', () => {
    arbiters.silent(4);
    arbiters.silent(3);
    onTurn('A.g..');
    expect(asked).toEqual([0]);
  });

  it('are waited for as long as those that may still grant', () => {
    const order = onTurn('AAg..');
    expect(asked).toEqual([]);
    order.heard(3, unreachable());
    expect(asked).toEqual([0, 1]);
  });

  it('are asked again, too, when the arbiter was asked first', () => {
    const order = begin();
    order.heard(ARBITER, granted);
    hear(order, 'AA.A.');
    expect(asked.slice(5)).toEqual([0, 1, 3]);
  });

  it('are asked again when the arbiter grants only after the hedge', () => {
    const order = begin();
    clock.advance(HEDGE);
    hear(order, 'AA.A.');
    expect(asked).toHaveLength(5);
    order.heard(ARBITER, granted);
    expect(asked.slice(5)).toEqual([0, 1, 3]);
  });
});

describe('the waiter of an attempt', () => {
  it('is named to the arbiter only', () => {
    const order = begin();
    expect([0, 1, 2, 3, 4].map((node) => order.waiterAt(node))).toEqual([
      undefined,
      undefined,
      WAITER,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['..g..', WAITER, { node: ARBITER, waiter: WAITER }],
    ['AAg..', WAITER, { node: ARBITER, waiter: WAITER }],
    ['ggA..', WAITER, undefined],
    // It may have got the vote, or stand in line.
    ['ggu..', WAITER, { node: ARBITER, waiter: WAITER }],
    ['gg...', WAITER, { node: ARBITER, waiter: WAITER }],
    ['..g..', undefined, undefined],
  ])('with replies %s gives back what it has got', (replies, waiter, yielding) => {
    const order = begin({ how: 'turn', waiter });
    hear(order, replies);
    expect(order.yielding).toEqual(yielding);
  });
});

describe('what denied an attempt', () => {
  it.each([
    ['A.B..', true, 'B'],
    ['A.B..', false, 'A'],
    ['A.g.B', true, 'A'],
    ['..g.B', true, 'B'],
    ['u.u.B', true, 'B'],
    ['uugu.', true, undefined],
  ])(
    'with replies %s, arbitrated: %s, is what denied at the arbiter, or else anywhere: %s',
    (replies, isArbitrated, owner) => {
      const order = begin(isArbitrated ? { how: 'turn' } : { how: 'all', arbiter: undefined });
      hear(order, replies);
      expect(order.denial?.owner).toBe(owner);
    },
  );

  it.each([
    ['AAA..', 'A'],
    ['AABBA', 'A'],
    ['AABB.', undefined],
    ['AAgBB', undefined],
    ['Augu.', undefined],
    // A reservation is nobody's lock.
    ['rrrrr', undefined],
    ['AArrA', 'A'],
    // All foreign ones count as one owner.
    ['fff..', ''],
    ['ffAAf', ''],
    ['ffAA.', undefined],
  ])('with replies %s is held by %s', (replies, owner) => {
    const order = begin({ how: 'all', arbiter: undefined });
    hear(order, replies);
    expect(order.holder).toBe(owner);
  });

  it('is forgotten of a node that is asked again', () => {
    const order = onTurn('AAgA.');
    expect(order.holder).toBeUndefined();
    expect(order.denial).toBeUndefined();
    hear(order, 'g..A.');
    expect(order.denial?.owner).toBe('A');
  });
});

describe('an attempt that others are in the way of', () => {
  it.each([
    // how it asks, replies, whether it ends when the rest has been silent for long enough
    ['all', 'Ag...', true],
    ['all', 'AAgg.', true],
    ['all', 'Agg..', true],
    ['all', 'ggAA.', true],
    ['all', 'gg...', false],
    ['all', 'u....', false],
    ['arbiter first', 'Ag.A.', true],
  ] as const)(
    'and that asks %s does not wait for silent nodes: with replies %s, ends: %s',
    (how, replies, ends) => {
      const order = how === 'all' ? begin({ how, arbiter: undefined }) : begin();
      if (how !== 'all') clock.advance(HEDGE);
      hear(order, replies);
      clock.advance(HEDGE - 1);
      expect(ended).toBe(0);
      clock.advance(1);
      expect(ended).toBe(ends ? 1 : 0);
      expect(clock.pending).toBe(0);
    },
  );

  it('ends at once if all that have not answered were silent before', () => {
    arbiters.silent(3);
    arbiters.silent(4);
    const order = begin({ how: 'all', arbiter: undefined });
    hear(order, 'gg');
    expect(ended).toBe(0);
    order.heard(2, denied('A'));
    expect(ended).toBe(1);
  });

  it('leaves it to the round to decide when all have answered', () => {
    const order = begin({ how: 'all', arbiter: undefined });
    hear(order, 'AABBu');
    expect([ended, clock.pending]).toEqual([0, 1]);
    order.end();
    expect(clock.pending).toBe(0);
  });

  it('waits for nodes that take as long as the others, three times', () => {
    const order = begin({ how: 'all', arbiter: undefined });
    clock.advance(HEDGE);
    hear(order, 'Agg');
    clock.advance(3 * HEDGE - 1);
    expect(ended).toBe(0);
    clock.advance(1);
    expect(ended).toBe(1);
  });

  it('asks those that have denied once more, if the arbiter has granted and the rest is silent', () => {
    const order = onTurn('Agg..');
    clock.advance(HEDGE);
    expect(asked).toEqual([0]);
    hear(order, 'A');
    hear(order, 'A');
    expect([asked, ended]).toEqual([[0, 0], 1]);
  });
});

it('each denial is told, also in an attempt that wins, and after its end', () => {
  const order = begin({ how: 'all', arbiter: undefined });
  hear(order, 'Agg..');
  expect(denials).toBe(1);
  hear(order, '...g.');
  order.end();
  order.heard(4, denied('B'));
  expect(denials).toBe(2);
});

describe('nodes that are silent', () => {
  it('are passed over once they had as long as an arbiter gets, though the attempt has ended', () => {
    const order = begin({ how: 'turn' });
    hear(order, 'ggg..');
    order.end();
    const askedAt = clock.now();
    arbiters.passOverSilent(askedAt - 1);
    expect(arbiters.isSilent(4)).toBe(false);
    arbiters.passOverSilent(askedAt);
    expect([0, 1, 2, 3, 4].map((node) => arbiters.isSilent(node))).toEqual([false, false, false, true, true]);
  });

  it('are not passed over for a request that was dropped before it was sent', () => {
    const order = begin({ how: 'turn' });
    order.end();
    order.heard(4, unreachable());
    arbiters.passOverSilent(clock.now());
    expect(arbiters.isSilent(4)).toBe(false);
  });

  it('are passed over when they answer three times as late as the others, and later than an arbiter may', () => {
    for (const [ms, isSilent] of [
      [3 * HEDGE, false],
      [3 * HEDGE + 1, true],
    ] as const) {
      const order = begin({ how: 'turn' });
      clock.advance(HEDGE);
      hear(order, 'ggg..');
      order.end();
      clock.advance(ms - HEDGE);
      order.heard(4, granted);
      expect(arbiters.isSilent(4)).toBe(isSilent);
    }
  });

  it('are not those that answer late because it is their first contact', () => {
    const order = begin({ how: 'turn', isConnecting: (node) => node === 4 });
    hear(order, 'ggg..');
    arbiters.passOverSilent(clock.now());
    clock.advance(100 * HEDGE);
    order.heard(4, granted);
    expect(arbiters.isSilent(4)).toBe(false);
  });

  it('are not those that were never asked', () => {
    const order = begin();
    clock.advance(HEDGE - 1);
    order.heard(ARBITER, denied('A'));
    clock.advance(1_000);
    order.end();
    expect([0, 1, 3, 4].map((node) => arbiters.isSilent(node))).toEqual([false, false, false, false]);
  });

  it('are those that answer without a vote', () => {
    const order = begin({ how: 'turn' });
    hear(order, 'u....');
    order.heard(1, { kind: 'quarantined', remaining: 500 });
    expect([arbiters.isSilent(0), arbiters.isSilent(1)]).toEqual([true, true]);
  });

  it('are not those that drop a request, because the attempt has ended', () => {
    const order = begin({ how: 'turn' });
    order.end();
    order.heard(0, unreachable());
    expect(arbiters.isSilent(0)).toBe(false);
  });

  it('are so no longer when they vote in time', () => {
    arbiters.silent(3);
    const order = begin({ how: 'turn' });
    clock.advance(HEDGE);
    order.heard(3, denied('A'));
    expect(arbiters.isSilent(3)).toBe(false);
  });

  it('are so no longer when they vote in time, though the attempt has ended', () => {
    arbiters.silent(3);
    const order = begin({ how: 'turn' });
    order.end();
    order.heard(3, denied('A'));
    expect(arbiters.isSilent(3)).toBe(false);
  });

  it('are so still when they vote later than an arbiter may', () => {
    arbiters.silent(3);
    const order = begin({ how: 'turn' });
    clock.advance(HEDGE + 1);
    order.heard(3, denied('A'));
    expect(arbiters.isSilent(3)).toBe(true);
  });
});

describe('the arbiter’s answer after the end', () => {
  it.each([granted, denied('A'), unreachable()])('is told when it comes: %j', (reply) => {
    const order = begin({ how: 'turn' });
    hear(order, 'gg.g.');
    order.end();
    const heard: GrantReply[] = [];
    order.awaitArbiter((each) => heard.push(each));
    order.heard(4, granted);
    expect(heard).toEqual([]);
    order.heard(ARBITER, reply);
    expect(heard).toEqual([reply]);
    expect(order.arbiterReply).toEqual(reply);
  });

  it('is not waited for if there is one', () => {
    const order = begin({ how: 'turn' });
    hear(order, 'ggg..');
    order.end();
    const heard: GrantReply[] = [];
    order.awaitArbiter((each) => heard.push(each));
    order.heard(ARBITER, denied('A'));
    expect(heard).toEqual([]);
  });
});

describe('the round trip of an attempt', () => {
  it('is not known before a node has voted', () => {
    const order = begin();
    order.heard(ARBITER, unreachable());
    expect(order.roundTrip).toBeUndefined();
  });

  it('is the median of those that voted, each from when it was asked', () => {
    const order = begin();
    clock.advance(4);
    order.heard(ARBITER, granted);
    clock.advance(10);
    order.heard(0, granted);
    clock.advance(80);
    order.heard(4, denied('A'));
    expect(order.roundTrip).toBe(10);
  });

  it('of an even number is that of the faster one in the middle', () => {
    const order = begin({ how: 'turn' });
    clock.advance(3);
    order.heard(0, granted);
    clock.advance(30);
    order.heard(1, granted);
    expect(order.roundTrip).toBe(3);
  });

  it('counts from when a node was asked again', () => {
    const order = onTurn('');
    clock.advance(50);
    hear(order, 'AAgA.');
    clock.advance(2);
    hear(order, 'AA.A.');
    clock.advance(3);
    hear(order, 'gg.g.');
    expect(order.roundTrip).toBe(3);
  });
});
