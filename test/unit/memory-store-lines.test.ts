import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/node/memory/memory-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { tokenOf } from '../support/token.ts';

const KEY = 'k';

/** A store where some are heard for, all by default. */
function storeWhere(isHeard: (waiter: string) => boolean = () => true) {
  const clock = new ManualClock();
  const told: string[] = [];
  const store = new MemoryStore(clock, (waiter, message, key) => {
    if (isHeard(waiter)) told.push(`${waiter} ${message} ${key}`);
    return isHeard(waiter);
  });
  const stand = (name: string, since = 0) =>
    store.grant(
      { keys: [KEY], ownerToken: `token of ${name}`, waiter: { name, key: KEY, since }, reservation: 30 },
      1_000_000,
      undefined,
    );
  const release = (ownerToken: string, reservation = 30) =>
    store.release({ keys: [KEY], ownerToken, afterwards: 'serve', reservation });
  store.grant({ keys: [KEY], ownerToken: 'holder' }, 1_000_000, undefined);
  return { store, clock, told, stand, release };
}

describe('the lines of a store in memory', () => {
  it('are in the order of time', () => {
    const { store, stand } = storeWhere();
    for (const [name, since] of Object.entries({ c: 3, a: 1, d: 4, b: 2 })) stand(name, since);
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
    stand('heard', 2_000);
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
    release('holder', 0);
    expect(told).toEqual(['a turn k', 'b next k']);
    expect(store.line(KEY)).toEqual(['b']);
    expect(store.grant({ keys: [KEY], ownerToken: 'another' }, 1, undefined)).toEqual({ kind: 'granted' });
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
