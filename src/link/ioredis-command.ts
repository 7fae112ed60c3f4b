import { encode } from './encode.ts';
import type { Command, Encoded } from './link.ts';

/** A command as a client of ioredis takes it. */
export interface IoredisCommand {
  toWritable: () => string;
}

type CommandClass = new (name: string, args: unknown[], options: { replyEncoding: 'utf8' }) => IoredisCommand;

/** What is used of a client to find its class of commands. */
interface Commanding {
  call(name: string): Promise<unknown>;
  sendCommand(command: IoredisCommand): unknown;
}

/** By the prototype of clients. */
const classes = new WeakMap<object, CommandClass>();

/**
 * The class of commands that belongs to a client. Each copy of ioredis has its own, which its clients do not name; but they
 * make a command of it, and hand it to their `sendCommand`.
 */
export function commandClassOf(client: Commanding): CommandClass {
  const kind: object = Object.getPrototypeOf(client);
  const known = classes.get(kind);
  if (known) return known;
  client.sendCommand = (command) => {
    classes.set(kind, command.constructor as CommandClass);
    return Promise.resolve();
  };
  void client.call('PING');
  Reflect.deleteProperty(client, 'sendCommand');
  return classes.get(kind) as CommandClass;
}

/**
 * A command that is written by one string: ioredis would copy and look through hundreds of arguments. Its errors show no
 * arguments either.
 */
export function minimalCommand(Class: CommandClass, command: Command, rest?: Encoded): IoredisCommand {
  // ioredis makes objects of some replies; it knows their commands by names in lower case.
  const minimal = new Class(String(command[0]).toUpperCase(), [], { replyEncoding: 'utf8' });
  minimal.toWritable = () => encode(command, rest);
  return minimal;
}
