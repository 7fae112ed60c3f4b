import { test } from '@fast-check/vitest';
import slotOf from 'cluster-key-slot';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterOf } from '../../src/node/counter.ts';
import { lineOf } from '../../src/node/line.ts';

describe('the key of a line', () => {
  it.each([
    ['r', '{r}:quorlock:line'],
    ['a:b c', '{a:b c}:quorlock:line'],
    ['{a}b', '{a}b:quorlock:line'],
    ['x{a}{b}', 'x{a}{b}:quorlock:line'],
    ['{a', '{{a}:quorlock:line'],
    ['{}x', '{{}x}:quorlock:line'],
  ])('%s is %s', (key, line) => {
    expect(lineOf(key)).toBe(line);
  });

  const key = fc.string({ minLength: 1, unit: fc.constantFrom('{', '}', 'a', 'b') });

  test.prop([key])('is beside the counter: in the hash slot of the key, wherever that is', (key) => {
    expect(slotOf(lineOf(key))).toBe(slotOf(counterOf(key)));
  });

  test.prop([key, key])(
    'is that of no counter, nor of another key that has a counter of its own',
    (one, other) => {
      expect(lineOf(one)).not.toBe(counterOf(other));
      expect(lineOf(one) === lineOf(other)).toBe(counterOf(one) === counterOf(other));
    },
  );
});
