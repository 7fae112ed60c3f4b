import { expect, it, onTestFinished, vi } from 'vitest';
import { GuardedCommand, type Wait } from '../../src/cli/guarded-command.ts';

/** A command that has ended, one of whose processes seems to run on, as one of another user would. */
async function survivor(): Promise<{ command: GuardedCommand; signals: string[]; end: () => void }> {
  const plan = { command: ['true'], env: process.env, hasOwnGroup: true, grace: 0 };
  const command = await GuardedCommand.start(plan, () => {});
  const state = vi.spyOn(command.family, 'state').mockReturnValue('running');
  const signals: string[] = [];
  const signal = vi.spyOn(command.family, 'signal').mockImplementation((name) => void signals.push(name));
  onTestFinished(() => {
    state.mockRestore();
    signal.mockRestore();
  });
  return { command, signals, end: () => state.mockReturnValue('ended') };
}

const wait = (onSurvivors: () => boolean): Wait => ({ wasTerminated: () => false, onSurvivors });

it('processes that survive SIGKILL are waited for as long as the caller wants, and get it again and again', async () => {
  const { command, signals, end } = await survivor();
  const onSurvivors = vi.fn(() => {
    if (onSurvivors.mock.calls.length === 2) end();
    return true;
  });
  expect(await command.ended(wait(onSurvivors))).toEqual({ code: 0, signal: null });
  expect(onSurvivors).toHaveBeenCalledTimes(2);
  expect(signals.slice(0, 2)).toEqual(['SIGTERM', 'SIGCONT']);
  expect(signals.slice(2).length).toBeGreaterThan(2);
  expect(new Set(signals.slice(2))).toEqual(new Set(['SIGKILL']));
});

it('processes that survive SIGKILL are left alone when the caller does not wait', async () => {
  const { command } = await survivor();
  const onSurvivors = vi.fn(() => false);
  expect(await command.ended(wait(onSurvivors))).toEqual({ code: 0, signal: null });
  expect(onSurvivors).toHaveBeenCalledTimes(1);
});

it('without a list of processes, what looks like survivors may be zombies, and is not waited for', async () => {
  const { command } = await survivor();
  vi.spyOn(command.family, 'state').mockReturnValue('unknown');
  const onSurvivors = vi.fn(() => true);
  await command.ended(wait(onSurvivors));
  expect(onSurvivors).not.toHaveBeenCalled();
});
