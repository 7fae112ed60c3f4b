import { describe, expect, it } from 'vitest';
import type { ReleaseRequest } from '../../src/node/lock-node.ts';
import { PendingReleases } from '../../src/node/pending-releases.ts';
import { ManualClock } from '../support/manual-clock.ts';

const of = (ownerToken: string, longestTtl = 1_000): ReleaseRequest => ({
  keys: ['k'],
  ownerToken,
  afterwards: 'serve',
  reservation: 30,
  longestTtl,
});

const waiter = { name: 'w', key: 'k', since: 5 };

const leaving = (ownerToken: string, name = 'w'): ReleaseRequest => ({
  ...of(ownerToken),
  keys: ['k', 'l'],
  waiter: { ...waiter, name },
});

function begin(): { clock: ManualClock; pending: PendingReleases; owed: () => string[] } {
  const clock = new ManualClock(5_000);
  const pending = new PendingReleases(clock);
  return { clock, pending, owed: () => pending.list().map(({ request }) => request.ownerToken) };
}

describe('what a node owes', () => {
  it('is owed until it is settled', () => {
    const { pending } = begin();
    const release = pending.add(of('a'));
    expect(pending.none).toBe(false);
    pending.settle(release);
    expect(pending.none).toBe(true);
  });

  it('is listed oldest first', () => {
    const { pending, owed } = begin();
    for (const token of ['a', 'b', 'c']) pending.add(of(token));
    expect(owed()).toEqual(['a', 'b', 'c']);
  });

  it('is listed once for each owner token', () => {
    const { pending, owed } = begin();
    for (const token of ['a', 'a']) pending.add(of(token));
    expect(owed()).toHaveLength(1);
  });

  it('is not settled by the answer to an earlier release of the same token', () => {
    const { pending } = begin();
    const first = pending.add(of('a'));
    const second = pending.add(of('a'));
    pending.settle(first);
    expect(pending.list()).toEqual([second]);
    pending.settle(second);
    expect(pending.none).toBe(true);
  });

  it.each<[string, Partial<ReleaseRequest>, Partial<ReleaseRequest>]>([
    ['serves, as it did', { afterwards: 'serve' }, { afterwards: 'serve' }],
    [
      'takes a waiter out of its line, as it did',
      { afterwards: 'serve', waiter },
      { afterwards: 'serve', waiter },
    ],
    [
      'serves if it handed over: the grant that followed is lost',
      { afterwards: 'hand over' },
      { afterwards: 'serve' },
    ],
    [
      'serves if it yielded, and puts nobody in line',
      { afterwards: 'yield', waiter },
      { afterwards: 'serve' },
    ],
  ])('%s, when it is repeated', (_what, first, repeated) => {
    const { pending } = begin();
    pending.add({ ...of('a'), ...first });
    expect(pending.list()[0]?.request).toEqual({ ...of('a'), ...repeated });
  });

  describe('by a waiter that stands in line again', () => {
    it('does not take it out of that line again', () => {
      const { pending } = begin();
      pending.add(leaving('a'));
      pending.stands(waiter, ['l', 'm']);
      expect(pending.list().map(({ request }) => request)).toEqual([{ ...leaving('a'), waiter: undefined }]);
    });

    it('still takes others out, and it out of other lines', () => {
      const { pending } = begin();
      pending.add(leaving('a', 'another'));
      pending.add(leaving('b'));
      pending.add(of('c'));
      pending.stands(waiter, ['m']);
      pending.stands({ ...waiter, name: 'a third' }, ['k']);
      expect(pending.list().map(({ request }) => request)).toEqual([
        leaving('a', 'another'),
        leaving('b'),
        of('c'),
      ]);
    });

    it('is still settled by the answer to what was sent before', () => {
      const { pending } = begin();
      const release = pending.add(leaving('a'));
      pending.refused(release);
      pending.stands(waiter, ['k']);
      expect(pending.takeRefused()).toEqual([release]);
      pending.settle(release);
      expect(pending.none).toBe(true);
    });

    it('takes it out when it leaves again', () => {
      const { pending } = begin();
      pending.add(leaving('a'));
      pending.stands(waiter, ['k']);
      pending.add(leaving('b'));
      expect(pending.list().map(({ request }) => request.waiter)).toEqual([undefined, waiter]);
    });
  });

  it('is no more than 10,000 releases; the oldest are dropped', () => {
    const { pending, owed } = begin();
    for (let i = 0; i < 10_002; i++) pending.add(of(`t${i}`));
    expect(owed()).toHaveLength(10_000);
    expect(owed()[0]).toBe('t2');
  });

  it('ends when its longest ttl has passed, and a tenth more for a slow clock', () => {
    const { clock, pending, owed } = begin();
    pending.add(of('a', 1_000));
    pending.add(of('b', 2_000));
    clock.advance(1_101);
    expect(owed()).toEqual(['a', 'b']);
    clock.advance(1);
    expect(owed()).toEqual(['b']);
    clock.advance(1_100);
    expect(pending.none).toBe(true);
  });

  it('is not kept in memory after that, when more is owed', () => {
    const { clock, pending } = begin();
    for (let i = 0; i < 10_000; i++) pending.add(of(`t${i}`, 10));
    clock.advance(100);
    const release = pending.add(of('new'));
    clock.advance(-100);
    expect(pending.list()).toEqual([release]);
  });
});

function refuse(pending: PendingReleases, ...tokens: string[]): void {
  for (const token of tokens) pending.refused(pending.add(of(token)));
}

function taken(pending: PendingReleases, most?: number): string[] {
  return pending.takeRefused(most).map(({ request }) => request.ownerToken);
}

describe('what a server has refused', () => {
  it('is taken in parts, each once', () => {
    const { pending, owed } = begin();
    refuse(pending, 'a', 'b', 'c');
    expect([taken(pending, 2), taken(pending, 2), taken(pending)]).toEqual([['a', 'b'], ['c'], []]);
    expect(owed()).toEqual(['a', 'b', 'c']);
  });

  it('comes last when it is refused again, so that all have their turn', () => {
    const { pending } = begin();
    refuse(pending, 'a', 'b', 'c');
    for (const release of pending.takeRefused(1)) pending.refused(release);
    expect(taken(pending)).toEqual(['b', 'c', 'a']);
  });

  it('is nothing that was settled, or is owed anew', () => {
    const { pending } = begin();
    refuse(pending, 'a');
    const first = pending.add(of('b'));
    pending.refused(first);
    pending.add(of('b'));
    for (const release of pending.takeRefused()) pending.settle(release);
    pending.refused(first);
    expect(taken(pending)).toEqual([]);
  });

  it('is nothing that has expired', () => {
    const { clock, pending } = begin();
    refuse(pending, 'a');
    clock.advance(1_102);
    expect(taken(pending)).toEqual([]);
    expect(pending.none).toBe(true);
  });
});
