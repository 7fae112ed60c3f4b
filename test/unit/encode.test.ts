import { expect, it } from 'vitest';
import { encode, encodeOnce } from '../../src/link/encode.ts';

it('a command is an array of bulk strings, whose lengths are in bytes', () => {
  expect(encode(['SET', 'ä', 12, ''])).toBe('*4\r\n$3\r\nSET\r\n$2\r\nä\r\n$2\r\n12\r\n$0\r\n\r\n');
});

it.each([255, 256, 70_000])('an argument may be of %i bytes', (length) => {
  const text = 'x'.repeat(length);
  expect(encode([text])).toBe(`*1\r\n$${length}\r\n${text}\r\n`);
});

it('what commands have in common at their end is encoded once', () => {
  let numberOfReads = 0;
  const parts = new Proxy(['ä', 7], {
    get: (target, name) => {
      if (name === '0') numberOfReads++;
      return Reflect.get(target, name);
    },
  });
  const rest = encodeOnce(parts);
  expect(numberOfReads).toBe(0);
  expect(encode(['A'], rest)).toBe(encode(['A', 'ä', 7]));
  expect(encode(['B', 'b'], rest)).toBe(encode(['B', 'b', 'ä', 7]));
  expect(numberOfReads).toBe(1);
});
