import { createRequire } from 'node:module';
import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { type Reply, RespReader } from '../../src/link/resp-reader.ts';

interface Handlers {
  returnReply: (reply: Reply) => void;
  returnError: (error: Error) => void;
}

interface ParserOfIoredis {
  execute(chunk: Buffer): void;
}

const require = createRequire(import.meta.url);
/** What ioredis 5 and iovalkey read with. */
const Parser = createRequire(require.resolve('ioredis5'))('redis-parser') as new (
  handlers: Handlers,
) => ParserOfIoredis;

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 3 }));
const line = text.map((any) => any.replaceAll(/[\r\n]/g, ' '));

/** What RESP and near misses of it consist of. */
const PARTS = [
  ...'+ - : $ * 0 1 9 a \r \n'.split(' '),
  '\r\n',
  '\r\n',
  '\r\n',
  ':1\r\n',
  '$1\r\n',
  '*2\r\n',
  '*1\r\n',
  '$-1\r\n',
];

const { reply } = fc.letrec<{ reply: string; array: string }>((tie) => ({
  reply: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.integer(), fc.maxSafeInteger()).map((n) => `:${n}\r\n`),
    text.map(bulk),
    fc.nat({ max: 300 }).map((length) => bulk('ü\r\n'.repeat(length))),
    line.map((any) => `+${any}\r\n`),
    line.map((any) => `-ERR ${any}\r\n`),
    fc.constantFrom('$-1\r\n', '*-1\r\n', '*0\r\n'),
    tie('array'),
  ),
  array: fc.array(tie('reply'), { maxLength: 6 }).map((items) => `*${items.length}\r\n${items.join('')}`),
}));

const conversation = fc.record({
  bytes: fc.array(reply, { minLength: 1, maxLength: 20 }).map((replies) => Buffer.from(replies.join(''))),
  lengths: fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 400 })), {
    minLength: 1,
    maxLength: 40,
  }),
});

/** The lengths are used again and again. */
function cutUp(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = lengths[chunks.length % lengths.length] as number;
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Errors are compared by their messages alone. */
function plain(value: Reply): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Error ? { error: value.message } : value;
}

test.prop([conversation], { numRuns: 2_000 })(
  'replies cut anywhere are read as the parser of ioredis 5 reads them in one piece',
  ({ bytes, lengths }) => {
    const theirs: unknown[] = [];
    new Parser({
      returnReply: (value) => theirs.push(plain(value)),
      returnError: (error) => theirs.push(plain(error)),
    }).execute(bytes);
    const ours: unknown[] = [];
    const reader = new RespReader((value) => ours.push(plain(value)));
    for (const chunk of cutUp(bytes, lengths)) reader.read(chunk);
    expect(ours).toEqual(theirs);
  },
);

/** What is made of these chunks. */
function outcome(chunks: readonly Buffer[]): unknown {
  const replies: unknown[] = [];
  const reader = new RespReader((value) => replies.push(plain(value)));
  try {
    for (const chunk of chunks) reader.read(chunk);
  } catch {
    return { replies, isRefused: true };
  }
  return { replies, isRefused: false };
}

test.prop([fc.uint8Array({ maxLength: 60 }), fc.infiniteStream(fc.integer({ min: 1, max: 9 }))], {
  numRuns: 2_000,
})('bytes that are no RESP are refused, or wait for more, wherever they are cut', (random, lengths) => {
  const text = [...random].map((byte) => PARTS[byte % PARTS.length]).join('');
  // A line that is not complete may be refused early or later.
  const bytes = Buffer.from(`${text}\r\n`);
  expect(outcome(cutUp(bytes, [...lengths.take(30)]))).toEqual(outcome([bytes]));
});
