import { describe, expect, it } from 'vitest';
import { cut, enumerate, quote } from '../../src/quote.ts';

describe('a text that others wrote', () => {
  it('is shown whole while it is short', () => {
    expect(cut('x'.repeat(200))).toBe('x'.repeat(200));
    expect(quote('x'.repeat(64))).toBe(JSON.stringify('x'.repeat(64)));
    expect(quote('a "b"\n')).toBe('"a \\"b\\"\\n"');
  });

  it('is cut when it is long, with its length', () => {
    expect(cut('x'.repeat(201))).toBe(`${'x'.repeat(200)}… (201 characters)`);
    expect(cut('12345', 3)).toBe('123… (5 characters)');
    expect(quote('x'.repeat(65))).toBe(`"${'x'.repeat(64)}…" (65 characters)`);
  });

  it('is no broken character where it is cut within one', () => {
    expect(quote('x'.repeat(63) + '🔒🔒')).toBe(`"${'x'.repeat(63)}\\ud83d…" (67 characters)`);
  });
});

describe('a list', () => {
  it('is shown whole while it is short, and otherwise says how many more there are', () => {
    expect(enumerate([], 2)).toBe('');
    expect(enumerate(['a', 'b'], 2)).toBe('a, b');
    expect(enumerate(['a', 'b', 'c'], 2)).toBe('a, b, … and 1 more');
    expect(
      enumerate(
        Array.from({ length: 999 }, (_, index) => `${index}`),
        2,
      ),
    ).toBe('0, 1, … and 997 more');
  });
});
