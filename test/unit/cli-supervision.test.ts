import { describe, expect, it, vi } from 'vitest';
import type { Ending, Wait } from '../../src/cli/guarded-command.ts';
import { supervise } from '../../src/cli/supervision.ts';
import type { Lock } from '../../src/index.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

const ENDED: Ending = { code: 7, signal: null };
const SURVIVORS = 'quorlock: SIGKILL does not end all processes of the command';

interface Scene {
  readonly lock: Lock;
  /** Lets the lock expire; no timer notices it. */
  readonly expire: () => void;
  readonly printed: string[];
  readonly stop: () => void;
  /** Supervises a command that ends as `ended` says. */
  readonly supervised: (ended: (wait: Wait) => Promise<Ending>) => Promise<number>;
}

async function scene(): Promise<Scene> {
  const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
  const lock = await redlock.acquire('job');
  const printed: string[] = [];
  const stderr = { print: (...lines: readonly string[]) => void printed.push(...lines) };
  const stop = vi.fn();
  return {
    lock,
    expire: () => clock.jump(1_000),
    printed,
    stop,
    supervised: (ended) =>
      supervise({ stop, ended }, lock, { resource: 'job', wasTerminated: () => false, stderr }),
  };
}

describe('a command under a lock', () => {
  it('has its own exit code, or that of the signal that has ended it', async () => {
    const { supervised, printed, stop } = await scene();
    expect(await supervised(async () => ENDED)).toBe(7);
    expect(await supervised(async () => ({ code: null, signal: 'SIGTERM' }))).toBe(143);
    expect([printed, stop]).toEqual([[], expect.any(Function)]);
    expect(stop).not.toHaveBeenCalled();
  });

  it('is stopped when the lock is lost, which is printed once', async () => {
    const { supervised, expire, lock, printed, stop } = await scene();
    const ended = async (): Promise<Ending> => {
      expire();
      // Reading the state notices the loss.
      expect(lock.state).toBe('lost');
      return ENDED;
    };
    expect(await supervised(ended)).toBe(76);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(printed).toEqual([expect.stringMatching(/^quorlock: lost the lock on "job"/)]);
  });

  it('has not to be stopped if it has ended before the loss was noticed, which is printed all the same', async () => {
    const { supervised, expire, printed, stop } = await scene();
    const ended = async (): Promise<Ending> => {
      expire();
      return ENDED;
    };
    expect(await supervised(ended)).toBe(76);
    expect(stop).not.toHaveBeenCalled();
    expect(printed).toEqual([expect.stringMatching(/^quorlock: lost the lock on "job"/)]);
  });
});

describe('processes that survive SIGKILL', () => {
  it('are waited for while the lock is held, and mentioned once', async () => {
    const { supervised, expire, printed } = await scene();
    const answers: boolean[] = [];
    const ended = async ({ onSurvivors }: Wait): Promise<Ending> => {
      answers.push(onSurvivors(), onSurvivors());
      expire();
      answers.push(onSurvivors());
      return ENDED;
    };
    expect(await supervised(ended)).toBe(76);
    expect(answers).toEqual([true, true, false]);
    expect(printed).toEqual([
      `${SURVIVORS}; the lock on "job" is kept until they have ended`,
      expect.stringMatching(/^quorlock: lost the lock on "job"/),
    ]);
  });

  it('are mentioned, and not waited for, when the lock is lost', async () => {
    const { supervised, expire, printed } = await scene();
    const ended = async ({ onSurvivors }: Wait): Promise<Ending> => {
      expire();
      expect(onSurvivors()).toBe(false);
      return ENDED;
    };
    expect(await supervised(ended)).toBe(76);
    expect(printed.filter((line) => line === SURVIVORS)).toHaveLength(1);
  });
});
