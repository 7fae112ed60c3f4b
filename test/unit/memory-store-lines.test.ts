import { describe, expect, it } from 'vitest';
import type { Waiter } from '../../src/node/lock-node.ts';
import { MemoryStore } from '../../src/node/memory/memory-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { tokenOf } from '../support/token.ts';

const KEY = 'k';

function waiterOf(name: string): Waiter {
  return { name, key: KEY, since: 8 };
}

/** A store where some are heard for, all by default. */
function storeWhere(isHeard: (waiter: string) => boolean = () => true) {
  const clock = new ManualClock();
  const told: string[] = [];
  const store = new MemoryStore(clock, (waiter, message, key) => {
    if (isHeard(waiter)) told.push(`${waiter} ${message} ${key}`);
    return isHeard(waiter);
  });
  const stand = (name: string, since = 0, reservation = 30) =>
    store.grant(
      { keys: [KEY], ownerToken: `token of ${name}`, waiter: { name, key: KEY, since }, reservation },
      1_000_000,
      undefined,
    );
  const release = (ownerToken: string, reserves?: boolean) =>
    store.release({ keys: [KEY], ownerToken, afterwards: 'serve', reservation: 30 }, reserves);
  store.grant({ keys: [KEY], ownerToken: 'holder' }, 1_000_000, undefined);
  return { store, clock, told, stand, release };
}

describe('the lines of a store in memory', () => {
  it('are in the order of time', () => {
    const { store, stand } = storeWhere();
    for (const [name, since] of Object.entries({ c: 30, a: 10, d: 40, b: 20 })) stand(name, since);
    expect(store.line(KEY)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are in the order of names for those who came at the same time', () => {
    const { store, stand } = storeWhere();
    for (const name of ['c', 'a', 'b']) stand(name);
    expect(store.line(KEY)).toEqual(['a', 'b', 'c']);
  });

  it('take 10,000', () => {
    const { store, stand } = storeWhere();
    for (let i = 0; i < 10_000; i++) stand(tokenOf(1, i));
    expect(stand('more', 1)).not.toHaveProperty('place');
    expect(stand(tokenOf(1, 9_999))).toMatchObject({ place: { position: 9_999 } });
    expect(store.line(KEY)).toHaveLength(10_000);
  });

  it('lose 1,000 at a time whom nobody hears for', () => {
    const { store, stand, release } = storeWhere((waiter) => waiter === 'heard');
    for (let i = 0; i < 1_500; i++) stand(tokenOf(1, i), i + 1);
    stand('heard', 20_000);
    release('holder');
    expect(store.line(KEY)).toHaveLength(501);
    expect(store.inspect(KEY)).toEqual({ kind: 'free' });
    release('holder');
    expect(store.line(KEY)).toEqual([]);
    expect(stand('heard')).toEqual({ kind: 'granted' });
  });

  it('are dropped 60 s after the last one has stood', () => {
    const { store, clock, stand } = storeWhere();
    stand('a');
    clock.advance(30_000);
    stand('b');
    clock.advance(59_999);
    expect(store.line(KEY)).toEqual(['a', 'b']);
    clock.advance(1);
    expect(store.line(KEY)).toEqual([]);
  });

  it('are told of a release that reserves nothing, as on a server in quarantine', () => {
    const { store, told, stand, release } = storeWhere();
    for (const [name, since] of Object.entries({ a: 1, b: 2 })) stand(name, since);
    release('holder', false);
    expect(told).toEqual(['a turn k', 'b next k']);
    expect(store.line(KEY)).toEqual(['b']);
    expect(store.grant({ keys: [KEY], ownerToken: 'another' }, 1, undefined)).toEqual({ kind: 'granted' });
  });

  it('lose three at most whom nobody hears for, to find the next', () => {
    const { store, told, stand, release } = storeWhere((waiter) => !waiter.startsWith('dead'));
    for (const [index, name] of [
      'a',
      'dead1',
      'dead2',
      'b',
      'dead3',
      'dead4',
      'dead5',
      'dead6',
      'c',
    ].entries())
      stand(name, 8 * (index + 1));
    release('holder');
    expect(told.splice(0)).toEqual(['a turn k', 'b next k']);
    expect(store.line(KEY)).toEqual(['b', 'dead3', 'dead4', 'dead5', 'dead6', 'c']);
    store.release({
      keys: [KEY],
      ownerToken: 'x',
      afterwards: 'serve',
      reservation: 30,
      waiter: waiterOf('a'),
    });
    expect(told.splice(0)).toEqual(['b turn k']);
    expect(store.line(KEY)).toEqual(['dead6', 'c']);
    store.release({
      keys: [KEY],
      ownerToken: 'x',
      afterwards: 'yield',
      reservation: 30,
      waiter: waiterOf('b'),
    });
    expect(told).toEqual(['c next k']);
    expect(store.line(KEY)).toEqual(['b', 'c']);
  });

  it('keep the key for as long as the first or the releaser needs, whichever is longer', () => {
    for (const [needed, remaining] of [
      [1, 30],
      [31, 60],
      [100, 120],
      [900, 960],
      [5_000, 1_000],
    ]) {
      const { store, stand, release } = storeWhere();
      stand('a', 0, needed);
      release('holder');
      expect(store.grant({ keys: [KEY], ownerToken: 'another' }, 1, undefined)).toMatchObject({ remaining });
    }
  });

  it('keep the places of those who need a key for longer than before', () => {
    const { store, stand } = storeWhere();
    stand('a', 80);
    stand('b', 88);
    expect(stand('a', 0, 900)).toMatchObject({ place: { position: 0, since: 85 } });
    expect(stand('b', 0, 31)).toMatchObject({ place: { position: 1, since: 89 } });
    expect(stand('a', 500, 30)).toMatchObject({ place: { position: 0, since: 80 } });
    expect(store.line(KEY)).toEqual(['a', 'b']);
  });

  it('are not kept for longer by those who find them full', () => {
    const { store, clock, stand } = storeWhere();
    for (let i = 0; i < 10_000; i++) stand(tokenOf(1, i));
    clock.advance(30_000);
    stand('more');
    clock.advance(30_000);
    expect(store.line(KEY)).toEqual([]);
  });

  it('are kept for longer by those who stand again, full as they are', () => {
    const { store, clock, stand } = storeWhere();
    for (let i = 0; i < 10_000; i++) stand(tokenOf(1, i));
    clock.advance(30_000);
    stand(tokenOf(1, 5));
    clock.advance(30_000);
    expect(store.line(KEY)).toHaveLength(10_000);
  });

  it('are forgotten with everything else', () => {
    const { store, stand } = storeWhere();
    stand('a');
    store.forget();
    expect(store.line(KEY)).toEqual([]);
  });

  it('let a reservation expire', () => {
    const { store, clock, stand, release } = storeWhere();
    stand('a');
    release('holder');
    expect(store.grant({ keys: [KEY], ownerToken: 'another' }, 1, undefined)).toEqual({
      kind: 'denied',
      remaining: 30,
      key: KEY,
      isReserved: true,
    });
    clock.advance(30);
    expect(store.grant({ keys: [KEY], ownerToken: 'another' }, 1, undefined)).toEqual({ kind: 'granted' });
  });

  it('have reservations that are no locks', () => {
    const { store, stand, release } = storeWhere();
    stand('a');
    release('holder');
    expect(store.keys()).toEqual([]);
    expect(store.inspect(KEY)).toEqual({ kind: 'free' });
  });
});
