import { describe, expect, it } from 'vitest';
import { Debts } from '../../src/node/debts.ts';

const of = (ownerToken: string) => ({ keys: ['k'], ownerToken, announce: true });

describe('what a node owes', () => {
  it('is owed until it is settled', () => {
    const debts = new Debts();
    const debt = debts.owe(of('a'));
    expect(debts.none).toBe(false);
    debts.settle(debt);
    expect(debts.none).toBe(true);
  });

  it('is listed oldest first', () => {
    const debts = new Debts();
    for (const token of ['a', 'b', 'c']) debts.owe(of(token));
    expect(debts.list().map(({ giving }) => giving.ownerToken)).toEqual(['a', 'b', 'c']);
  });

  it('is listed once for each owner token', () => {
    const debts = new Debts();
    for (const token of ['a', 'a']) debts.owe(of(token));
    expect(debts.list()).toHaveLength(1);
  });

  it('is not settled by the answer to an earlier release of the same token', () => {
    const debts = new Debts();
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
    const debts = new Debts();
    debts.owe({ ...of('a'), announce: first });
    expect(debts.list()).toEqual([{ giving: { keys: ['k'], ownerToken: 'a', announce: repeated } }]);
  });

  it('is no more than 10,000 releases; the oldest are dropped', () => {
    const debts = new Debts();
    for (let i = 0; i < 10_002; i++) debts.owe(of(`t${i}`));
    expect(debts.list()).toHaveLength(10_000);
    expect(debts.list()[0]?.giving.ownerToken).toBe('t2');
  });
});
