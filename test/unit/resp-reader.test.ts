import { describe, expect, it } from 'vitest';
import { type Reply, RespReader } from '../../src/link/resp-reader.ts';

/** What is read from these chunks. */
function read(...chunks: (string | Buffer)[]): Reply[] {
  const replies: Reply[] = [];
  const reader = new RespReader((reply) => replies.push(reply));
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return replies;
}

function chunksOf(bytes: Buffer, length: number): Buffer[] {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}

const nested = (depth: number): string => `${'*1\r\n'.repeat(depth)}:1\r\n`;
const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

describe('a reader of RESP', () => {
  const KINDS: readonly [wire: string, reply: Reply][] = [
    [':1\r\n', 1],
    [':0\r\n', 0],
    [':-0\r\n', 0],
    [':+7\r\n', 7],
    [':-42\r\n', -42],
    [':9007199254740991\r\n', Number.MAX_SAFE_INTEGER],
    [':-9007199254740991\r\n', Number.MIN_SAFE_INTEGER],
    ['+OK\r\n', 'OK'],
    ['+\r\n', ''],
    ['+grün\r\n', 'grün'],
    ['-NOSCRIPT No matching script.\r\n', new Error('NOSCRIPT No matching script.')],
    ['$-1\r\n', null],
    ['*-1\r\n', null],
    ['$0\r\n\r\n', ''],
    ['$4\r\n\r\n\r\n\r\n', '\r\n\r\n'],
    [bulk('ä€😀'), 'ä€😀'],
    ['*0\r\n', []],
    ['*3\r\n:1\r\n*2\r\n$1\r\na\r\n*-1\r\n-ERR inner\r\n', [1, ['a', null], new Error('ERR inner')]],
    ['*1\r\n*1\r\n*0\r\n', [[[]]]],
  ];

  it.each(KINDS)('makes of %j what it says', (wire, reply) => {
    expect(read(wire)).toEqual([reply]);
  });

  it.each(KINDS)('makes the same of %j when it arrives byte by byte, between others', (wire, reply) => {
    const bytes = Buffer.from(`:1\r\n${wire}+end\r\n`);
    expect(read(...chunksOf(bytes, 1))).toEqual([1, reply, 'end']);
  });

  it('hands over each reply as soon as it is complete', () => {
    const replies: Reply[] = [];
    const reader = new RespReader((reply) => replies.push(reply));
    reader.read(Buffer.from(':1\r\n:2\r'));
    expect(replies).toEqual([1]);
    reader.read(Buffer.from('\n*2\r\n:3\r\n$3\r\nab'));
    expect(replies).toEqual([1, 2]);
    reader.read(Buffer.from('c\r\n'));
    expect(replies).toEqual([1, 2, [3, 'abc']]);
  });

  it('replaces bytes that are not UTF-8', () => {
    expect(read('$2\r\n', Buffer.from([0xff, 0x61]), '\r\n')).toEqual(['\ufffda']);
  });

  it('reads a long string from many chunks', () => {
    const text = 'ü'.repeat(4_000_000);
    const [reply, next] = read(...chunksOf(Buffer.from(`${bulk(text)}:1\r\n`), 65_536));
    expect(reply === text).toBe(true);
    expect(next).toBe(1);
  });

  // Reading from the start again with each chunk would take minutes.
  it('reads a long array from small chunks', () => {
    const length = 100_000;
    const items = Array.from({ length }, (_, i) => i);
    const wire = `*${length}\r\n${items.map((i) => `:${i}\r\n`).join('')}`;
    expect(read(...chunksOf(Buffer.from(wire), 7))).toEqual([items]);
  });

  it('reads a long line from small chunks', () => {
    const line = 'x'.repeat(200_000);
    expect(read(...chunksOf(Buffer.from(`+${line}\r\n`), 3))).toEqual([line]);
  });

  it('reads arrays in arrays, up to 64 of them', () => {
    expect(JSON.stringify(read(nested(64)))).toBe(`[${'['.repeat(64)}1${']'.repeat(64)}]`);
    // The depth is not that of all arrays together.
    expect(read('*3\r\n*1\r\n:1\r\n', nested(63), nested(63))).toHaveLength(1);
    expect(() => read(nested(65))).toThrow('arrays are nested more than 64 deep');
  });

  it.each([
    ['?1\r\n', 'a reply begins with "?", which is no type of RESP 2'],
    ['\r\n', 'a reply begins with "\\r", which is no type of RESP 2'],
    ['>1\r\n:1\r\n', 'a reply begins with ">", which is no type of RESP 2'],
    ['*1\r\n_\r\n', 'a reply begins with "_", which is no type of RESP 2'],
    [':\r\n', 'a number is ""'],
    [':-\r\n', 'a number is "-"'],
    [':1.5\r\n', 'a line goes on, or does not end in CRLF: ":1.5"'],
    [':1a\r\n', 'a line goes on, or does not end in CRLF: ":1a\\r"'],
    [':9e99\r\n', 'a line goes on, or does not end in CRLF: ":9e9"'],
    [':1\n', 'a line goes on, or does not end in CRLF: ":1\\n"'],
    ['+OK\n', 'a line goes on, or does not end in CRLF: "+OK\\n"'],
    ['+OK\rOK\r\n', 'a line goes on, or does not end in CRLF: "+OK\\rO"'],
    [':9007199254740992\r\n', 'the number "9007199254740992" is too large to be exact'],
    [':-9007199254740992\r\n', 'the number "-9007199254740992" is too large to be exact'],
    [`:${'9'.repeat(400)}\r\n`, 'is too large to be exact'],
    ['$-2\r\n', 'the length of a string is -2'],
    ['$99999999999\r\n', 'the length of a string is 99999999999'],
    ['*-7\r\n', 'the length of an array is -7'],
    ['*4294967295\r\n', 'the length of an array is 4294967295'],
    ['$3\r\nabcdef\r\n', 'a string of 3 bytes does not end in CRLF'],
    ['$3\r\nabc\r\r', 'a string of 3 bytes does not end in CRLF'],
  ])('refuses %j, also byte by byte, and says what is wrong', (wire, why) => {
    expect(() => read(wire)).toThrow(why);
    expect(() => read(...chunksOf(Buffer.from(wire), 1))).toThrow(/./);
  });

  it('has handed over what came before', () => {
    const replies: Reply[] = [];
    const reader = new RespReader((reply) => replies.push(reply));
    expect(() => reader.read(Buffer.from(':1\r\n+OK\r\nhello'))).toThrow(/"h"/);
    expect(replies).toEqual([1, 'OK']);
  });
});
