import type { InspectReply } from '../../src/node/lock-node.ts';
import type { Asker } from './asker.ts';
import type { Audience } from './differential-audience.ts';

/** Somebody in line. */
export interface InLine {
  readonly waiter: string;
  readonly since: number;
}

/**
 * What stands on a server: each key as the port would tell it, those that are reserved for a waiter with its name as the owner, the digits of
 * each key's counter, `0` if there is none, and each key's line.
 */
export interface Contents {
  readonly locks: Readonly<Record<string, InspectReply>>;
  readonly counters: Readonly<Record<string, string>>;
  readonly lines: Readonly<Record<string, readonly InLine[]>>;
}

/**
 * A node, and what befalls the server behind it: the same on both sides of a comparison. No key of another type:
 * the memory store cannot hold one, and the conformance tests have it.
 */
export interface Side {
  readonly ask: Asker;
  readonly audience: Audience;
  /** As if so many ms passed on the server: keys that have no more than that left are gone. */
  pass(ms: number): Promise<void>;
  /** One key goes before its time, if it is there. */
  lose(key: string): Promise<void>;
  /** One key gets rid of its expiry, if it is there. */
  persist(key: string): Promise<void>;
  /** All keys go. */
  forget(): Promise<void>;
  /** All scripts go. */
  forgetScripts(): Promise<void>;
  /** At the end: reading may change it. */
  contents(): Promise<Contents>;
}
