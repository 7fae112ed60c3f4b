import { Redis } from 'ioredis';
import { now } from '../../support/monotonic.ts';

/** What is used of a command of ioredis. */
interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  toWritable?(socket: object): unknown;
}

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

  #count(command: Command): void {
    // One that had to wait for its connection comes by twice.
    if (this.#seen.has(command)) return;
    this.#seen.add(command);
    this.commands++;
    if (command.name.toLowerCase() !== 'evalsha') return;
    const args = argumentsOf(command);
    for (const [i, arg] of args.entries()) {
      // On quorlock's wire, each operation is its verb, how many keys, the owner token, … A waiter's grant is a `stand`.
      const token = arg === 'grant' || arg === 'stand' ? args[i + 2] : undefined;
      if (token !== undefined && !this.attempts.has(token)) this.attempts.set(token, now());
    }
  }
}

/** quorlock's commands have no arguments that ioredis would know: they write themselves, in RESP. */
function argumentsOf(command: Command): readonly string[] {
  const text = command.toWritable?.({});
  if (command.args.length > 0 || typeof text !== 'string') return command.args.map(String);
  // Each argument is a line, after a line with its length. None of those that matter here has a line break in it.
  return text.split('\r\n').filter((_, i) => i > 0 && i % 2 === 0);
}
