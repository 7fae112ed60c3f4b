import { readFileSync } from 'node:fs';
import type { Call, Command } from './call.ts';
import type { CommandLine } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, UsageError } from './exit-code.ts';

/** Runs the command that the arguments name, and resolves with the exit code. Loads only what that needs: each module costs time at the start. */
export async function runProgram(args: readonly string[], streams: Omit<Call, 'line'>): Promise<number> {
  const { stdout, stderr } = streams;
  const [name, ...rest] = args;
  if (name === undefined) {
    stderr.print(...(await helpOn(undefined)));
    return EXIT.usage;
  }
  if (isHelp(name)) {
    const [topic] = rest;
    stdout.print(
      ...(await helpOn(topic === undefined || isHelp(topic) ? undefined : await commandOf(topic))),
    );
    return EXIT.ok;
  }
  if (name === '--version' || name === '-V') {
    stdout.print(version());
    return EXIT.ok;
  }
  const command = await commandOf(name);
  const end = rest.indexOf('--');
  if ((end === -1 ? rest : rest.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')) {
    stdout.print(...(await helpOn(command)));
    return EXIT.ok;
  }
  const line = await lineOf(command, rest);
  const run = await command.load();
  return run({ ...streams, line });
}

async function lineOf(command: Command, args: readonly string[]): Promise<CommandLine> {
  const { parseCommandLine } = await import('./command-line.ts');
  const { CONNECTION_OPTIONS } = await import('./connection-options.ts');
  return parseCommandLine(args, [...command.options, ...(command.usesNodes ? CONNECTION_OPTIONS : [])]);
}

/** On all commands if none is given. */
async function helpOn(command: Command | undefined): Promise<readonly string[]> {
  const { commandHelp, generalHelp } = await import('./help.ts');
  return command ? commandHelp(command) : generalHelp();
}

/** Where to read about the command that was used wrongly. */
export function helpHint([name = '']: readonly string[]): string {
  return COMMANDS.some((each) => each.name === name)
    ? `quorlock ${name} --help explains the command`
    : 'quorlock --help lists the commands';
}

function isHelp(arg: string): boolean {
  return arg === 'help' || arg === '--help' || arg === '-h';
}

async function commandOf(name: string): Promise<Command> {
  const command = COMMANDS.find((each) => each.name === name);
  if (command) return command;
  // An URL may have a password, and is not shown.
  if (name.startsWith('-') || name.includes('://'))
    throw new UsageError(
      'the first argument must be a command, such as quorlock nodes --node redis://host:6379',
    );
  const { quote } = await import('../quote.ts');
  const { suggestion } = await import('./suggest.ts');
  const names = COMMANDS.map((each) => each.name);
  throw new UsageError(
    `there is no command ${quote(name)}${suggestion(name, names)} (commands: ${names.join(', ')})`,
  );
}

/** The same file is as far away from the sources as from what is built of them. */
function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
