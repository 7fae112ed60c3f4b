import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import {
  descendants,
  type ProcessEntry,
  parsePs,
  parseStat,
  readProcessTable,
} from '../../src/cli/process-table.ts';
import { environmentOf, type RunPlan, runPlanOf, startFailure } from '../../src/cli/run-plan.ts';

const OPTIONS = COMMANDS.find(({ name }) => name === 'run')?.options ?? [];
const plan = (...args: string[]): RunPlan => runPlanOf(parseCommandLine(args, OPTIONS));

describe('the plan of a run', () => {
  it('has usual values', () => {
    expect(plan('job', '--', 'cmd', '--flag')).toEqual({
      resource: 'job',
      command: ['cmd', '--flag'],
      grace: 10_000,
      lock: {
        ttl: undefined,
        acquireTimeout: 10_000,
        lockDelay: undefined,
        label: undefined,
        fencing: true,
      },
    });
  });

  it('has what the options say', () => {
    const args = [
      '--ttl',
      '2s',
      '--wait',
      '0',
      '--label',
      'x',
      '--no-fencing',
      '--lock-delay',
      '1s',
      '--grace',
      '3s',
    ];
    expect(plan('job', ...args, '--', 'cmd')).toEqual({
      resource: 'job',
      command: ['cmd'],
      grace: 3_000,
      lock: { ttl: 2_000, acquireTimeout: 0, lockDelay: 1_000, label: 'x', fencing: false },
    });
    expect(plan('job', '--wait', 'forever', '--', 'cmd').lock.acquireTimeout).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [[], 'give the name of a resource'],
    [['--', 'cmd'], 'give the name of a resource'],
    [['', '--', 'cmd'], 'give the name of a resource'],
    [['job'], 'give the command after --, as in: quorlock run job -- command'],
    [['job', '--'], 'give the command after --, as in: quorlock run job -- command'],
    [['job', 'ls', '-l'], 'unknown option "-l"'],
    [['job', 'ls'], 'give the command after --, as in: quorlock run job -- ls'],
    [['job', '--wait', 'long', '--', 'cmd'], '--wait must be a duration'],
    [['job', '--grace', '1000h', '--', 'cmd'], '--grace must be at most 24 days'],
  ])('%j is refused', (args, message) => {
    expect(() => plan(...args)).toThrow(message);
  });
});

it.each([
  [{ A: '1' }, 7, { A: '1', QUORLOCK_RESOURCE: 'r', QUORLOCK_FENCING_TOKEN: '7' }],
  [{ QUORLOCK_FENCING_TOKEN: '3' }, undefined, { QUORLOCK_RESOURCE: 'r' }],
  [
    { QUORLOCK_FENCING_TOKEN: '3', QUORLOCK_RESOURCE: 'outer' },
    7,
    { QUORLOCK_RESOURCE: 'r', QUORLOCK_FENCING_TOKEN: '7' },
  ],
])('the environment %j with the token %s becomes %j', (env, token, expected) => {
  expect(environmentOf(env, 'r', token)).toEqual(expected);
});

it.each([
  ['ENOENT', true, 'cannot start "x": there is no such command'],
  ['EACCES', false, 'cannot start "x": permission denied'],
  ['E2BIG', false, 'cannot start "x": spawn E2BIG'],
])('a command that fails with %s is explained', (code, notFound, message) => {
  expect(startFailure('x', Object.assign(new Error(`spawn ${code}`), { code }))).toEqual({
    notFound,
    message,
  });
});

const entry = (pid: number, parent: number): ProcessEntry => ({
  pid,
  parent,
  group: 1,
  isZombie: false,
  started: '',
});

describe('the table of processes', () => {
  it('has a process of Linux, whatever its name is', () => {
    const rest = `S 10 20 30 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1`;
    const expected = { pid: 42, parent: 10, group: 20, isZombie: false, started: '987654' };
    expect(parseStat(`42 (sh) ${rest}`)).toEqual(expected);
    expect(parseStat(`42 (a) Z 1 (b) ${rest}`)).toEqual(expected);
    expect(parseStat(`42 (sh) Z${rest.slice(1)}`)).toEqual({ ...expected, isZombie: true });
  });

  it('has processes that ps lists', () => {
    const text =
      '    1     0     1 Ss   Sun Mar  1 10:00:00 2026\n   42     1    40 Z+   Sun Mar  1 10:00:01 2026\n';
    expect(parsePs(text)).toEqual([
      { pid: 1, parent: 0, group: 1, isZombie: false, started: 'Sun Mar 1 10:00:00 2026' },
      { pid: 42, parent: 1, group: 40, isZombie: true, started: 'Sun Mar 1 10:00:01 2026' },
    ]);
  });

  it('has this process', () => {
    const own = readProcessTable().find(({ pid }) => pid === process.pid);
    expect(own).toMatchObject({ parent: process.ppid, isZombie: false });
    expect(own?.started).not.toBe('');
  });

  it('knows who descends from whom, in whatever order they are listed', () => {
    const all = [entry(4, 3), entry(3, 2), entry(2, 1), entry(5, 1), entry(6, 5)];
    expect(descendants(all, new Set([2])).map(({ pid }) => pid)).toEqual([4, 3, 2]);
    expect(descendants(all, new Set([3, 5])).map(({ pid }) => pid)).toEqual([4, 3, 5, 6]);
  });
});
