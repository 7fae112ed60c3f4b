import { parseArgs } from 'node:util';
import { quote } from '../quote.ts';
import { parseDuration } from './duration.ts';
import { UsageError } from './exit-code.ts';
import { suggestion } from './suggest.ts';

/** What nobody calls a resource or a command. */
const NODE_URL = /^rediss?:\/\//i;

/** One option of a command. */
export interface OptionSpec {
  /** Without the dashes. */
  readonly name: string;
  /** What stands for its value in the help; absent for a switch. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly repeated?: boolean;
  /** What it means, for the help. */
  readonly help: string;
}

/** The arguments of a command, taken apart. */
export class CommandLine {
  readonly positionals: readonly string[];
  /** What follows `--`; undefined without a `--`. */
  readonly rest: readonly string[] | undefined;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(
    positionals: readonly string[],
    values: ReadonlyMap<string, readonly string[]>,
    rest?: readonly string[],
  ) {
    this.positionals = positionals;
    this.rest = rest;
    this.#values = values;
  }

  /** Whether an option was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The values of an option that may be repeated. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The value of an option; the last one if it was given twice. */
  text(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  /** The value of an option, in ms. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseDuration(`--${name}`, text);
  }
}

/**
 * Takes apart the arguments of a command. What follows `--` is left alone.
 *
 * @throws {UsageError} for an unknown option, a missing value, and a value of a switch. No message shows a value: it may be a password.
 */
export function parseCommandLine(args: readonly string[], specs: readonly OptionSpec[]): CommandLine {
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  const { tokens } = parseArgs({
    args: [...own],
    options: Object.fromEntries(
      specs.map(({ name, value }) => [name, { type: value === undefined ? 'boolean' : 'string' }] as const),
    ),
    strict: false,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(noNode(token.value));
    if (token.kind !== 'option') continue;
    const spec = specs.find(({ name }) => name === token.name && token.rawName.startsWith('--'));
    if (!spec) throw unknownOption(token.rawName, specs);
    values.set(spec.name, [...(values.get(spec.name) ?? []), valueOf(token, spec)]);
  }
  return new CommandLine(positionals, values, end === -1 ? undefined : args.slice(end + 1));
}

/** Not shown, as it may have a password. */
function noNode(value: string): string {
  if (NODE_URL.test(value)) throw new UsageError('the URL of a node needs --node before it: --node URL');
  return value;
}

function valueOf(
  { value, inlineValue }: { value: string | undefined; inlineValue: boolean | undefined },
  spec: OptionSpec,
): string {
  const option = `--${spec.name}`;
  if (spec.value === undefined) {
    if (value !== undefined) throw new UsageError(`${option} takes no value`);
    return '';
  }
  // The next option, most probably.
  if (value === undefined || (!inlineValue && value.startsWith('-')))
    throw new UsageError(`${option} needs a value: ${option} ${spec.value}`);
  return value;
}

function unknownOption(rawName: string, specs: readonly OptionSpec[]): UsageError {
  const names = specs.map(({ name }) => `--${name}`);
  return new UsageError(`unknown option ${quote(rawName)}${suggestion(rawName, names)}`);
}
