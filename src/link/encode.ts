import type { Command, Encoded } from './link.ts';

/** How bulk strings of short texts begin. */
const HEADS: readonly string[] = Array.from({ length: 256 }, (_, length) => `$${length}\r\n`);

/** A command's arguments, encoded when that is first needed. */
export class EncodedArguments implements Encoded {
  readonly parts: Command;
  #text: string | undefined;

  constructor(parts: Command) {
    this.parts = parts;
  }

  get text(): string {
    this.#text ??= bulksOf(this.parts);
    return this.#text;
  }
}

/**
 * A command in RESP: an array of bulk strings.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export function encode(command: Command, rest?: Encoded): string {
  const count = command.length + (rest?.parts.length ?? 0);
  return `*${count}\r\n${bulksOf(command)}${rest?.text ?? ''}`;
}

function bulksOf(parts: Command): string {
  let text = '';
  for (const part of parts) {
    const argument = typeof part === 'number' ? `${part}` : part;
    const length = Buffer.byteLength(argument);
    // Each template would be a text of its own first.
    text += (HEADS[length] ?? '$' + length + '\r\n') + argument + '\r\n';
  }
  return text;
}
