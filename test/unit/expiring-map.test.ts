import { describe, expect, it } from 'vitest';
import { ExpiringMap } from '../../src/node/expiring-map.ts';

function expiringMap() {
  const time = { now: 0 };
  return { time, map: new ExpiringMap<{ expiresAt: number }>(() => time.now) };
}

describe('a map of what expires', () => {
  it('has an entry until it expires, and not again if the clock is set back', () => {
    const { time, map } = expiringMap();
    map.set('a', { expiresAt: 10 });
    time.now = 9;
    expect(map.get('a')).toEqual({ expiresAt: 10 });
    expect(map.keys()).toEqual(['a']);
    time.now = 10;
    expect(map.keys()).toEqual([]);
    expect(map.get('a')).toBeUndefined();
    time.now = 9;
    expect(map.get('a')).toBeUndefined();
  });

  it('drops what has expired as others are set', () => {
    const { time, map } = expiringMap();
    for (let i = 0; i < 10_000; i++) {
      time.now = i;
      map.set(`key ${i}`, { expiresAt: i + 5 });
      expect(map.size).toBeLessThanOrEqual(5);
    }
  });

  it('drops an entry that was set again by when it expires now', () => {
    const { time, map } = expiringMap();
    map.set('renewed', { expiresAt: 1 });
    map.set('over', { expiresAt: 2 });
    map.set('renewed', { expiresAt: 9 });
    time.now = 2;
    map.set('new', { expiresAt: 9 });
    expect([map.size, ...map.keys()]).toEqual([2, 'renewed', 'new']);
  });
});
