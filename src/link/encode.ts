import type { Command } from './link.ts';

/**
 * A command in RESP: an array of bulk strings.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export function encode(command: Command): string {
  let text = `*${command.length}\r\n`;
  for (const part of command) {
    const argument = typeof part === 'number' ? `${part}` : part;
    // Each template would be a text of its own first.
    text += '$' + Buffer.byteLength(argument) + '\r\n' + argument + '\r\n';
  }
  return text;
}
