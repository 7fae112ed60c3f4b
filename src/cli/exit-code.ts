/** How the program ends. Where sysexits.h or the shell has a code for it, it is that one. */
export const EXIT = {
  ok: 0,
  /** An unexpected error. */
  error: 1,
  /** `revoke` has changed nothing; `doctor` has found errors; `demo` has failed. */
  no: 3,
  /** EX_USAGE */
  usage: 64,
  /** EX_UNAVAILABLE: too few nodes can be used. */
  unavailable: 69,
  /** EX_TEMPFAIL: somebody else holds the lock. */
  notAcquired: 75,
  /** The lock was lost while the command ran. */
  lost: 76,
  /** As in the shell: the command is there, but cannot be started. */
  notExecutable: 126,
  /** As in the shell: the command does not exist. */
  notFound: 127,
} as const;

/** The command line is wrong, and the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
