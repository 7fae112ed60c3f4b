import { Command, type Redis } from 'ioredis';

/** An argument of a command in RESP: a bulk string. */
function bulk(argument: string | number): string {
  const text = typeof argument === 'number' ? `${argument}` : argument;
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

/**
 * EVALSHA by a client of a single server. ioredis would copy and look through hundreds of arguments; a batch is written
 * by one string, and the command itself knows no more than it needs.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export function evalsha(
  client: Redis,
  sha: string,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const command = new Command('evalsha', [sha, keys.length], { replyEncoding: 'utf8' });
  command.toWritable = () => {
    const parts = [`*${3 + keys.length + args.length}\r\n`, EVALSHA, bulk(sha), bulk(keys.length)];
    for (const key of keys) parts.push(bulk(key));
    for (const argument of args) parts.push(bulk(argument));
    return parts.join('');
  };
  return client.sendCommand(command) as Promise<unknown>;
}

const EVALSHA = bulk('evalsha');
