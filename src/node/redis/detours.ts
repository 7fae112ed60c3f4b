import type { Operation } from './operation.ts';
import type { Master } from './redis-connection.ts';

/** How often an operation follows a redirection. */
const MOST_DETOURS = 5;

/**
 * What to do with operations that a master of a Redis Cluster has not run because it does not have their keys. `elsewhere`: send them by
 * the table of slots, which has changed. `asking`: send them to the master that the keys are moving to. `later`: some of their keys have
 * moved, and others have not yet.
 */
export type Detour =
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'asking'; readonly master: Master }
  | { readonly kind: 'later' };

/** The redirections of a Redis Cluster. */
export class Detours {
  readonly #redirected: (error: Error) => Master | undefined;
  readonly #taken = new WeakMap<Operation, number>();

  /** `redirected`: {@link RedisConnection.redirected}. */
  constructor(redirected: (error: Error) => Master | undefined) {
    this.#redirected = redirected;
  }

  /** undefined if the error is none that sends operations elsewhere. */
  of({ message }: Error): Detour | undefined {
    if (message.startsWith('TRYAGAIN ')) return { kind: 'later' };
    if (!/^(MOVED|ASK) /.test(message)) return undefined;
    const master = this.#redirected(new Error(message));
    if (!master) return undefined;
    return message.startsWith('ASK') ? { kind: 'asking', master } : { kind: 'elsewhere' };
  }

  /** Whether an operation takes it. Those of a round end with that; others are not repeated here while their keys are moving. */
  take(operation: Operation, { kind }: Detour): boolean {
    const { verb } = operation;
    if (kind === 'later') return verb !== 'release' && verb !== 'inspect';
    const taken = (this.#taken.get(operation) ?? 0) + 1;
    this.#taken.set(operation, taken);
    return taken <= MOST_DETOURS;
  }
}

/** An error as operations get it: a redirection that does not help passes, as the Redis Cluster is being changed. */
export function inVain(error: Error): Error {
  return /^(MOVED|ASK) /.test(error.message) ? new Error(`redirected in vain: ${error.message}`) : error;
}
