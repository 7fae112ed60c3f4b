import type { CommandLine, OptionSpec } from './command-line.ts';
import type { Output } from './output.ts';

/** What a command is started with. */
export interface Call {
  readonly line: CommandLine;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Does what the command does, and resolves with the exit code. */
type Run = (call: Call) => Promise<number>;

/** A command, as the help shows it. */
export interface Command {
  readonly name: string;
  /** What follows the name: its arguments. */
  readonly synopsis: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What it does, in paragraphs. */
  readonly details: readonly string[];
  readonly options: readonly OptionSpec[];
  /** Whether it takes the options that say where the nodes are. */
  readonly usesNodes: boolean;
  readonly exitCodes: readonly (readonly [code: string, meaning: string])[];
  readonly examples: readonly string[];
  /** Loads what the command needs. The help does without. */
  load(): Promise<Run>;
}
