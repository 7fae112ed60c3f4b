import type { Command } from './call.ts';
import type { OptionSpec } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import { CONNECTION_OPTIONS } from './connection-options.ts';

const WIDTH = 100;

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'an unexpected error'],
  ['3', 'revoke: nothing was revoked; doctor: found an error; demo: failed'],
  ['64', 'wrong usage'],
  ['69', 'too few nodes can be used'],
  ['75', 'run: somebody else holds the lock'],
  ['76', 'run: the lock was lost'],
  ['126', 'run: the command cannot be executed'],
  ['127', 'run: there is no such command'],
  ['128 + n', 'ended by signal n'],
];

/** What `quorlock --help` prints. */
export function generalHelp(): string[] {
  return [
    'quorlock: locks on a majority of independent Redis nodes',
    '',
    'quorlock <command> [options]',
    '',
    'Commands:',
    ...pairs([
      ...COMMANDS.map(({ name, summary }) => [name, summary] as const),
      ['help <command>', 'explains a command; so does <command> --help'],
      ['--version', 'prints the version'],
    ]),
    '',
    'Options of commands that use nodes:',
    ...optionLines(CONNECTION_OPTIONS),
    '',
    ...wrap('TIME is a number with a unit, such as 200ms, 30s, 5m or 1h; without a unit it is in ms.', ''),
    ...wrap(
      'Put passwords into a file, or into QUORLOCK_NODES: other users of the machine can read the command line.',
      '',
    ),
    '',
    'Exit codes:',
    ...pairs(EXIT_CODES),
    '',
    'Examples:',
    '  export QUORLOCK_NODES=redis://a:6379,redis://b:6379,redis://c:6379',
    '  quorlock nodes',
    '  quorlock run nightly-report --wait 0 -- ./report.sh',
    '  quorlock inspect nightly-report',
  ];
}

/** What `quorlock <command> --help` prints. */
export function commandHelp(command: Command): string[] {
  const { name, synopsis, details, options, usesNodes, exitCodes, examples } = command;
  return [
    `quorlock ${name} ${synopsis}`.trimEnd(),
    '',
    ...details.flatMap((paragraph) => wrap(paragraph, '').concat('')),
    ...(options.length > 0 ? ['Options:', ...optionLines(options), ''] : []),
    ...(usesNodes ? ['Nodes:', ...optionLines(CONNECTION_OPTIONS), ''] : []),
    'Exit codes:',
    ...pairs(exitCodes),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
  ];
}

function optionLines(options: readonly OptionSpec[]): string[] {
  return pairs(options.map(({ name, value, help }) => [`--${name}${value ? ` ${value}` : ''}`, help]));
}

/** Two columns; the second is wrapped. */
function pairs(all: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...all.map(([left]) => left.length));
  return all.flatMap(([left, right]) => {
    const indent = ' '.repeat(width + 4);
    const [first = '', ...more] = wrap(right, indent);
    return [`  ${left.padEnd(width)}  ${first.trimStart()}`, ...more];
  });
}

/** Lines of at most `WIDTH` characters. */
export function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    const longer = line === indent ? `${indent}${word}` : `${line} ${word}`;
    if (longer.length > WIDTH && line !== indent) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = longer;
  }
  return [...lines, line];
}
