import type { LockOptions } from '../options.ts';
import { quote } from '../quote.ts';
import type { CommandLine } from './command-line.ts';
import { LONGEST_TIMER, parseDuration } from './duration.ts';
import { UsageError } from './exit-code.ts';

/** What `run` is to do. */
export interface RunPlan {
  readonly resource: string;
  /** The program, and its arguments. */
  readonly command: readonly string[];
  /** How long the command may take to end when its lock was lost, in ms. */
  readonly grace: number;
  readonly lock: LockOptions & { readonly acquireTimeout: number; readonly fencing: boolean };
}

const USUAL_GRACE = 10_000;
const USUAL_WAIT = 10_000;

/** @throws {UsageError} */
export function runPlanOf(line: CommandLine): RunPlan {
  const [resource, more] = line.positionals;
  if (resource === undefined || resource === '') throw new UsageError('give the name of a resource');
  if (more !== undefined || line.rest === undefined || line.rest.length === 0)
    throw new UsageError(
      `give the command after --, as in: quorlock run ${resource} -- ${more ?? 'command'}`,
    );
  if (line.rest[0] === '') throw new UsageError('the name of the command is empty');
  const grace = line.duration('grace') ?? USUAL_GRACE;
  if (grace > LONGEST_TIMER) throw new UsageError('--grace must be at most 24 days');
  return {
    resource,
    command: line.rest,
    grace,
    lock: {
      ttl: line.duration('ttl'),
      acquireTimeout: waitOf(line.text('wait')),
      lockDelay: line.duration('lock-delay'),
      label: line.text('label'),
      fencing: !line.has('no-fencing'),
    },
  };
}

function waitOf(text: string | undefined): number {
  if (text === undefined) return USUAL_WAIT;
  return text === 'forever' ? Number.POSITIVE_INFINITY : parseDuration('--wait', text);
}

/** What the command finds in its environment. A token of an outer lock must not be taken for that of this one. */
export function environmentOf(
  env: NodeJS.ProcessEnv,
  resource: string,
  fencingToken: number | undefined,
): NodeJS.ProcessEnv {
  const { QUORLOCK_FENCING_TOKEN: _, ...rest } = env;
  return {
    ...rest,
    QUORLOCK_RESOURCE: resource,
    ...(fencingToken === undefined ? {} : { QUORLOCK_FENCING_TOKEN: String(fencingToken) }),
  };
}

/** Why a command could not be started. */
export function startFailure(command: string, error: unknown): { notFound: boolean; message: string } {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = { ENOENT: 'there is no such command', EACCES: 'permission denied' }[code ?? ''] ?? message;
  return { notFound: code === 'ENOENT', message: `cannot start ${quote(command)}: ${reason}` };
}
