import type { Command, Encoded } from './link.ts';

/** What precedes a bulk string, by its length in bytes, for those that are short. */
const HEADS: readonly string[] = Array.from({ length: 256 }, (_, length) => `$${length}\r\n`);

/**
 * A command in RESP: an array of bulk strings.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export function encode(command: Command, rest?: Encoded): string {
  if (!rest) return `*${command.length}\r\n` + bulkStrings(command);
  return `*${command.length + rest.parts.length}\r\n` + bulkStrings(command) + rest.text;
}

/** The rest of a command; it is encoded when its text is first read, and only once. */
export function encodeOnce(parts: Command): Encoded {
  return new EncodedOnce(parts);
}

class EncodedOnce implements Encoded {
  readonly parts: Command;
  #text: string | undefined;

  constructor(parts: Command) {
    this.parts = parts;
  }

  get text(): string {
    this.#text ??= bulkStrings(this.parts);
    return this.#text;
  }
}

function bulkStrings(parts: Command): string {
  const strings: string[] = [];
  for (const part of parts) {
    const argument = typeof part === 'number' ? `${part}` : part;
    const length = Buffer.byteLength(argument);
    strings.push(HEADS[length] ?? `$${length}\r\n`, argument, '\r\n');
  }
  // Text that was added up would be put together anew for each node that it is written to.
  return strings.join('');
}
