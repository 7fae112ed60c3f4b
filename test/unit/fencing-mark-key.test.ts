import slotOf from 'cluster-key-slot';
import { describe, expect, it } from 'vitest';
import { markKeyOf } from '../../src/fencing/mark-key.ts';

const KEYS = [
  'order',
  'order:42',
  '{order}',
  '{order}:42',
  'a{order}',
  'a{b}{c}',
  'a{b{c}',
  'a}b{c}',
  'ü',
  ' ',
];
const PREFIXES = ['', 'app:', '{app}:', 'app{x}'];

const combined = PREFIXES.flatMap((prefix) => KEYS.map((key) => [prefix, key] as const));

describe('the key of a mark', () => {
  it.each(combined)('with the prefix %o is in the slot of the key %o', (prefix, key) => {
    expect(slotOf(prefix + markKeyOf(key, prefix))).toBe(slotOf(prefix + key));
  });

  it('is another one for every key', () => {
    const full = combined.map(([prefix, key]) => prefix + markKeyOf(key, prefix));
    const keys = combined.map(([prefix, key]) => prefix + key);
    expect(new Set(full).size).toBe(new Set(keys).size);
  });

  it('depends on prefix and key together, not on where the one ends', () => {
    const whole = markKeyOf('app:order', '');
    expect(`app:${markKeyOf('order', 'app:')}`).toBe(whole);
    expect(`app{x}${markKeyOf(':order', 'app{x}')}`).toBe(markKeyOf('app{x}:order', ''));
  });

  it('begins with the key, so that a pattern for one allows the other', () => {
    for (const key of KEYS) expect(markKeyOf(key, 'app:').startsWith(key)).toBe(true);
  });

  it.each([['a{b'], ['a}b'], ['{}'], ['{}a'], ['a{}{b}'], ['}{']])(
    'does not exist for %o, which no other key is sure to share a slot with',
    (key) => {
      expect(() => markKeyOf(key, '')).toThrow(
        new RangeError(
          `key must be a string without braces, or with a hash tag such as {order:42}, not "${key}"`,
        ),
      );
    },
  );

  it('does not exist where a prefix and a key make a tag that is none', () => {
    expect(() => markKeyOf('order', 'app{')).toThrow(/not "app\{order"$/);
  });

  it('does not exist for a mark', () => {
    const mark = markKeyOf('order', '');
    expect(() => markKeyOf(mark, '')).toThrow(
      new RangeError(`key must be a string without :quorlock:mark, not "${mark}"`),
    );
  });

  it.each([[''], [undefined], [5], [['order']]])('does not exist for %o', (key) => {
    expect(() => markKeyOf(key, '')).toThrow(/^key must be a non-empty string, not /);
  });
});
