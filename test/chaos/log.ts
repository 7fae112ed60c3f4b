import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Verb } from '../support/checker/history.ts';
import type { NodeState } from './report/report.ts';

/** How a call ended: `ok`, it did what it was asked for; `fail`, it certainly did not; `info`, nobody knows. */
export type Ending = 'ok' | 'fail' | 'info';

/** What a client knew, and when, by the machine's monotonic clock in ms. As in Jepsen, a call is invoked, and ends. */
export type ClientEvent = { readonly client: number; readonly at: number } & (
  | {
      readonly type: 'invoke';
      readonly f: Verb;
      /** Counts the calls of a client. */
      readonly call: number;
      readonly resources: readonly string[];
      /** Within how many ms it has to settle while its client runs. */
      readonly bound: number;
      readonly once: boolean;
      readonly waits: boolean;
      /** The owner token of the lock that it is about, if it is about one. */
      readonly token?: string;
    }
  | {
      readonly type: Ending;
      readonly f: Verb;
      readonly call: number;
      /** `ok`, `null`, or an error's code or message. */
      readonly outcome: string;
      /** What is to be added to the bound: for how long the routine of `using` has taken. */
      readonly extra: number;
      /** Tokens of locks that were over and had not said so. */
      readonly stale: readonly string[];
    }
  /** A call got its lock. Written at once: the process may be killed before the call of `using` ends. */
  | { readonly type: 'info'; readonly f: 'won'; readonly call: number }
  /** It drew a token for an attempt. */
  | { readonly type: 'info'; readonly f: 'attempt'; readonly token: string }
  /** It was handed out a lock. */
  | {
      readonly type: 'info';
      readonly f: 'hold';
      readonly token: string;
      readonly resources: readonly string[];
      readonly fencingToken: number;
      readonly until: number;
      /** For how long it had to be valid at least, in ms. */
      readonly worth: number;
      /** Whether `using` gives it back by itself. */
      readonly isScoped: boolean;
    }
  /** Its validity was extended since it was last looked at, which was at `at`. */
  | { readonly type: 'info'; readonly f: 'validity'; readonly token: string; readonly until: number }
  /** It is given back from now on. */
  | { readonly type: 'info'; readonly f: 'give back'; readonly token: string }
  /** Its signal aborted. */
  | { readonly type: 'info'; readonly f: 'lost'; readonly token: string; readonly why: string }
  /** The process did not run, from `at` on; see the checker's `Pause`. */
  | { readonly type: 'info'; readonly f: 'pause'; readonly to: number; readonly amid: boolean }
  | { readonly type: 'info'; readonly f: 'leftover'; readonly what: string }
);

/** What the harness did, and saw. */
export type HarnessEvent = {
  readonly type: 'info';
  readonly at: number;
} /** A process for the lane of that client: started, stopped and resumed by a signal, killed, or ended otherwise. */ & (
  | {
      readonly f: 'process';
      readonly client: number;
      readonly lane: number;
      readonly state: 'started' | 'stopped' | 'resumed' | 'killed' | 'finished' | 'died';
    }
  /** From now on a node is in that state, until something else is said, or at most until `until`. */
  | { readonly f: 'node'; readonly node: number; readonly state: NodeState; readonly until?: number }
  | {
      readonly f: 'fault';
      readonly kind: string;
      readonly nodes: readonly number[];
      /** A client's lane. */
      readonly lane?: number;
      readonly until: number;
    }
  /** A client wrote to the store. */
  | {
      readonly f: 'write';
      readonly client: number;
      readonly resource: string;
      readonly fencingToken: number;
      readonly isAccepted: boolean;
      /** How many writes of others disappear under this one: with the guard, and without. */
      readonly lost: { readonly guarded: number; readonly unguarded: number };
    }
  /** A key that stood on a node when nobody held or wanted a lock any more. */
  | { readonly f: 'residue'; readonly node: number; readonly key: string; readonly token: string }
  /** The last fault is over, and the last quarantine. */
  | { readonly f: 'healed' }
);

export type LogEvent = ClientEvent | HarnessEvent;

/** Written line by line and at once, so that a process that is killed has said what it knew. */
export class Log {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(event: LogEvent): void {
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Reads a log; a process may have been killed in the midst of its last line, which is left out then. */
export function readLog(path: string): LogEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as LogEvent);
}
