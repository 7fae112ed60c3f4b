import { describe, expect, it } from 'vitest';
import { Debts } from '../../src/node/debts.ts';
import { ManualClock } from '../support/manual-clock.ts';

const of = (ownerToken: string, longestTtl = 1_000) => ({
  keys: ['k'],
  ownerToken,
  announce: true,
  longestTtl,
});

function begin(): { clock: ManualClock; debts: Debts; owed: () => string[] } {
  const clock = new ManualClock(5_000);
  const debts = new Debts(clock);
  return { clock, debts, owed: () => debts.list().map(({ giving }) => giving.ownerToken) };
}

describe('what a node owes', () => {
  it('is owed until it is settled', () => {
    const { debts } = begin();
    const debt = debts.owe(of('a'));
    expect(debts.none).toBe(false);
    debts.settle(debt);
    expect(debts.none).toBe(true);
  });

  it('is listed oldest first', () => {
    const { debts, owed } = begin();
    for (const token of ['a', 'b', 'c']) debts.owe(of(token));
    expect(owed()).toEqual(['a', 'b', 'c']);
  });

  it('is listed once for each owner token', () => {
    const { debts, owed } = begin();
    for (const token of ['a', 'a']) debts.owe(of(token));
    expect(owed()).toHaveLength(1);
  });

  it('is not settled by the answer to an earlier release of the same token', () => {
    const { debts } = begin();
    const first = debts.owe(of('a'));
    const second = debts.owe(of('a'));
    debts.settle(first);
    expect(debts.list()).toEqual([second]);
    debts.settle(second);
    expect(debts.none).toBe(true);
  });

  it.each([
    ['late', true],
    [true, true],
    [false, false],
    ['gone', 'gone'],
  ] as const)('that was to be announced %j is announced %j when it is repeated', (first, repeated) => {
    const { debts } = begin();
    debts.owe({ ...of('a'), announce: first });
    expect(debts.list()[0]?.giving).toEqual({ ...of('a'), announce: repeated });
  });

  it('is no more than 10,000 releases; the oldest are dropped', () => {
    const { debts, owed } = begin();
    for (let i = 0; i < 10_002; i++) debts.owe(of(`t${i}`));
    expect(owed()).toHaveLength(10_000);
    expect(owed()[0]).toBe('t2');
  });

  it('ends when its longest ttl has passed, and a tenth more for a slow clock', () => {
    const { clock, debts, owed } = begin();
    debts.owe(of('a', 1_000));
    debts.owe(of('b', 2_000));
    clock.advance(1_101);
    expect(owed()).toEqual(['a', 'b']);
    clock.advance(1);
    expect(owed()).toEqual(['b']);
    clock.advance(1_100);
    expect(debts.none).toBe(true);
  });

  it('is not kept in memory after that, when more is owed', () => {
    const { clock, debts } = begin();
    for (let i = 0; i < 10_000; i++) debts.owe(of(`t${i}`, 10));
    clock.advance(100);
    const debt = debts.owe(of('new'));
    clock.advance(-100);
    expect(debts.list()).toEqual([debt]);
  });
});

function refuse(debts: Debts, ...tokens: string[]): void {
  for (const token of tokens) debts.refused(debts.owe(of(token)));
}

function taken(debts: Debts, most?: number): string[] {
  return debts.takeRefused(most).map(({ giving }) => giving.ownerToken);
}

describe('what a server has refused', () => {
  it('is taken in parts, each once', () => {
    const { debts, owed } = begin();
    refuse(debts, 'a', 'b', 'c');
    expect([taken(debts, 2), taken(debts, 2), taken(debts)]).toEqual([['a', 'b'], ['c'], []]);
    expect(owed()).toEqual(['a', 'b', 'c']);
  });

  it('comes last when it is refused again, so that all have their turn', () => {
    const { debts } = begin();
    refuse(debts, 'a', 'b', 'c');
    for (const debt of debts.takeRefused(1)) debts.refused(debt);
    expect(taken(debts)).toEqual(['b', 'c', 'a']);
  });

  it('is nothing that was settled, or is owed anew', () => {
    const { debts } = begin();
    refuse(debts, 'a');
    const first = debts.owe(of('b'));
    debts.refused(first);
    debts.owe(of('b'));
    for (const debt of debts.takeRefused()) debts.settle(debt);
    debts.refused(first);
    expect(taken(debts)).toEqual([]);
  });

  it('is nothing that has expired', () => {
    const { clock, debts } = begin();
    refuse(debts, 'a');
    clock.advance(1_102);
    expect(taken(debts)).toEqual([]);
    expect(debts.none).toBe(true);
  });
});
