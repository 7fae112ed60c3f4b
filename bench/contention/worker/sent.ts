import { Socket } from 'node:net';
import { requestsOf } from '../../../test/support/wire-format.ts';
import { now } from '../../support/monotonic.ts';

/**
 * The commands that this process sends. Servers cannot tell: what a script calls counts there, in `commandstats` as
 * in `total_commands_processed`, as if a client had sent it.
 */
export class Sent {
  commands = 0;
  /** When each attempt of quorlock to get a lock was sent first, by its owner token. */
  readonly attempts: Map<string, number> = new Map();

  /** From all connections that are there, or come. */
  watch(): void {
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const write = Socket.prototype.write as (this: Socket, ...args: unknown[]) => boolean;
    const count = this.#count.bind(this);
    Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
      // What goes to a pipe, such as the output of this process, is no command.
      if (this.remotePort !== undefined || this.connecting) count(args[0]);
      return write.apply(this, args);
    };
  }

  /** All clients here write whole commands in RESP: an argument is a line that follows a line with its length. No argument has a line break in it. */
  #count(written: unknown): void {
    const lines = String(written).split('\r\n');
    for (let i = 0; lines[i]?.startsWith('*'); ) {
      const end = i + 1 + 2 * Number(lines[i]?.slice(1));
      this.commands++;
      if (lines[i + 2]?.toLowerCase() === 'evalsha')
        this.#note(lines.slice(i + 1, end).filter((_, n) => n % 2 === 1));
      i = end;
    }
  }

  #note([, , keys = '', ...rest]: readonly string[]): void {
    const count = Number(keys);
    for (const { operation, token } of requestsOf(rest.slice(0, count), rest.slice(count)))
      if (operation === 'grant' && !this.attempts.has(token)) this.attempts.set(token, now());
  }
}
