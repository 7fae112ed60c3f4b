import { AcquireTimeoutError, type ErrorCode, RedlockError } from '../errors.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { voteLines } from './node-view.ts';
import type { Paint } from './paint.ts';

/** What a command ends with that has failed. */
export interface Failure {
  readonly code: number;
  /** The first says what is wrong. */
  readonly lines: readonly string[];
}

/** Of too few nodes that can be used. */
const UNAVAILABLE: Partial<Record<ErrorCode, string>> = {
  QUORUM_UNREACHABLE: 'too few nodes can be reached',
  NODES_QUARANTINED: 'too few nodes grant locks yet: some were restarted, and may have lost locks',
  NODE_MISCONFIGURED: 'too few nodes can hold locks as they are set up',
  VALIDITY_EXHAUSTED: 'the nodes granted the lock too late',
};

/** What to tell about an error, in a few lines without a stack. */
export function failureOf(error: unknown, paint: Paint): Failure {
  if (error instanceof UsageError) return { code: EXIT.usage, lines: [error.message] };
  const why = error instanceof AcquireTimeoutError ? error.cause : error;
  if (why instanceof RedlockError) {
    const summary = UNAVAILABLE[why.code];
    if (summary !== undefined)
      return { code: EXIT.unavailable, lines: [summary, ...voteLines(why.votes, paint)] };
    return { code: EXIT.notAcquired, lines: [why.message] };
  }
  return { code: EXIT.error, lines: [error instanceof Error ? error.message : String(error)] };
}

/** What the options are called in messages of the library. */
const OPTIONS: Readonly<Record<string, string>> = {
  acquireTimeout: '--wait',
  keyPrefix: '--key-prefix',
  lockDelay: '--lock-delay',
  maxTtl: '--max-ttl',
  nodeTimeout: '--node-timeout',
  restartGuard: '--restart-guard',
};

/** A message of the library about an option, in the names of the command line. */
export function inOurWords(message: string): string {
  return message
    .replace(/^(ttl|label)\b/, '--$1')
    .replace(/\b[a-z]+[A-Z]\w*\b/g, (name) => OPTIONS[name] ?? name);
}

/** Runs `act`; what the library objects to is the fault of the command line. */
export async function blamingOptions<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const isInput = error instanceof TypeError || error instanceof RangeError;
    throw isInput ? new UsageError(inOurWords(error.message)) : error;
  }
}
