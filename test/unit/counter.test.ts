import { test } from '@fast-check/vitest';
import slotOf from 'cluster-key-slot';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTER_SUFFIX, counterOf } from '../../src/node/counter.ts';

describe('the key of a counter', () => {
  it.each([
    ['r', '{r}:quorlock:fence'],
    ['a:b c', '{a:b c}:quorlock:fence'],
    ['{a}', '{a}:quorlock:fence'],
    ['{a}b', '{a}b:quorlock:fence'],
    ['x{a}b', 'x{a}b:quorlock:fence'],
    ['x{a}{b}', 'x{a}{b}:quorlock:fence'],
    ['{a', '{{a}:quorlock:fence'],
    ['a{{b}}c', 'a{{b}}c:quorlock:fence'],
    ['a}{b}', 'a}{b}:quorlock:fence'],
    // Without a tag that a server would take for one; no counter can be in the same slot as these.
    ['{}x', '{{}x}:quorlock:fence'],
    ['{}{x}', '{{}{x}}:quorlock:fence'],
    ['a}b', '{a}b}:quorlock:fence'],
    ['}{', '{}{}:quorlock:fence'],
  ])('%s is %s', (key, counter) => {
    expect(counterOf(key)).toBe(counter);
  });

  const braces = fc.string({ minLength: 1, maxLength: 5, unit: fc.constantFrom('{', '}', 'a', 'b') });

  test.prop([braces, braces], { numRuns: 1_000 })(
    'is that of no other key, but for one in braces as its only tag',
    (one, other) => {
      fc.pre(one !== other);
      const isSame = counterOf(one) === counterOf(other);
      expect(isSame).toBe(
        isSame && [`{${one}}`, one].includes(other) !== [`{${other}}`, other].includes(one),
      );
    },
  );

  test.prop([fc.string({ minLength: 1 })])('cannot be locked itself', (key) => {
    expect(counterOf(key).endsWith(COUNTER_SUFFIX)).toBe(true);
  });

  const plain = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !/[{}]/.test(text));
  const anything = fc.string({ unit: fc.constantFrom('{', '}', 'a', 'b') });

  test.prop([plain])('is in the hash slot of a key without braces', (key) => {
    expect(slotOf(counterOf(key))).toBe(slotOf(key));
  });

  test.prop([plain, plain, anything])('is in the hash slot of a key with a tag', (before, tag, after) => {
    const key = `${before}{${tag}}${after}`;
    expect(slotOf(counterOf(key))).toBe(slotOf(key));
    expect(slotOf(counterOf(key))).toBe(slotOf(tag));
  });

  test.prop([plain, anything])('is in the hash slot of a key with an open brace only', (before, after) => {
    const key = `${before}{${after.replaceAll('}', '{')}`;
    expect(slotOf(counterOf(key))).toBe(slotOf(key));
  });
});
