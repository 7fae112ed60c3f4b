import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/cli/call.ts';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { CONNECTION_OPTIONS } from '../../src/cli/connection-options.ts';
import { doctor } from '../../src/cli/doctor.ts';
import { EXIT } from '../../src/cli/exit-code.ts';
import type { Output } from '../../src/cli/output.ts';
import { plain } from '../../src/cli/paint.ts';
import { helpHint, runProgram } from '../../src/cli/program.ts';

class Recorder implements Output {
  readonly isTerminal = false;
  readonly paint = plain;
  readonly rows = 24;
  readonly isClosed = false;
  text = '';

  write(text: string): void {
    this.text += text;
  }

  print(...lines: readonly string[]): void {
    this.write(lines.map((line) => `${line}\n`).join(''));
  }
}

const streams = () => ({ env: {}, stdout: new Recorder(), stderr: new Recorder() });

async function output(...args: string[]): Promise<string> {
  const { stdout, ...others } = streams();
  expect(await runProgram(args, { stdout, ...others })).toBe(0);
  expect(others.stderr.text).toBe('');
  return stdout.text;
}

describe('the help', () => {
  it.each([['--help'], ['-h'], ['help'], ['help', '--help']])('is printed by %s %s', async (...args) => {
    const text = await output(...args.filter((arg) => arg !== undefined));
    for (const { name } of COMMANDS) expect(text).toContain(`\n  ${name} `);
    expect(text).toContain('QUORLOCK_NODES');
    expect(text).toMatch(/\n {2}75 .*somebody else holds the lock/);
  });

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    'of %s has its options, its exit codes and examples',
    async (name, { options, exitCodes, examples, usesNodes }) => {
      const text = await output(name, '--help');
      expect(await output('help', name)).toBe(text);
      for (const option of options) expect(text).toContain(`\n  --${option.name}`);
      for (const [code] of exitCodes) expect(text).toContain(`\n  ${code} `);
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) expect(text).toContain(`\n  ${example}\n`);
      expect(text.includes('--password-file')).toBe(usesNodes);
    },
  );

  it.each(COMMANDS.flatMap(({ name, examples }) => examples.map((example) => [name, example] as const)))(
    'has for %s an example that works: %s',
    (name, example) => {
      const command = COMMANDS.find((each) => each.name === name);
      const args = example
        .split(' ')
        .slice(2)
        .filter((arg) => !arg.startsWith('>'));
      expect(() => parseCommandLine(args, command?.options ?? [])).not.toThrow();
    },
  );

  it('is no wider than 100 characters, except for examples', async () => {
    const texts = await Promise.all([
      output('--help'),
      ...COMMANDS.map(({ name }) => output(name, '--help')),
    ]);
    const lines = texts.flatMap((text) => text.split('\n')).filter((line) => !line.startsWith('  quorlock '));
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  it('is not what a command after the dashes is asked for', async () => {
    const { stdout, ...others } = streams();
    await expect(runProgram(['run', 'job', '--', 'ls', '--help'], { stdout, ...others })).rejects.toThrow(
      'no nodes',
    );
    expect(stdout.text).toBe('');
  });
});

describe('the program', () => {
  it('prints its version', async () => {
    expect(await output('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('without arguments prints the help as an error', async () => {
    const { stdout, stderr, env } = streams();
    expect(await runProgram([], { stdout, stderr, env })).toBe(64);
    expect(stdout.text).toBe('');
    expect(stderr.text).toContain('quorlock <command> [options]');
  });

  it.each([
    [
      ['nodse'],
      'there is no command "nodse"; did you mean nodes? (commands: run, inspect, nodes, doctor, revoke, watch, demo)',
    ],
    [['x'], 'there is no command "x" (commands:'],
    [['help', 'x'], 'there is no command "x"'],
    [['--node', 'redis://a', 'nodes'], 'the first argument must be a command'],
    [
      ['redis://:secret@a'],
      'the first argument must be a command, such as quorlock nodes --node redis://host:6379',
    ],
    [['nodes'], 'no nodes: give --node redis://host:6379 for each node, or set QUORLOCK_NODES'],
    [['nodes', 'x'], 'it takes no arguments'],
    [['inspect'], 'give the name of a resource'],
    [['inspect', 'a', 'b'], 'give one resource only'],
    [['revoke', ''], 'give the name of a resource'],
    [['demo', '--node', 'redis://a'], 'unknown option "--node"'],
    [['watch', '--interval', '99'], '--interval must be at least 100ms'],
    [['watch', '--interval', '600h'], '--interval must be at most 24 days'],
    [['run', 'r', '--', ''], 'the name of the command is empty'],
    [['nodes', '--node', 'redis://a', '--max-ttl', '1'], '--max-ttl must be a whole number from 4'],
    [['nodes', '--node', 'redis://a', '--node', 'redis://a'], 'nodes[1] is the same as nodes[0]: a:6379'],
  ])('refuses %j', async (args, message) => {
    await expect(runProgram(args, streams())).rejects.toThrow(message);
    await expect(runProgram(args, streams())).rejects.toMatchObject({ name: 'UsageError' });
  });

  it.each([
    [['run', 'x'], 'quorlock run --help explains the command'],
    [['x'], 'quorlock --help lists the commands'],
    [[], 'quorlock --help lists the commands'],
  ])('says for %j where to read on', (args, hint) => {
    expect(helpHint(args)).toBe(hint);
  });
});

it('the doctor takes no arguments', async () => {
  const call: Call = { ...streams(), line: parseCommandLine(['x'], CONNECTION_OPTIONS) };
  await expect(doctor(call)).rejects.toThrow('it takes no arguments');
});

it('every exit code is explained in the help and in the documentation', async () => {
  const help = await output('--help');
  const documentation = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  for (const code of Object.values(EXIT)) {
    expect(help).toMatch(new RegExp(`^ {2}${code} +\\S`, 'm'));
    expect(documentation).toMatch(new RegExp(`^\\| ${code} +\\|`, 'm'));
  }
});
