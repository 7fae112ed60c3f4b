import { Redis } from 'ioredis';
import { now } from '../../support/monotonic.ts';

/**
 * The commands that this process sends. Servers cannot tell: what a script calls counts there, in `commandstats` as
 * in `total_commands_processed`, as if a client had sent it.
 */
export class Sent {
  commands = 0;
  /** When each attempt of quorlock to get a lock was sent first, by its owner token. */
  readonly attempts: Map<string, number> = new Map();
  readonly #seen = new WeakSet<object>();

  /** From all connections that are there, or come. */
  watch(): void {
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { sendCommand } = Redis.prototype;
    const count = this.#count.bind(this);
    Redis.prototype.sendCommand = function (this: Redis, command, stream): unknown {
      count(command);
      return sendCommand.call(this, command, stream);
    };
  }

  #count(command: { name: string; args: readonly unknown[] }): void {
    // One that had to wait for its connection comes by twice.
    if (this.#seen.has(command)) return;
    this.#seen.add(command);
    this.commands++;
    if (command.name !== 'evalsha') return;
    for (const [i, arg] of command.args.entries()) {
      // On quorlock's wire, each operation is its verb, how many keys, the owner token, …
      const token = arg === 'grant' && command.args[i + 2];
      if (typeof token === 'string' && !this.attempts.has(token)) this.attempts.set(token, now());
    }
  }
}
