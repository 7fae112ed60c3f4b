import { describe, expect, it } from 'vitest';
import { type CommandLine, type OptionSpec, parseCommandLine } from '../../src/cli/command-line.ts';

const SPECS: readonly OptionSpec[] = [
  { name: 'node', value: 'URL', repeated: true, help: '' },
  { name: 'ttl', value: 'TIME', help: '' },
  { name: 'json', help: '' },
];

const parse = (...args: string[]): CommandLine => parseCommandLine(args, SPECS);

describe('a command line', () => {
  it('has options before and after its arguments', () => {
    const line = parse('--ttl', '5s', 'job', '--json');
    expect(line.positionals).toEqual(['job']);
    expect(line.duration('ttl')).toBe(5_000);
    expect(line.has('json')).toBe(true);
    expect(line.has('node')).toBe(false);
    expect(line.text('node')).toBeUndefined();
  });

  it('has every value of an option that is repeated', () => {
    expect(parse('--node', 'a', '--node=b').all('node')).toEqual(['a', 'b']);
  });

  it('has the last value of an option that is given twice', () => {
    expect(parse('--ttl', '1s', '--ttl', '2s').duration('ttl')).toBe(2_000);
  });

  it('leaves alone what follows the dashes', () => {
    const line = parse('job', '--', 'sh', '-c', '--json', '--', 'x');
    expect(line.positionals).toEqual(['job']);
    expect(line.rest).toEqual(['sh', '-c', '--json', '--', 'x']);
    expect(line.has('json')).toBe(false);
  });

  it.each(['redis://:secret@a:6379', 'REDISS://:secret@a'])('refuses a node without --node: %s', (url) => {
    expect(() => parse('--node', 'redis://b', url)).toThrow(
      /^the URL of a node needs --node before it: --node URL$/,
    );
  });

  it('tells a command that is empty from one that is missing', () => {
    expect(parse('job', '--').rest).toEqual([]);
    expect(parse('job').rest).toBeUndefined();
  });

  it('takes a value that begins with a dash after an equals sign', () => {
    expect(parse('--ttl=-1').text('ttl')).toBe('-1');
  });

  it.each([
    [['--jsn'], 'unknown option "--jsn"; did you mean --json?'],
    [['--nodes', 'x'], 'unknown option "--nodes"; did you mean --node?'],
    [['--password', 'secret'], 'unknown option "--password"'],
    [['-j'], 'unknown option "-j"'],
    [['--ttl'], '--ttl needs a value: --ttl TIME'],
    [['--ttl', '--json'], '--ttl needs a value: --ttl TIME'],
    [['--json=yes'], '--json takes no value'],
    [['--__proto__', 'x'], 'unknown option "--__proto__"'],
  ])('with %j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  it('shows no value of an unknown option', () => {
    expect(() => parse('--password=secret')).not.toThrow('secret');
  });
});
