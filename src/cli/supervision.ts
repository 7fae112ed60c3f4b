import { constants } from 'node:os';
import type { Lock } from '../lock.ts';
import { quote } from '../quote.ts';
import { EXIT } from './exit-code.ts';
import type { Ending, GuardedCommand } from './guarded-command.ts';
import type { Output } from './output.ts';

interface Supervision {
  readonly resource: string;
  /** Whether the command has got SIGTERM already. */
  readonly wasTerminated: () => boolean;
  readonly stderr: Pick<Output, 'print'>;
}

/** Waits for a command that runs under a lock, and resolves with the exit code; stops the command when the lock is lost. */
export async function supervise(
  command: Pick<GuardedCommand, 'stop' | 'ended'>,
  lock: Lock,
  { resource, wasTerminated, stderr }: Supervision,
): Promise<number> {
  let isTold = false;
  const onLoss = (): void => {
    isTold = true;
    command.stop();
    tellLoss(lock, stderr);
  };
  const { signal } = lock;
  if (signal.aborted) onLoss();
  else signal.addEventListener('abort', onLoss, { once: true });
  let hasSurvivors = false;
  const onSurvivors = (): boolean => {
    const isHeld = !isLost(lock);
    if (!hasSurvivors)
      stderr.print(
        `quorlock: SIGKILL does not end all processes of the command${isHeld ? `; the lock on ${quote(resource)} is kept until they have ended` : ''}`,
      );
    hasSurvivors = true;
    return isHeld;
  };
  const ending = await command.ended({ wasTerminated, onSurvivors });
  signal.removeEventListener('abort', onLoss);
  if (!isLost(lock)) return codeOfEnding(ending);
  // A program that was stopped may hear of the end of its command before it notices the loss.
  return isTold ? EXIT.lost : tellLoss(lock, stderr);
}

export function isLost(lock: Lock): boolean {
  return lock.state === 'lost';
}

/** Prints why the lock was lost, and returns the exit code for that. */
export function tellLoss({ signal }: Lock, stderr: Pick<Output, 'print'>): number {
  stderr.print(`quorlock: ${(signal.reason as Error).message}`);
  return EXIT.lost;
}

function codeOfEnding({ code, signal }: Ending): number {
  return signal ? codeOf(signal) : (code ?? EXIT.error);
}

/** The exit code of a program that a signal has ended, as shells have it. */
export function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
