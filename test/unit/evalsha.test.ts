import { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { evalsha } from '../../src/link/evalsha.ts';

/** What a client that is not connected would write. */
function written(sha: string, keys: readonly string[], args: readonly (string | number)[]): unknown {
  const client = new Redis({ lazyConnect: true });
  const send = vi.spyOn(client, 'sendCommand').mockResolvedValue(1);
  void evalsha(client, sha, keys, args);
  client.disconnect();
  return send.mock.calls[0]?.[0].toWritable({});
}

it('a batch is written as the protocol has it: an array of bulk strings, their lengths in bytes', () => {
  expect(written('abc', ['k', 'ключ'], [5, '', 'a\r\nb', '😀'])).toBe(
    '*9 $7 evalsha $3 abc $1 2 $1 k $8 ключ $1 5 $0  $4 a\r\nb $4 😀 '.replaceAll(' ', '\r\n'),
  );
});

it('a batch is written as ioredis would write it', () => {
  const client = new Redis({ lazyConnect: true });
  const send = vi.spyOn(client, 'sendCommand').mockResolvedValue(1);
  void client.evalsha('abc', 2, 'k', 'ключ', 5, '', 2 ** 53 - 1);
  client.disconnect();
  const expected = send.mock.calls[0]?.[0].toWritable({});
  expect(written('abc', ['k', 'ключ'], [5, '', 2 ** 53 - 1])).toBe(expected);
});
